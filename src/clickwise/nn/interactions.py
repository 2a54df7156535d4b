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
        ctx.save_for_forward(*inputs)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        (vectors,) = ctx.saved_tensors
        result = vectors.transpose(1, 2) * gradient[:, None, None, :]
        result.diagonal(dim1=1, dim2=2).zero_()
        return result

    @staticmethod
    def jvp(ctx: Any, tangent: Tensor) -> Tensor:
        (vectors,) = ctx.saved_tensors
        both = (tangent * vectors.transpose(1, 2)).sum((1, 2))
        return both - (tangent.diagonal(dim1=1, dim2=2) * vectors.diagonal(dim1=1, dim2=2)).sum(2)


def field_aware_pairwise(vectors: Tensor) -> Tensor:
    """Sum over pairs i < j of ``v[i, j] * v[j, i]`` (Juan et al. 2016, Eq. 4, before the sum over dimensions).

    Args:
        vectors: ``[batch, fields, fields, dim]``; ``v[i, j]`` is the vector of field i meant for field j.

    Returns:
        ``[batch, dim]``.
    """
    result: Tensor = _FieldAwarePairwise.apply(vectors)
    return result


class InnerProducts(nn.Module):
    """``[batch, fields, dim] -> [batch, pairs]``: the inner product of every two fields, pairs (i, j > i) row by row.

    Args:
        fields: number of fields.
    """

    places: Tensor

    def __init__(self, fields: int) -> None:
        super().__init__()
        first, second = torch.triu_indices(fields, fields, offset=1)
        self.pairs = len(first)
        self.register_buffer("places", first * fields + second, persistent=False)

    def forward(self, vectors: Tensor) -> Tensor:
        return torch.bmm(vectors, vectors.transpose(1, 2)).flatten(1).index_select(1, self.places)


class KernelProducts(nn.Module):
    """``[batch, fields, dim] -> [batch, pairs]``: ``e_i^T W_ij e_j`` with a matrix for every pair, ordered as above.

    Args:
        fields: number of fields.
        dim: length of a field's vector.
    """

    first: Tensor
    second: Tensor

    def __init__(self, fields: int, dim: int) -> None:
        super().__init__()
        first, second = torch.triu_indices(fields, fields, offset=1)
        self.pairs = len(first)
        self.register_buffer("first", first, persistent=False)
        self.register_buffer("second", second, persistent=False)
        # Of this deviation, products are at first as large as inner products.
        self.kernels = nn.Parameter(torch.randn(self.pairs, dim, dim) / dim**0.5)

    def forward(self, vectors: Tensor) -> Tensor:
        by_field = vectors.transpose(0, 1)
        mapped = torch.bmm(by_field.index_select(0, self.first), self.kernels)
        return (mapped * by_field.index_select(0, self.second)).sum(2).transpose(0, 1)


class Sum(nn.Module):
    """``[batch, dim] -> [batch, outputs]``: the sum over dimensions; for several classes a weighted sum each.

    Args:
        dim: length of what is summed.
        schema: fitted schema, for the number of outputs.
    """

    def __init__(self, dim: int, schema: Schema) -> None:
        super().__init__()
        self.weights = nn.Linear(dim, schema.outputs, bias=False) if schema.outputs > 1 else None

    def forward(self, products: Tensor) -> Tensor:
        if self.weights is None:
            return products.sum(1, keepdim=True)
        logits: Tensor = self.weights(products)
        return logits
