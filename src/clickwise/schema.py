"""What the columns of a click log mean: ``Field`` and ``Schema``.

A schema is written by hand, read from YAML, or inferred. *Preparing* a log fits it: ``vocabularies`` then
holds the number of ids of each vocabulary, and the schema knows the layout of the id matrix.

Layout of ids. All vocabularies lie end to end, so an id is unique over the whole log. Id 0 is padding.
A vocabulary of size ``n`` that starts at ``offset`` has the ids ``offset`` (unknown), ``offset + 1`` (missing)
and ``offset + 2 .. offset + n - 1`` (values, most frequent first).
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, get_args

from clickwise.errors import InputError, nearest

SCHEMA_VERSION = 1
PADDING = 0

Owner = Literal["user", "item", "context", "history"]
Kind = Literal["category", "bag", "sequence", "number"]
Events = Literal["clicks", "all"]

NUMBER_TRANSFORMS = ("standardise", "quantile", "log_square")
TIME_TRANSFORMS = ("hour", "weekday", "weekend", "season")


@dataclass(frozen=True)
class Field:
    """One input of a model.

    Args:
        name: unique in its schema.
        owner: whom the value describes: ``user``, ``item``, ``context``, or ``history`` (built from the user's
            own strictly earlier rows).
        kind: ``category`` (one value), ``bag`` (several values, unordered), ``sequence`` (several values, most
            recent last) or ``number``.
        vocabulary: fields with the same vocabulary share ids and so embeddings; defaults to ``name``.
        length: slots in the id matrix; 1 for a category. Longer bags are cut, longer sequences keep the most recent.
        column: column of the raw table; defaults to ``name``.
        of: for ``owner="history"``: the name of the field whose values in earlier rows are collected. Where no field
            has the name of the schema's label, that name collects earlier labels (see ``Schema.collects_label``).
        events: for ``owner="history"``: the earlier rows it collects from, ``clicks`` or ``all``.
        separator: for a bag stored as text: what stands between two values.
        transform: for a number ``standardise`` (stays a number), ``quantile`` or ``log_square`` (become a bucket,
            so one id slot); for a category ``hour``, ``weekday``, ``weekend`` or ``season`` of a time column.
        buckets: number of buckets for ``quantile``.
        min_count: values seen less often than this in training rows become the unknown id.
    """

    name: str
    owner: Owner = "context"
    kind: Kind = "category"
    vocabulary: str = ""
    length: int = 1
    column: str = ""
    of: str = ""
    separator: str = ""
    transform: str = ""
    buckets: int = 20
    min_count: int = 1
    events: Events = "clicks"

    def __post_init__(self) -> None:
        if not self.name:
            raise InputError("field without a name: give each field of the schema a 'name'")
        self._require("owner", self.owner, get_args(Owner))
        self._require("kind", self.kind, get_args(Kind))
        self._require("events", self.events, get_args(Events))
        for option in ("length", "buckets", "min_count"):
            value = getattr(self, option)
            if not isinstance(value, int) or isinstance(value, bool) or value < 1:
                raise InputError(f"field {self.name!r}: {option} must be a whole number of at least 1, not {value!r}")
        if (self.owner == "history") != bool(self.of):
            raise InputError(
                f"field {self.name!r}: a history field, and only that, names the field it collects in 'of'"
            )
        if self.owner != "history" and self.events != "clicks":
            raise InputError(f"field {self.name!r}: 'events' is for history fields, whose owner is 'history'")
        if self.owner == "history" and self.kind == "number":
            raise InputError(f"field {self.name!r}: a history field is a sequence or a bag, not a number")
        if self.kind == "number" and not self.transform:
            object.__setattr__(self, "transform", "standardise")
        if self.transform:
            self._require("transform", self.transform, NUMBER_TRANSFORMS if self.kind == "number" else TIME_TRANSFORMS)
        if self.kind in ("category", "number") and self.length != 1:
            raise InputError(f"field {self.name!r}: a {self.kind} has length 1, not {self.length}")
        object.__setattr__(self, "vocabulary", self.vocabulary or self.name)
        object.__setattr__(self, "column", self.column or self.name)

    def _require(self, option: str, value: str, allowed: tuple[str, ...]) -> None:
        if value not in allowed:
            raise InputError(f"field {self.name!r}: {option} {value!r} is unknown{nearest(str(value), allowed)}")

    @property
    def is_number(self) -> bool:
        """True when the field stays a number; every other field takes ``length`` slots of the id matrix."""
        return self.kind == "number" and self.transform == "standardise"


@dataclass(frozen=True)
class Schema:
    """The fields of a click log, and the columns that have names of their own.

    Args:
        fields: the inputs, in the order of their slots.
        label: column of the label: 0 or 1, or a class ``0 .. classes - 1``.
        user: column of the user; without one every row counts as a user of its own.
        time: column of the time; without one the order of rows stands in for it.
        item: name of the field that identifies the item; controls and history need it.
        classes: number of label classes.
        click_from: the lowest class that counts as a click (1 for binary labels).
        keep: further raw numeric columns carried along unencoded as ``ClickLog.extras``, never seen by a model.
        vocabularies: ids of each vocabulary, unknown and missing included; empty until the schema is fitted.
    """

    fields: tuple[Field, ...]
    label: str = "label"
    user: str = ""
    time: str = ""
    item: str = ""
    classes: int = 2
    click_from: int = 1
    keep: tuple[str, ...] = ()
    vocabularies: Mapping[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "fields", tuple(self.fields))
        object.__setattr__(self, "keep", tuple(self.keep))
        names = [f.name for f in self.fields]
        if not names:
            raise InputError("schema: 'fields' is empty; a model needs at least one")
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise InputError(f"schema: field {twice[0]!r} stands twice; field names are unique")
        if self.classes < 2:
            raise InputError(f"schema: classes must be at least 2, not {self.classes}")
        if not 0 < self.click_from < self.classes:
            raise InputError(f"schema: click_from must lie in 1..{self.classes - 1}, not {self.click_from}")
        if self.item and self.item not in names:
            raise InputError(f"schema: item {self.item!r} is not a field{nearest(self.item, names)}")
        for f in self.fields:
            if f.owner != "history":
                continue
            if self.collects_label(f):
                self._check_label_history(f)
            elif f.of not in names or self[f.of].owner == "history" or self[f.of].is_number:
                raise InputError(
                    f"field {f.name!r}: 'of' must name an id field of this schema, or its label {self.label!r}, "
                    f"not {f.of!r}"
                )
            if not self.user:
                raise InputError(f"field {f.name!r}: a history field needs the schema's 'user' column")

    def _check_label_history(self, spec: Field) -> None:
        if spec.events != "all":
            raise InputError(
                f"field {spec.name!r}: a history of the label collects all earlier rows; set events to 'all'"
            )
        if spec.kind != "sequence":
            raise InputError(f"field {spec.name!r}: a history of the label must be a 'sequence', not a {spec.kind!r}")
        if spec.min_count != 1:
            raise InputError(f"field {spec.name!r}: a history of the label keeps all classes; leave out min_count")
        for f in self.fields:
            if f.vocabulary == spec.vocabulary and not self.collects_label(f):
                raise InputError(
                    f"field {spec.name!r}: classes share no vocabulary with other values; {f.name!r} has "
                    f"{f.vocabulary!r} too"
                )

    def __getitem__(self, name: str) -> Field:
        for f in self.fields:
            if f.name == name:
                return f
        raise InputError(f"schema: no field {name!r}{nearest(name, (f.name for f in self.fields))}")

    def collects_label(self, spec: Field) -> bool:
        """Whether ``spec`` is a history of labels: its ``of`` is the label's column, and no field has that name.

        The vocabulary of such a field is one value a class, in order of class, whatever the rows hold.
        """
        return spec.owner == "history" and spec.of == self.label and all(f.name != self.label for f in self.fields)

    @cached_property
    def id_fields(self) -> tuple[Field, ...]:
        """Fields that take slots of the id matrix, in slot order."""
        return tuple(f for f in self.fields if not f.is_number)

    @cached_property
    def user_field(self) -> Field | None:
        """The category field of the user column, by whose id users are told apart; None where there is none."""
        return next((f for f in self.id_fields if f.column == self.user and f.kind == "category"), None)

    @cached_property
    def number_fields(self) -> tuple[Field, ...]:
        """Fields that stay numbers; each has two columns of ``numbers``: its value (0 if missing), and 1 if missing."""
        return tuple(f for f in self.fields if f.is_number)

    @property
    def width(self) -> int:
        """Columns of the id matrix."""
        return sum(f.length for f in self.id_fields)

    @property
    def number_width(self) -> int:
        """Columns of the number matrix."""
        return 2 * len(self.number_fields)

    def slots(self, name: str) -> slice:
        """Columns of the id matrix that hold field ``name``."""
        start = 0
        for f in self.id_fields:
            if f.name == name:
                return slice(start, start + f.length)
            start += f.length
        self[name]  # an unknown name raises here
        raise InputError(f"schema: field {name!r} stays a number and has no slots")

    @property
    def outputs(self) -> int:
        """Logits of a model: 1 for binary labels, else one a class."""
        return 1 if self.classes == 2 else self.classes

    @property
    def size(self) -> int:
        """Rows of a table that is indexed by id, padding included."""
        if not self.vocabularies:
            raise InputError("schema: not fitted yet; prepare a log with it and use that log's schema")
        return 1 + sum(self.vocabularies.values())

    @cached_property
    def offsets(self) -> dict[str, int]:
        """First id of each vocabulary: its unknown id; the next one is its missing id."""
        offsets, start = {}, 1
        for name, size in self.vocabularies.items():
            offsets[name] = start
            start += size
        return offsets

    def vocabulary_names(self) -> tuple[str, ...]:
        """Distinct vocabularies in slot order."""
        return tuple(dict.fromkeys(f.vocabulary for f in self.id_fields))

    def fitted(self, vocabularies: Mapping[str, int]) -> "Schema":
        """This schema with the sizes of its vocabularies filled in."""
        return replace(self, vocabularies={name: int(vocabularies[name]) for name in self.vocabulary_names()})

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON or YAML; options at their defaults are left out of fields."""
        defaults = {f.name: f.default for f in fields(Field)}
        shown = [
            {k: v for k, v in asdict(f).items() if k in ("name", "owner", "kind") or v != defaults[k]}
            for f in self.fields
        ]
        rest = {k: v for k, v in asdict(self).items() if k != "fields"}
        return {
            "version": SCHEMA_VERSION,
            **rest,
            "keep": list(self.keep),
            "vocabularies": dict(self.vocabularies),
            "fields": shown,
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any], origin: str = "schema") -> "Schema":
        """The reverse of ``to_dict``; an unknown key is an error that suggests the nearest known one."""
        if not isinstance(values, Mapping):
            raise InputError(f"{origin}: a schema is a mapping with 'label' and 'fields', not {type(values).__name__}")
        values = dict(values)
        version = values.pop("version", SCHEMA_VERSION)
        if not isinstance(version, int) or version > SCHEMA_VERSION:
            raise InputError(
                f"{origin}: schema version {version!r}; this clickwise reads versions up to {SCHEMA_VERSION}"
            )
        _check_keys(values, {f.name for f in fields(cls)}, origin)
        rows = values.pop("fields", None)
        if not isinstance(rows, list) or not all(isinstance(row, Mapping) for row in rows):
            raise InputError(f"{origin}: 'fields' must be a list of mappings, one a field")
        for row in rows:
            _check_keys(row, {f.name for f in fields(Field)}, f"{origin}: field {row.get('name', '?')!r}")
        try:
            return cls(fields=tuple(Field(**row) for row in rows), **values)
        except (TypeError, InputError) as error:
            raise InputError(f"{origin}: {error}") from None

    def save(self, path: Path) -> None:
        """Write readable JSON."""
        path.write_text(json.dumps(self.to_dict(), indent=2) + "\n", encoding="utf-8")

    @classmethod
    def load(cls, path: Path) -> "Schema":
        """Read JSON (``.json``) or YAML (any other suffix)."""
        path = Path(path)
        try:
            text = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise InputError(f"{path}: cannot read the schema: {error}") from None
        if path.suffix == ".json":
            try:
                return cls.from_dict(json.loads(text), str(path))
            except json.JSONDecodeError as error:
                raise InputError(f"{path}: not JSON: {error}") from None
        import yaml

        try:
            return cls.from_dict(yaml.safe_load(text), str(path))
        except yaml.YAMLError as error:
            raise InputError(f"{path}: not YAML: {' '.join(str(error).split())}") from None


def _check_keys(values: Mapping[str, Any], known: set[str], origin: str) -> None:
    for key in values:
        if key not in known:
            raise InputError(f"{origin}: unknown key {key!r}{nearest(str(key), known)}")
