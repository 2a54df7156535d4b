"""What the columns of a click log mean: ``Field`` and ``Schema``.

A schema is written by hand, read from YAML, or inferred. *Preparing* a log fits it: ``vocabularies`` then
holds the number of ids of each vocabulary, and the schema knows the layout of the id matrix.

Layout of ids. All vocabularies lie end to end, so an id is unique over the whole log. Id 0 is padding.
A vocabulary of size ``n`` that starts at ``offset`` has the ids ``offset`` (unknown), ``offset + 1`` (missing)
and ``offset + 2 .. offset + n - 1`` (values, most frequent first).
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from clickwise.documents import read_document
from clickwise.errors import InputError, nearest
from clickwise.schema_checks import check_fields, check_kinds
from clickwise.schema_field import NUMBER_TRANSFORMS, TIME_TRANSFORMS, Events, Field, Kind, Owner
from clickwise.schema_values import from_values, plain_values

__all__ = (
    "NUMBER_TRANSFORMS",
    "PADDING",
    "RESERVED",
    "TIME_TRANSFORMS",
    "USER_FIELD",
    "Events",
    "Field",
    "Kind",
    "Owner",
    "Schema",
)

PADDING = 0
RESERVED = 2  # the unknown and the missing id, with which every vocabulary begins
USER_FIELD = "the schema to name its 'user' and to have a category field of that column"


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
        check_kinds(self)
        object.__setattr__(self, "fields", tuple(self.fields))
        object.__setattr__(self, "keep", tuple(self.keep))
        check_fields(self)

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

    def need_user_field(self, who: str) -> Field:
        """As ``user_field``.

        Args:
            who: what needs it, for the error.

        Raises:
            InputError: there is none.
        """
        if self.user_field is None:
            lacks = f"has no category field of {self.user!r}" if self.user else "names no user"
            raise InputError(f"{who} needs {USER_FIELD}; this one {lacks}")
        return self.user_field

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

    def first_value(self, vocabulary: str) -> int:
        """The lowest id of a value of a vocabulary; those below it in the vocabulary are unknown and missing."""
        return self.offsets[vocabulary] + RESERVED

    @property
    def values(self) -> int:
        """Values that have an id of their own, over all vocabularies."""
        return sum(self.vocabularies.values()) - RESERVED * len(self.vocabularies)

    def vocabulary_names(self) -> tuple[str, ...]:
        """Distinct vocabularies in slot order."""
        return tuple(dict.fromkeys(f.vocabulary for f in self.id_fields))

    def fitted(self, vocabularies: Mapping[str, int]) -> "Schema":
        """This schema with the sizes of its vocabularies filled in."""
        return replace(self, vocabularies={name: int(vocabularies[name]) for name in self.vocabulary_names()})

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON or YAML; options at their defaults are left out of fields."""
        return plain_values(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any], origin: str = "schema") -> "Schema":
        """The reverse of ``to_dict``; an unknown key is an error that suggests the nearest known one."""
        return from_values(cls, values, origin)

    def save(self, path: Path) -> None:
        """Write readable JSON."""
        path.write_text(json.dumps(self.to_dict(), indent=2) + "\n", encoding="utf-8")

    @classmethod
    def load(cls, path: Path) -> "Schema":
        """Read JSON (``.json``) or YAML (any other suffix)."""
        path = Path(path)
        return cls.from_dict(read_document(path, "schema"), str(path))
