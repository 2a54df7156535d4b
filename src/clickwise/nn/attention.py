"""Attention between field vectors."""

from torch import Tensor, nn

from clickwise.errors import InputError


class Interacting(nn.Module):
    """``[batch, fields, inputs] -> [batch, fields, heads * attention_dim]``: one interacting layer of AutoInt.

    Each head lets a field attend to all fields, ``sum_j softmax_j(<q_i, k_j>) v_j`` (Song et al. 2019; as there, scores
    are not scaled); the heads side by side, plus a linear map of the field's own vector, go through ReLU.

    Args:
        inputs: length of a field's vector.
        heads: number of heads.
        attention_dim: length of a head's queries, keys and values.
    """

    def __init__(self, inputs: int, heads: int, attention_dim: int) -> None:
        super().__init__()
        if heads < 1 or attention_dim < 1:
            raise InputError(f"heads and attention_dim must be at least 1, not {heads} and {attention_dim}")
        self.heads = heads
        # Queries, keys, values and the residual map in one matrix: one product in place of four.
        self.maps = nn.Linear(inputs, 4 * heads * attention_dim, bias=False)

    def forward(self, vectors: Tensor) -> Tensor:
        queries, keys, values, residual = self.maps(vectors).chunk(4, dim=2)
        # Torch's fused attention has neither second derivatives nor forward ones, which learning a loss takes.
        by_head = (each.unflatten(2, (self.heads, -1)).transpose(1, 2) for each in (queries, keys, values))
        queries, keys, values = by_head
        # [batch, heads, keys, queries]: along the last, short dimension a softmax takes a processor four times as long.
        shares = (keys @ queries.transpose(2, 3)).softmax(2)
        attended = (shares.transpose(2, 3) @ values).transpose(1, 2).flatten(2)
        return (attended + residual).relu()
