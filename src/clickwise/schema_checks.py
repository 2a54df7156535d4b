"""What a schema may not be, as one line that says what would be right."""

import re
from typing import TYPE_CHECKING

from clickwise.checks import require_sizes, require_text, require_whole
from clickwise.errors import InputError, nearest
from clickwise.schema_field import Field

if TYPE_CHECKING:
    from clickwise.schema import Schema

PREDICTION_COLUMNS = ("row", "user", "time", "label", "earlier")  # beside which a table of predictions has kept ones


def check_kinds(schema: "Schema") -> None:
    """Raise ``InputError`` for a value that is of another type than it must be, or out of range by itself."""
    for option in ("label", "user", "time", "item"):
        require_text("schema", option, getattr(schema, option))
    if not schema.label:
        raise InputError("schema: 'label' is empty; name the column of the label")
    require_whole("schema", "classes", schema.classes, 2)
    require_whole("schema", "click_from", schema.click_from, 1)
    require_sizes("schema", "vocabularies", schema.vocabularies)
    if not isinstance(schema.keep, list | tuple):
        raise InputError(f"schema: keep must be a list of columns, not {schema.keep!r}")
    for name in schema.keep:
        require_text("schema", "a column in keep", name)
        if name in PREDICTION_COLUMNS or re.search(r"@\d+$", name):
            raise InputError(
                f"schema: column {name!r} cannot be kept, because tables of predictions have columns named "
                f"{', '.join(PREDICTION_COLUMNS)} and METHOD@SEED; rename it"
            )


def check_fields(schema: "Schema") -> None:
    """Raise ``InputError`` for fields that do not fit each other or the columns that have names of their own."""
    names = [f.name for f in schema.fields]
    if not names:
        raise InputError("schema: 'fields' is empty; a model needs at least one")
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise InputError(f"schema: field {twice[0]!r} stands twice; field names are unique")
    if not 0 < schema.click_from < schema.classes:
        raise InputError(f"schema: click_from must lie in 1..{schema.classes - 1}, not {schema.click_from}")
    if schema.item and schema.item not in names:
        raise InputError(f"schema: item {schema.item!r} is not a field{nearest(schema.item, names)}")
    for f in schema.fields:
        if f.owner == "history":
            _check_history(schema, f, names)
        elif f.column == schema.label:
            raise InputError(
                f"field {f.name!r}: its column {f.column!r} is the label, and a model would read the answer; leave the "
                "field out, or name another column"
            )


def _check_history(schema: "Schema", spec: Field, names: list[str]) -> None:
    if schema.collects_label(spec):
        _check_label_history(schema, spec)
    elif spec.of not in names or schema[spec.of].owner == "history" or schema[spec.of].is_number:
        raise InputError(
            f"field {spec.name!r}: 'of' must name an id field of this schema, or its label {schema.label!r}, "
            f"not {spec.of!r}"
        )
    if not schema.user:
        raise InputError(f"field {spec.name!r}: a history field needs the schema's 'user' column")


def _check_label_history(schema: "Schema", spec: Field) -> None:
    if spec.events != "all":
        raise InputError(f"field {spec.name!r}: a history of the label collects all earlier rows; set events to 'all'")
    if spec.kind != "sequence":
        raise InputError(f"field {spec.name!r}: a history of the label must be a 'sequence', not a {spec.kind!r}")
    if spec.min_count != 1:
        raise InputError(f"field {spec.name!r}: a history of the label keeps all classes; leave out min_count")
    for f in schema.fields:
        if f.vocabulary == spec.vocabulary and not schema.collects_label(f):
            raise InputError(
                f"field {spec.name!r}: classes share no vocabulary with other values; {f.name!r} has "
                f"{f.vocabulary!r} too"
            )
