"""What one column of a click log means: ``Field``."""

from dataclasses import dataclass
from typing import Literal, get_args

from clickwise.checks import require_text, require_whole
from clickwise.errors import InputError, nearest

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
        length: slots in the id matrix. A bag or sequence of a column must name it; it is 1 for a category or number,
            and by default for a history. Longer bags are cut, longer sequences keep the most recent.
        column: column of the raw table; defaults to ``name``.
        of: for ``owner="history"``: the name of the field whose values in earlier rows are collected. Where no field
            has the name of the schema's label, that name collects earlier labels (see ``Schema.collects_label``).
        events: for ``owner="history"``: the earlier rows it collects from, ``clicks`` or ``all``.
        separator: for a bag or sequence stored as text, which must name it: what stands between two values.
        transform: for a number ``standardise`` (stays a number), ``quantile`` or ``log_square`` (become a bucket,
            so one id slot); for a category ``hour``, ``weekday``, ``weekend`` or ``season`` of a time column.
        buckets: number of buckets for ``quantile``.
        min_count: values seen less often than this in training rows become the unknown id.
    """

    name: str
    owner: Owner = "context"
    kind: Kind = "category"
    vocabulary: str = ""
    length: int = 0  # not named
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
        for option in ("name", "vocabulary", "column", "of", "separator", "transform"):
            require_text(f"field {self.name!r}", option, getattr(self, option))
        self._require("owner", self.owner, get_args(Owner))
        self._require("kind", self.kind, get_args(Kind))
        self._require("events", self.events, get_args(Events))
        if type(self.length) is int and self.length == 0:
            if self.needs_length:
                raise InputError(
                    f"field {self.name!r}: a {self.kind} needs 'length', the most values that a row keeps, such as 5"
                )
            object.__setattr__(self, "length", 1)
        for option in ("length", "buckets", "min_count"):
            require_whole(f"field {self.name!r}", option, getattr(self, option), 1)
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

    @property
    def needs_length(self) -> bool:
        """True where a cell may hold several values, so that only its author knows how many are worth a slot."""
        return self.kind in ("bag", "sequence") and self.owner != "history"
