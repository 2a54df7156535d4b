"""Tables indexed by id: which of a model's parameters they are, and which of their rows a batch touches."""

from collections.abc import Iterable
from typing import cast

import numpy as np
import torch
from torch import Tensor, nn

from clickwise.array_types import IntArray
from clickwise.schema import PADDING, Field, Schema


class IdTable(nn.Embedding):
    """``nn.Embedding`` with ``schema.size`` rows that knows how many of them anybody can ask for.

    All tables have rows for all ids, so that ids numbered within the rows that a batch touches fit every one of them.

    Attributes:
        reached: rows that padding and the ids of the fields that look up here name.
    """

    reached: int


def id_table(schema: Schema, dim: int, deviation: float, fields: Iterable[Field] | None = None) -> IdTable:
    """A table ``[schema.size, dim]`` of normal initial values, padding's row zero.

    Args:
        schema: fitted schema.
        dim: length of a row.
        deviation: standard deviation of the initial values; 0 starts at zero.
        fields: those whose ids are looked up; all where None.
    """
    table = IdTable(schema.size, dim, padding_idx=PADDING)
    nn.init.normal_(table.weight, std=deviation)
    with torch.no_grad():
        table.weight[PADDING] = 0.0
    table.reached = reached_rows(schema, schema.id_fields if fields is None else fields)
    return table


def given_table(weight: Tensor, reached: int, learned: bool = True) -> IdTable:
    """A table of these rows.

    Args:
        weight: ``[schema.size, dim]``.
        reached: see ``IdTable``.
        learned: whether gradients flow to it.
    """
    table: IdTable = IdTable.from_pretrained(weight, freeze=not learned)
    table.reached = reached
    return table


def reached_rows(schema: Schema, fields: Iterable[Field]) -> int:
    """Rows of a table that padding and the ids of these fields name."""
    vocabularies = {field.vocabulary for field in fields if not field.is_number}
    return 1 + sum(schema.vocabularies[vocabulary] for vocabulary in vocabularies)


def parameter_count(model: nn.Module) -> int:
    """Weights of a model, without the rows of its id tables that no id of the fields that look up there can name.

    Of an id table that is a plain ``nn.Embedding``, all rows count.
    """
    beyond_reach = {
        id(module.weight): (module.num_embeddings - module.reached) * module.embedding_dim
        for module in model.modules()
        if isinstance(module, IdTable)
    }
    return sum(parameter.numel() - beyond_reach.get(id(parameter), 0) for parameter in model.parameters())


def id_embeddings(model: nn.Module, size: int) -> dict[str, nn.Embedding]:
    """The ``nn.Embedding`` modules of ``model`` with ``size`` rows, by the qualified name of their weight."""
    return {
        f"{name}.weight" if name else "weight": module
        for name, module in model.named_modules()
        if isinstance(module, nn.Embedding) and module.num_embeddings == size
    }


def id_tables(model: nn.Module, size: int) -> dict[str, nn.Parameter]:
    """Parameters of ``model`` that are ``nn.Embedding`` weights with ``size`` rows, by their qualified name."""
    return {name: cast(nn.Parameter, module.weight) for name, module in id_embeddings(model, size).items()}


def touched_rows(ids: Tensor) -> tuple[Tensor, Tensor]:
    """The rows of a table that ``ids`` name, and the same ids numbered within those rows.

    Padding keeps the number 0 whether or not it occurs, so that a model cannot tell the small table from the whole one.

    Args:
        ids: ``int [batch, width]``.

    Returns:
        rows ``int [touched]``, ascending and distinct, the first one padding; and local ids ``int64 [batch, width]``.
    """
    padded = torch.cat([ids.new_full((1,), PADDING), ids.reshape(-1)])
    rows, local = torch.unique(padded, return_inverse=True)
    return rows, local[1:].view(ids.shape)


def sparse_gradient(table: Tensor, rows: Tensor, gradient: Tensor) -> Tensor:
    """A coalesced sparse gradient of ``table`` that is ``gradient`` on ``rows`` and zero elsewhere."""
    return torch.sparse_coo_tensor(
        rows.unsqueeze(0).long(), gradient, table.shape, is_coalesced=True, check_invariants=False
    )


@torch.no_grad()
def fill_untrained_rows(model: nn.Module, schema: Schema, counts: IntArray, enough: int = 10) -> None:
    """Give unknown and missing ids that training hardly saw the mean of their vocabulary's trained rows.

    The mean is weighted by how often each value stands in the training rows, so an unseen user gets the average
    user's embedding and not an initial value. Tables that take no gradients stay as they are.

    Optimisers go on from a filled row as from any other. FTRL too: its next value lies where the gradients and the
    points at which they were taken put it, and a point that was filled in is one of them.

    Args:
        model: whose id tables they are; changed in place.
        schema: fitted schema.
        counts: ``int64 [schema.size]``, occurrences in the training rows.
        enough: an unknown or missing id seen at least this often keeps what it learned.
    """
    for table in id_tables(model, schema.size).values():
        if not table.requires_grad:
            continue
        for vocabulary, start in schema.offsets.items():
            first = schema.first_value(vocabulary)
            seldom = [special for special in range(start, first) if counts[special] < enough]
            values = slice(first, start + schema.vocabularies[vocabulary])
            weight = torch.from_numpy(np.asarray(counts[values], dtype=np.float32)).to(table.device)
            total = float(weight.sum())
            if seldom and total > 0:
                table[seldom] = (weight @ table[values].float() / total).to(table.dtype)
