"""Schemas as plain values, for JSON and YAML."""

from collections.abc import Mapping
from dataclasses import asdict, fields
from typing import TYPE_CHECKING, Any

from clickwise.errors import InputError, nearest
from clickwise.schema_field import Field

if TYPE_CHECKING:
    from clickwise.schema import Schema

SCHEMA_VERSION = 1
MAY_BE_BLANK = ("label", "user", "time", "item")


def plain_values(schema: "Schema") -> dict[str, Any]:
    """The schema as ``Schema.to_dict`` gives it."""
    defaults = {f.name: f.default for f in fields(Field)}
    defaults["length"] = 1  # what a field is given that need not name it
    shown = [{k: v for k, v in asdict(f).items() if k in _always(f) or v != defaults[k]} for f in schema.fields]
    rest = {k: v for k, v in asdict(schema).items() if k != "fields"}
    return {
        "version": SCHEMA_VERSION,
        **rest,
        "keep": list(schema.keep),
        "vocabularies": dict(schema.vocabularies),
        "fields": shown,
    }


def _always(spec: Field) -> tuple[str, ...]:
    """Keys of a field that are written whatever they hold."""
    return ("name", "owner", "kind", "length") if spec.needs_length else ("name", "owner", "kind")


def from_values(kind: "type[Schema]", values: Any, origin: str) -> "Schema":
    """The schema that plain values describe, as ``Schema.from_dict`` reads them."""
    if not isinstance(values, Mapping):
        raise InputError(f"{origin}: a schema is a mapping with 'label' and 'fields', not {type(values).__name__}")
    values = dict(values)
    version = values.pop("version", SCHEMA_VERSION)
    if not isinstance(version, int) or version > SCHEMA_VERSION:
        raise InputError(f"{origin}: schema version {version!r}; this clickwise reads versions up to {SCHEMA_VERSION}")
    _check_keys(values, {f.name for f in fields(kind)}, origin)
    # A key that YAML leaves blank is None, where its comment in an inferred schema says "empty".
    values |= {key: "" for key in MAY_BE_BLANK if key in values and values[key] is None}
    rows = values.pop("fields", None)
    if not isinstance(rows, list) or not all(isinstance(row, Mapping) for row in rows):
        raise InputError(f"{origin}: 'fields' must be a list of mappings, one a field")
    for row in rows:
        _check_keys(row, {f.name for f in fields(Field)}, f"{origin}: field {row.get('name', '?')!r}")
    try:
        return kind(fields=tuple(Field(**{"name": "", **row}) for row in rows), **values)
    except InputError as error:
        raise InputError(f"{origin}: {error}") from None


def _check_keys(values: Mapping[str, Any], known: set[str], origin: str) -> None:
    for key in values:
        if key not in known:
            raise InputError(f"{origin}: unknown key {key!r}{nearest(str(key), known)}")
