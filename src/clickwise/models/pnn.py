"""Product-based neural network."""

from collections.abc import Sequence

import torch
from torch import Tensor

from clickwise.data.log import Batch
from clickwise.errors import InputError, nearest
from clickwise.models.model import DEEP_RECIPE, Model
from clickwise.nn.embedding import FieldEmbedding
from clickwise.nn.interactions import InnerProducts, KernelProducts
from clickwise.nn.mlp import MLP
from clickwise.schema import Schema

PRODUCTS = ("inner", "outer", "both")


class PNN(Model):
    """Product-based neural network (Qu et al. 2016): an MLP over the field vectors and a product of every two of them.

    ``inner`` is IPNN: each pair's inner product stands beside the vectors, ``MLP([e, <e_i, e_j>])``; the weights of the
    first layer over products are whole, where the paper factorises them. ``outer`` weighs each pair's outer product by
    a matrix of its own, ``e_i^T W_ij e_j`` (the kernel product of Qu et al. 2019), where the first paper's OPNN adds
    the outer products of all pairs up before it weighs them. ``both`` takes the two.

    Args:
        schema: fitted schema.
        embedding_dim: length of a field's vector.
        products: ``inner``, ``outer`` or ``both``.
        hidden_dims: lengths of the MLP's hidden layers.
        dropout: probability of dropping a hidden unit.
        batch_norm: normalise hidden layers.
        initial_deviation: standard deviation of the initial vectors; it decides how fast interactions are learned.
    """

    recipe = DEEP_RECIPE
    has_mlp = True

    def __init__(
        self,
        schema: Schema,
        embedding_dim: int = 16,
        products: str = "inner",
        hidden_dims: Sequence[int] = (256, 256, 256),
        dropout: float = 0.2,
        batch_norm: bool = False,
        initial_deviation: float = 0.01,
    ) -> None:
        super().__init__(schema)
        if products not in PRODUCTS:
            raise InputError(f"products {products!r} is unknown{nearest(products, PRODUCTS)}")
        self.embedding_dim = embedding_dim
        self.products = products
        self.hidden_dims = tuple(hidden_dims)
        self.dropout = dropout
        self.batch_norm = batch_norm
        self.initial_deviation = initial_deviation
        self.embedding = FieldEmbedding(schema, embedding_dim, initial_deviation)
        fields = self.embedding.fields
        self.inner = None if products == "outer" else InnerProducts(fields)
        self.outer = None if products == "inner" else KernelProducts(fields, embedding_dim)
        pairs = sum(kind.pairs for kind in (self.inner, self.outer) if kind is not None)
        self.mlp = MLP(fields * embedding_dim + pairs, self.hidden_dims, schema.outputs, dropout, batch_norm)

    def forward(self, batch: Batch) -> Tensor:
        vectors = self.embedding(batch)
        products = [kind(vectors) for kind in (self.inner, self.outer) if kind is not None]
        return self.shape_logits(self.mlp(torch.cat([vectors.flatten(1), *products], dim=1), batch))
