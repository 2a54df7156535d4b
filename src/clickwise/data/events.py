"""The rows of a log that histories collect from, and the values that they collect there."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from clickwise.array_types import IntArray
from clickwise.data.columns import Values
from clickwise.data.history import Moments
from clickwise.data.rows import Rows
from clickwise.data.tail import collected_fields, collects_labels, event_kinds
from clickwise.schema import Schema

PartArray = npt.NDArray[np.int8]


@dataclass(frozen=True)
class Events:
    """The rows that histories of one kind collect from, in order of user and time.

    Attributes:
        rows: these rows, in file order.
        order: positions in ``rows``, sorted by key.
        part: ``int8 [events]``, part of each, in sorted order.
    """

    rows: IntArray
    order: IntArray
    part: PartArray

    @classmethod
    def of(cls, moments: Moments, chosen: IntArray, part: PartArray) -> "Events":
        """The chosen rows; ``part`` is that of every row."""
        order = np.argsort(moments.key[chosen], kind="stable")
        return cls(chosen, order, part[chosen[order]])

    def up_to(self, part: int, moments: Moments) -> tuple[IntArray, IntArray]:
        """Events that rows of ``part`` may know: their positions in ``rows``, and their keys, sorted."""
        chosen = self.order[self.part <= part]
        return chosen, moments.key[self.rows[chosen]]


@dataclass(frozen=True)
class Collected:
    """What histories are made of, while they are fitted.

    Attributes:
        moments: keys of all rows.
        events: by kind.
        values: by kind, those of each collected field and of the label, in the rows that are events.
    """

    moments: Moments
    events: dict[str, Events]
    values: dict[str, dict[str, Values]]

    @classmethod
    def of(cls, schema: Schema, rows: Rows, part: PartArray) -> "Collected":
        """Without the values of fields."""
        moments = Moments.of(rows.user, rows.time)
        events, values = {}, {}
        for kind in event_kinds(schema):
            events[kind] = Events.of(moments, rows.events(schema, kind), part)
            labels = collects_labels(schema, kind)
            values[kind] = {schema.label: rows.labels(events[kind].rows)} if labels else {}
        return cls(moments, events, values)

    def take(self, schema: Schema, name: str, values: Values) -> None:
        """Keep those of a field that histories collect."""
        for kind, events in self.events.items():
            if name in collected_fields(schema, kind):
                whole = len(events.rows) == values.rows
                self.values[kind][name] = values if whole else values.take(events.rows)
