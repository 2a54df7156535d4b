"""The recommender that MAMO adapts: a vector of the user, a vector of the rest, and a matrix between them."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from clickwise.data.log import Batch
from clickwise.errors import InputError
from clickwise.nn.embedding import FieldEmbedding
from clickwise.nn.gate_inputs import field_places
from clickwise.nn.mlp import MLP
from clickwise.schema import Schema


class PreferenceEstimator(nn.Module):
    """``(batch, matrix) -> logits [batch, outputs]``: ``MLP(M [e_u, e_i])`` (Dong et al. 2020, the recommender model).

    ``e_u = relu(W_u x_u + b_u)`` is made of the user's fields and histories, ``e_i`` in the same way of all others.

    Args:
        schema: fitted schema.
        embedding_dim: length of a field's vector.
        preference_dim: length of ``e_u`` and ``e_i``.
        hidden_dims: lengths of the MLP's hidden layers.
        initial_deviation: standard deviation of the initial vectors.

    Raises:
        InputError: all fields are the user's, or none is.
    """

    of_user: Tensor
    of_rest: Tensor
    of_profile: Tensor

    def __init__(
        self,
        schema: Schema,
        embedding_dim: int,
        preference_dim: int,
        hidden_dims: Sequence[int],
        initial_deviation: float,
    ) -> None:
        super().__init__()
        self.embedding = FieldEmbedding(schema, embedding_dim, initial_deviation)
        places = field_places(schema)
        user = [place for place, spec in enumerate(schema.id_fields) if spec == schema.user_field]
        of_user = sorted({*user, *places["profile"], *places["behaviour"]})
        of_rest = sorted({*places["fields"]} - {*of_user})
        if not of_user or not of_rest:
            raise InputError("a preference needs fields of the user and others; the schema has one kind only")
        # The id tells nothing of a user never seen, so it stands in for a profile only where there is no other.
        profile = places["profile"] or user
        for name, found in (("of_user", of_user), ("of_rest", of_rest), ("of_profile", profile)):
            self.register_buffer(name, torch.tensor(found), persistent=False)
        self.profile_dim = len(profile) * embedding_dim
        self.user_layer = nn.Linear(len(of_user) * embedding_dim, preference_dim)
        self.rest_layer = nn.Linear(len(of_rest) * embedding_dim, preference_dim)
        self.mlp = MLP(preference_dim, hidden_dims, schema.outputs)

    def forward(self, batch: Batch, matrix: Tensor) -> Tensor:
        """Logits with one matrix for all rows, ``[preference_dim, 2 preference_dim]``."""
        user, rest = self._inputs(self.embedding(batch))
        vectors = torch.cat([self.user_layer(user).relu(), self.rest_layer(rest).relu()], dim=1)
        logits: Tensor = self.mlp(functional.linear(vectors, matrix), batch)
        return logits

    def by_row(self, batch: Batch, attention: Tensor, weight: Tensor, bias: Tensor, cube: Tensor) -> Tensor:
        """Logits where each row reads user layer and matrix from memory by its own attention.

        Args:
            batch: rows of any users.
            attention: ``[batch, slots]``.
            weight: what each slot takes away from the weights of the user layer, ``[slots, ...]``.
            bias: what each slot takes away from its bias, ``[slots, ...]``.
            cube: the matrix of each slot, ``[slots, preference_dim, 2 preference_dim]``.
        """
        user, rest = self._inputs(self.embedding(batch))
        taken = torch.einsum("bk,kde,be->bd", attention, weight, user) + attention @ bias
        vectors = torch.cat([(self.user_layer(user) - taken).relu(), self.rest_layer(rest).relu()], dim=1)
        logits: Tensor = self.mlp(torch.einsum("bk,kde,be->bd", attention, cube, vectors), batch)
        return logits

    def profile(self, batch: Batch) -> Tensor:
        """Field vectors of the users' profiles, ``[batch, profile_dim]``: the attention reads by them."""
        found: Tensor = self.embedding(batch).index_select(1, self.of_profile).flatten(1)
        return found

    def _inputs(self, vectors: Tensor) -> tuple[Tensor, Tensor]:
        return vectors.index_select(1, self.of_user).flatten(1), vectors.index_select(1, self.of_rest).flatten(1)
