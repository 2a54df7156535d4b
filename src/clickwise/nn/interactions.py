"""Second-order interactions between field vectors."""

from typing import Any

import torch
from torch import Tensor, nn

from clickwise.schema import Schema


def pairwise(vectors: Tensor) -> Tensor:
    """Sum over field pairs of element-wise products (Rendle 2010, Eq. 5, before the sum over dimensions).

    Args:
        vectors: ``[batch, fields, dim]``.

    Returns:
        ``[batch, dim]``, in time linear in the number of fields.
    """
    return 0.5 * (vectors.sum(1).square() - vectors.square().sum(1))


class _FieldAwarePairwise(torch.autograd.Function):
    """The gradient of ``v[i, j]`` is ``v[j, i]``: one product, where automatic differentiation makes five passes."""

    generate_vmap_rule = True

    @staticmethod
    def forward(vectors: Tensor) -> Tensor:
        both = (vectors * vectors.transpose(1, 2)).sum((1, 2))
        return 0.5 * (both - vectors.diagonal(dim1=1, dim2=2).square().sum(2))

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor], output: Tensor) -> None:
        ctx.save_for_backward(*inputs)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        (vectors,) = ctx.saved_tensors
        result = vectors.transpose(1, 2) * gradient[:, None, None, :]
        result.diagonal(dim1=1, dim2=2).zero_()
        return result


def field_aware_pairwise(vectors: Tensor) -> Tensor:
    """Sum over pairs i < j of ``v[i, j] * v[j, i]`` (Juan et al. 2016, Eq. 4, before the sum over dimensions).

    Args:
        vectors: ``[batch, fields, fields, dim]``; ``v[i, j]`` is the vector of field i meant for field j.

    Returns:
        ``[batch, dim]``.
    """
    result: Tensor = _FieldAwarePairwise.apply(vectors)
    return result


class Sum(nn.Module):
    """``[batch, dim] -> [batch, outputs]``: the sum over dimensions; for several classes a weighted sum each."""

    def __init__(self, dim: int, schema: Schema) -> None:
        super().__init__()
        self.weights = nn.Linear(dim, schema.outputs, bias=False) if schema.outputs > 1 else None

    def forward(self, products: Tensor) -> Tensor:
        if self.weights is None:
            return products.sum(1, keepdim=True)
        logits: Tensor = self.weights(products)
        return logits
