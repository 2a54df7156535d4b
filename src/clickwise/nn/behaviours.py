"""Which slots of a log hold a user's behaviours in order, and with which fields of the candidate they are compared."""

from dataclasses import dataclass

from clickwise.errors import InputError
from clickwise.schema import Field, Schema


@dataclass(frozen=True)
class Behaviours:
    """Sequences of one length and kind of events, side by side: the n-th slots of all of them describe one behaviour.

    Attributes:
        sequences: names of the sequence fields.
        targets: for each, the name of the category field of the candidate with the same meaning.
        slots: for each, its columns of the id matrix.
        target_slots: for each target, its column.
        length: slots of each sequence.
        events: what a behaviour is: ``clicks``, or ``all`` for any earlier row, clicked or not.
        labels: where the schema has a history of labels of this length and these events, the name of that field: its
            n-th slot is what came of the n-th behaviour, as ``BehaviourLabels`` reads it.
    """

    sequences: tuple[str, ...]
    targets: tuple[str, ...]
    slots: tuple[slice, ...]
    target_slots: tuple[int, ...]
    length: int
    events: str = "clicks"
    labels: str | None = None


def behaviours(schema: Schema) -> tuple[Behaviours, ...]:
    """The sequence fields of a schema that have a category field to be compared with, in groups.

    Those of one length and one kind of events stand together. A history is compared with the field that it collects,
    another sequence with the item's category field of the same vocabulary. Bags, and sequences that collect bags, have
    no order of behaviours and are left out; so are histories of labels, which tell of the others.
    """
    pairs = [(spec, _target(schema, spec)) for spec in schema.id_fields if spec.kind == "sequence"]
    groups: dict[tuple[int, str], list[tuple[Field, str]]] = {}
    for spec, target in pairs:
        if target:
            groups.setdefault((spec.length, spec.events), []).append((spec, target))
    return tuple(_aligned(schema, group) for group in groups.values())


def need_behaviours(schema: Schema, model: str) -> tuple[Behaviours, ...]:
    """As ``behaviours``.

    Raises:
        InputError: there are none.
    """
    found = behaviours(schema)
    if not found:
        raise InputError(
            f"{model} needs a history of the kind 'sequence' that collects a category field; this schema has none"
        )
    return found


def _target(schema: Schema, spec: Field) -> str:
    if schema.collects_label(spec):
        return ""
    if spec.owner == "history":
        return spec.of if schema[spec.of].kind == "category" else ""
    same = [f.name for f in schema.id_fields if f.kind == "category" and f.vocabulary == spec.vocabulary]
    return next((name for name in same if schema[name].owner == "item"), "")


def _aligned(schema: Schema, pairs: list[tuple[Field, str]]) -> Behaviours:
    length, events = pairs[0][0].length, pairs[0][0].events
    labels = (f.name for f in schema.id_fields if schema.collects_label(f) and (f.length, f.events) == (length, events))
    return Behaviours(
        tuple(spec.name for spec, _ in pairs),
        tuple(target for _, target in pairs),
        tuple(schema.slots(spec.name) for spec, _ in pairs),
        tuple(schema.slots(target).start for _, target in pairs),
        length,
        events,
        next(labels, None),
    )
