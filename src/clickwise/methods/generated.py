"""A model with vectors of one's choice in place of rows of one id table: which table, and the forward pass."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import cast

import torch
from torch import Tensor, nn
from torch.func import functional_call

from clickwise.data.log import Batch
from clickwise.errors import InputError
from clickwise.nn.tables import id_tables, touched_rows
from clickwise.schema import Schema

OF_FIELDS = ("embedding.slots.table.weight", "embedding.table.weight")
FIELD_VECTORS = (*OF_FIELDS, *(f"model.{name}" for name in OF_FIELDS))


@dataclass(frozen=True)
class IdVectors:
    """The place of one field's vectors in a network, which stays as it is.

    Attributes:
        network: maps a batch to logits.
        table: qualified name of the id table whose rows are replaced.
        column: slot of ``ids`` that holds the field.
        unknown: id of the field's unknown value.
        size: rows of an id table.
    """

    network: nn.Module
    table: str
    column: int
    unknown: int
    size: int

    @classmethod
    def of(cls, network: nn.Module, schema: Schema, field: str) -> "IdVectors":
        """The gates' own user table where the field names users and the network has gates, else the model's vectors.

        Raises:
            InputError: the network has no such table, or its gates see no user.
        """
        tables = id_tables(network, schema.size)
        spec = schema[field]
        if spec == schema.user_field and hasattr(network, "user_table"):
            table = cast(str, network.user_table)
        else:
            table = next((name for name in FIELD_VECTORS if name in tables), "")
        if table not in tables:
            raise InputError(
                f"{type(network).__name__}: no table of vectors to generate rows of; give a model that keeps a "
                "FieldEmbedding as its attribute 'embedding'"
            )
        return cls(network, table, schema.slots(field).start, schema.offsets[spec.vocabulary], schema.size)

    @staticmethod
    def are_in(network: nn.Module, schema: Schema) -> bool:
        """True for a network with vectors of its own for the user's ids, of gates or of fields."""
        return hasattr(network, "user_table") or bool({*FIELD_VECTORS} & {*id_tables(network, schema.size)})

    @property
    def rows(self) -> Tensor:
        """The table ``[size, dim]``."""
        return self._tables[self.table].detach()

    def is_unknown(self, batch: Batch) -> Tensor:
        """True for rows whose id the vocabulary does not know, ``[batch]``."""
        return batch.ids[:, self.column] == self.unknown

    def logits(self, batch: Batch, vectors: Tensor, which: Tensor) -> Tensor:
        """Logits ``[batch]``, or ``[batch, classes]``, where rows have vectors of their own.

        Such a row has an unknown id to all other tables, as the row of a newcomer has.

        Args:
            batch: rows.
            vectors: ``[vectors, dim]``; the result is differentiable in them, and in nothing else.
            which: ``int64 [batch]``, the vector of each row; -1 for a row as it is.
        """
        own = which >= 0
        ids = batch.ids.clone()
        ids[own, self.column] = self.unknown
        rows, local = touched_rows(ids)
        # Every table gets one more row a vector: the vector in this one, a copy of the unknown row in the others.
        column = torch.where(own, len(rows) + which, local[:, self.column])
        local = local.index_copy(1, torch.tensor([self.column], device=local.device), column.unsqueeze(1))
        further = rows.new_full((len(vectors),), self.unknown)
        values = {name: table.detach().index_select(0, torch.cat([rows, further])) for name, table in self._others}
        values[self.table] = torch.cat([self.rows.index_select(0, rows), vectors])
        logits: Tensor = functional_call(self.network, {**self._dense, **values}, (batch.with_ids(local),))
        # Of half precision nothing more is computed.
        return logits.to(torch.promote_types(logits.dtype, torch.float32))

    @cached_property
    def _tables(self) -> Mapping[str, nn.Parameter]:
        return id_tables(self.network, self.size)

    @property
    def _others(self) -> list[tuple[str, nn.Parameter]]:
        return [(name, table) for name, table in self._tables.items() if name != self.table]

    @property
    def _dense(self) -> dict[str, Tensor]:
        """All parameters but the tables, cut off from their gradients."""
        tables = self._tables
        return {name: value.detach() for name, value in self.network.named_parameters() if name not in tables}


def mean_by(values: Tensor, member: Tensor, members: int) -> Tensor:
    """Mean of ``values [rows]`` over the rows of each member, ``[members]``; 0 for a member without rows."""
    rows = torch.bincount(member, minlength=members).clamp(min=1)
    return values.new_zeros(members).index_add(0, member, values) / rows
