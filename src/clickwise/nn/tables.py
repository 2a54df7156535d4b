"""Tables indexed by id: which of a model's parameters they are, and which of their rows a batch touches."""

from typing import cast

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from clickwise.schema import PADDING, Schema


def id_tables(model: nn.Module, size: int) -> dict[str, nn.Parameter]:
    """Parameters of ``model`` that are ``nn.Embedding`` weights with ``size`` rows, by their qualified name."""
    return {
        f"{name}.weight" if name else "weight": cast(nn.Parameter, module.weight)
        for name, module in model.named_modules()
        if isinstance(module, nn.Embedding) and module.num_embeddings == size
    }


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
def fill_untrained_rows(model: nn.Module, schema: Schema, counts: npt.NDArray[np.int64], enough: int = 10) -> None:
    """Give unknown and missing ids that training hardly saw the mean of their vocabulary's trained rows.

    The mean is weighted by how often each value stands in the training rows, so an unseen user gets the average
    user's embedding and not an initial value.

    Args:
        counts: ``int64 [schema.size]``, occurrences in the training rows.
        enough: an unknown or missing id seen at least this often keeps what it learned.
    """
    for table in id_tables(model, schema.size).values():
        for vocabulary, start in schema.offsets.items():
            seldom = [start + special for special in (0, 1) if counts[start + special] < enough]
            values = slice(start + 2, start + schema.vocabularies[vocabulary])
            weight = torch.from_numpy(np.asarray(counts[values], dtype=np.float32)).to(table.device)
            total = float(weight.sum())
            if seldom and total > 0:
                table[seldom] = (weight @ table[values].float() / total).to(table.dtype)
