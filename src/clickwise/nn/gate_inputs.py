"""What a gate reads of a row: field vectors of its base model, how full the histories are, and a vector of the user."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from clickwise.data.log import Batch
from clickwise.errors import InputError, nearest
from clickwise.nn.tables import id_table
from clickwise.schema import PADDING, Field, Schema

INPUTS = ("item", "behaviour", "user", "profile", "category", "context", "fields", "fullness")
USER_DEVIATION = 0.01


class GateInputs(nn.Module):
    """``(field vectors [batch, fields, dim], batch) -> [batch, width]``: the inputs side by side, no field twice.

    ``item``: vectors of the item's fields. ``category``: those but the item's id. ``behaviour``: the histories, and
    sequences of the user, averaged. ``profile``: the user's other fields but the id. ``context``: the context's.
    ``fields``: all of them. ``fullness``: of each behaviour field, the share of its slots that hold a value. ``user``:
    a vector of the user from a table of its own (E^UDG of the UDG paper).

    Args:
        schema: fitted schema.
        names: of the inputs.
        embedding_dim: length of a field vector.
        user_dim: length of the user's own vector.
        stop_gradient: let no gradient flow from here into the field vectors.
        shuffle_users: take all that is the user's (``user``, ``profile``, ``behaviour``, ``fullness``) from another
            row, see ``other_rows``: a control.

    Raises:
        InputError: a name is unknown, or the schema has no field for it.
    """

    of_row: Tensor
    of_user: Tensor

    def __init__(
        self,
        schema: Schema,
        names: Sequence[str],
        embedding_dim: int,
        user_dim: int,
        stop_gradient: bool = False,
        shuffle_users: bool = False,
    ) -> None:
        super().__init__()
        check_inputs(schema, names)
        places = field_places(schema)
        read = sorted({place for name in names for place in places.get(name, ())})
        of_user = [place for place in read if place not in places["item"] and place not in places["context"]]
        self.register_buffer("of_row", torch.tensor([p for p in read if p not in of_user]).long(), persistent=False)
        self.register_buffer("of_user", torch.tensor(of_user).long(), persistent=False)
        self.filled = [schema.slots(f.name) for f in _behaviour_fields(schema)] if "fullness" in names else []
        self.stop_gradient = stop_gradient
        self.shuffle_users = shuffle_users
        self.width = len(read) * embedding_dim + len(self.filled)
        self.user: nn.Embedding | None = None
        if "user" in names and schema.user_field is not None:
            self.user_slot = schema.slots(schema.user_field.name).start
            self.user = id_table(schema, user_dim, USER_DEVIATION, [schema.user_field])
            self.width += user_dim

    def forward(self, vectors: Tensor, batch: Batch) -> Tensor:
        if self.stop_gradient:
            vectors = vectors.detach()
        parts = [vectors.index_select(1, self.of_user).flatten(1)] if len(self.of_user) else []
        parts += [batch.ids[:, slots].ne(PADDING).to(vectors).mean(1, keepdim=True) for slots in self.filled]
        if self.user is not None:
            parts.append(self.user(batch.ids[:, self.user_slot]))
        if self.shuffle_users:
            source = other_rows(batch, self.training)
            parts = [part.index_select(0, source) for part in parts]
        if len(self.of_row):
            parts.insert(0, vectors.index_select(1, self.of_row).flatten(1))
        return torch.cat(parts, dim=1) if len(parts) > 1 else parts[0]


def other_rows(batch: Batch, training: bool) -> Tensor:
    """For each row the place of another one, every place once, ``int64 [batch]``; the only row of a batch is its own.

    Drawn from torch's global generator in training, else from one seeded by the ids of the batch, so that the same
    batch gives the same prediction.
    """
    generator = None if training else torch.Generator().manual_seed(int(batch.ids.sum()))
    order = torch.randperm(len(batch), generator=generator).to(batch.ids.device)
    return torch.empty_like(order).scatter_(0, order, order.roll(1))


def field_places(schema: Schema) -> dict[str, list[int]]:
    """By input, the places of its fields among the field vectors: id fields first, then two for each number field."""
    numbers = [spec for spec in schema.number_fields for _ in ("value", "missing")]
    placed = list(enumerate([*schema.id_fields, *numbers]))

    def where(wanted: Callable[[Field], bool]) -> list[int]:
        return [place for place, spec in placed if wanted(spec)]

    return {
        "item": where(lambda f: f.owner == "item"),
        "behaviour": where(_is_behaviour),
        "profile": where(lambda f: f.owner == "user" and f != schema.user_field and not _is_behaviour(f)),
        "category": where(lambda f: f.owner == "item" and f.name != schema.item),
        "context": where(lambda f: f.owner == "context" and f != schema.user_field),
        "fields": where(lambda f: True),
    }


def available_inputs(schema: Schema) -> tuple[str, ...]:
    """Names of the inputs that a schema has fields for."""
    found = [name for name, places in field_places(schema).items() if places]
    found += ["fullness"] if _behaviour_fields(schema) else []
    found += ["user"] if schema.user_field is not None else []
    return tuple(name for name in INPUTS if name in found)


def check_inputs(schema: Schema, names: Sequence[str]) -> None:
    """Raise ``InputError`` for no name at all, and for one that is unknown or that the schema has no field for."""
    if not names:
        raise InputError(f"inputs: a gate needs at least one of {', '.join(INPUTS)}")
    available = available_inputs(schema)
    for name in names:
        if name not in INPUTS:
            raise InputError(f"inputs: {name!r} is unknown{nearest(name, INPUTS)}")
        if name == "user":
            schema.need_user_field("inputs: 'user'")
        if name not in available:
            raise InputError(f"inputs: this schema has no field for {name!r}; it has {', '.join(available)}")


def _is_behaviour(spec: Field) -> bool:
    return spec.owner == "history" or (spec.owner == "user" and spec.kind == "sequence")


def _behaviour_fields(schema: Schema) -> list[Field]:
    return [spec for spec in schema.id_fields if _is_behaviour(spec)]
