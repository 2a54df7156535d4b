"""A mixture of trained models whose weights belong to users that are told apart by their raw value."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from clickwise.array_types import FloatArray, IntArray
from clickwise.data.log import ClickLog
from clickwise.data.tasks import raw_users
from clickwise.errors import InputError
from clickwise.methods.method import Method
from clickwise.methods.personal import refuse_overlap
from clickwise.methods.scoring import score
from clickwise.methods.unseen import require_schema
from clickwise.methods.weights import weights_frame


@dataclass(frozen=True)
class AdaptedMixture:
    """Models, and their weights for each user of a support.

    Attributes:
        models: trained methods.
        support: the rows that the weights were learned from.
        weights: of each user code of ``support``, and last those of a user without rows, ``[users + 1, models]``.
        rows: rows of support of each of these, ``[users + 1]``.
        names: of the models.
    """

    models: Sequence[Method]
    support: ClickLog
    weights: FloatArray
    rows: IntArray
    names: Sequence[str]

    def predict(self, query: ClickLog) -> npt.NDArray[np.float32]:
        """Probabilities ``[rows]`` or ``[rows, classes]`` of rows of any users, each mixed with its user's weights.

        Raises:
            InputError: a row of the query is also in the support, or the rows are of another schema.
        """
        for model in self.models:
            require_schema(model, query)
        refuse_overlap(self.support, query)
        each = np.stack([score(model, query) for model in self.models], axis=-1)
        weights = self.weights[self._places(query)[query.user]]
        return np.einsum("b...k,bk->b...", each, weights).astype(np.float32)

    def user_weights(self, query: ClickLog) -> pl.DataFrame:
        """The weights of every user of ``query``: columns user, support_rows, and one a model."""
        users = np.unique(query.user)
        places = self._places(query)[users]
        return weights_frame(raw_users(query).gather(users), self.rows[places], self.weights[places], self.names)

    def without_support(self, query: ClickLog) -> int:
        """Users of ``query`` that have no support and so are not adapted."""
        return int((self.rows[self._places(query)[np.unique(query.user)]] == 0).sum())

    def _places(self, query: ClickLog) -> IntArray:
        """For each user code of ``query`` the place of that user's weights."""
        known, asked = raw_users(self.support).alias("user"), raw_users(query).alias("user")
        if known.dtype != asked.dtype:
            raise InputError(
                f"the support names its users by {known.dtype}, the query by {asked.dtype}; give parts of one log"
            )
        places = known.to_frame().with_row_index("place")
        found = asked.to_frame().join(places, on="user", how="left", nulls_equal=True, maintain_order="left")["place"]
        return found.fill_null(len(known)).to_numpy().astype(np.int64)
