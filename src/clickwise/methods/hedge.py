"""Weights of trained models for each user in closed form, shrunk to the global mixture: no gradient step at all."""

from collections.abc import Sequence
from typing import cast

import numpy as np
import polars as pl
import torch
from torch import Tensor, nn

from clickwise.array_types import FloatArray, IntArray
from clickwise.data.log import Batch, ClickLog
from clickwise.data.tasks import divide_by_user, raw_users
from clickwise.errors import InputError, nearest
from clickwise.methods.adapted_mixture import AdaptedMixture
from clickwise.methods.controls import UniformAverage, convex_weights, likelihoods
from clickwise.methods.method import Method, Run
from clickwise.methods.mixture import model_names
from clickwise.methods.unseen import common_schema_of, require_rows
from clickwise.methods.user_weights import KINDS, STRENGTHS, mean_loss, weights_by_user
from clickwise.methods.weights import weights_frame
from clickwise.schema import RESERVED


class HedgeMixture(UniformAverage):
    """``p(x) = sum_k w_uk p_k(x)``: a mixture of trained models whose weights belong to the user.

    With w0 the global weights of ``Stacking``, over the rows that are remembered of the user:

    - ``hedge``: ``w_uk ~ w0_k exp(-learning_rate * loss_k)``, loss_k the sum of model k's LogLoss (Hedge, Freund and
      Schapire 1997; at rate 1 the Bayesian posterior that one model is the user's).
    - ``dirichlet``: the weights that maximise the user's likelihood under a Dirichlet prior centred on w0 that counts
      as ``prior_rows`` rows.

    A user without rows gets w0. A model that stacking leaves out stays out for every user.

    Args:
        models: trained methods or networks, of one schema.
        kind: ``hedge`` or ``dirichlet``; the one that is better on validation rows where None.
        learning_rate: of ``hedge``; 0 is stacking itself. Chosen on validation rows where None.
        prior_rows: of ``dirichlet``. Chosen on validation rows where None.
        shuffle_users: give a user the weights of another one: a control whose gain must vanish.

    Raises:
        InputError: an option that cannot be or that ``kind`` does not take, or a schema that does not name its user.
    """

    table: Tensor
    rows: Tensor
    chosen: Tensor

    def __init__(
        self,
        models: Sequence[nn.Module],
        kind: str | None = None,
        learning_rate: float | None = None,
        prior_rows: float | None = None,
        shuffle_users: bool = False,
    ) -> None:
        super().__init__(models)
        _check(kind, learning_rate, prior_rows)
        self.kind = kind
        self.learning_rate = learning_rate
        self.prior_rows = prior_rows
        self.shuffle_users = shuffle_users
        schema = common_schema_of(self.models)
        field = schema.need_user_field(type(self).__name__)
        self.column = schema.slots(field.name).start
        self.first_id, users = schema.offsets[field.vocabulary], schema.vocabularies[field.vocabulary]
        self.register_buffer("table", self.weights.repeat(users, 1))
        self.register_buffer("rows", torch.zeros(users, dtype=torch.int64))
        self.register_buffer("chosen", torch.zeros(2, dtype=torch.float64))  # place in KINDS, strength

    @property
    def names(self) -> list[str]:
        """A name for each model, in order."""
        return model_names(list(self.models))

    def without_support(self, log: ClickLog) -> int:
        """Users of ``log`` of whom nothing is remembered, who get the global weights."""
        return len(np.unique(log.user[self.rows.cpu().numpy()[self._places(log)] == 0]))

    @property
    def chosen_kind(self) -> str:
        """``hedge`` or ``dirichlet``, once fitted."""
        return KINDS[int(self.chosen[0])]

    @property
    def chosen_strength(self) -> float:
        """The ``learning_rate`` or the ``prior_rows`` of the chosen kind, once fitted."""
        return float(self.chosen[1])

    def start(self, train: ClickLog, valid: ClickLog | None, run: Run) -> None:
        if valid is None:
            raise InputError("HedgeMixture learns from validation rows, which its models have not seen; give it some")
        super().remember(train)
        # In halves from the start, so that no row is scored twice.
        first, second = (self._observe(half) for half in divide_by_user(valid, 0.5, "random"))
        kind, strength = self._choose(first, second)
        self.chosen.copy_(torch.tensor([KINDS.index(kind), strength], dtype=torch.float64))
        likelihood, user = (np.concatenate(parts) for parts in zip(first, second, strict=True))
        self.weights.copy_(torch.from_numpy(convex_weights(likelihood)))
        self._learn(likelihood, user)

    def _observe(self, log: ClickLog) -> tuple[FloatArray, IntArray]:
        """Likelihood of each row under each model ``[rows, models]``, and its user's row of ``table`` ``[rows]``."""
        if not len(log):
            return np.empty((0, len(self.models))), np.empty(0, dtype=np.int64)
        return likelihoods(self._methods(), log), self._places(log)

    def _methods(self) -> list[Method]:
        return [cast(Method, model) for model in self.models]

    def _places(self, log: ClickLog) -> IntArray:
        return np.maximum(log.ids[:, self.column].astype(np.int64) - self.first_id, 0)

    def _choose(self, learned: tuple[FloatArray, IntArray], judged: tuple[FloatArray, IntArray]) -> tuple[str, float]:
        """Kind and strength whose weights, learned on some of each user's rows, lose least on others."""
        given = {"hedge": self.learning_rate, "dirichlet": self.prior_rows}
        grid: list[tuple[str, float]] = []
        for kind in KINDS if self.kind is None else (self.kind,):
            strength = given[kind]
            grid += [(kind, each) for each in (STRENGTHS[kind] if strength is None else (strength,))]
        if len(grid) == 1:
            return grid[0]
        if not len(learned[1]) or not len(judged[1]):
            raise InputError("HedgeMixture learns on some validation rows and judges on others; give it more of them")
        prior = convex_weights(learned[0])
        losses = [mean_loss(self._table(*each, prior, *learned)[judged[1]], judged[0]) for each in grid]
        return grid[int(np.argmin(losses))]

    def _table(
        self, kind: str, strength: float, prior: FloatArray, likelihood: FloatArray, user: IntArray
    ) -> FloatArray:
        """Weights of every user of the vocabulary, ``[users, models]``."""
        weights = weights_by_user(kind, strength, prior, likelihood, user, len(self.table))
        # Users that the vocabulary does not know share one id, so nothing can be known of them.
        weights[:RESERVED] = prior
        if self.shuffle_users:
            present = np.unique(user[user >= RESERVED])
            weights[present] = weights[np.roll(present, len(present) // 2)]
        return weights

    def remember(self, *logs: ClickLog) -> None:
        """Learn the users' weights anew from the last of these logs; without any, all users get the global ones.

        Logs before it hold the rows that the models were trained on, where losses favour the model that overfits.
        """
        for log in logs[-1:]:  # before any model forgets anything
            require_rows(self, log, "weighing models")
        nothing = np.empty((0, len(self.models))), np.empty(0, dtype=np.int64)
        super().remember(*logs[:-1])  # what models adapt to must not hold the rows that they are judged on
        self._learn(*(self._observe(logs[-1]) if logs else nothing))
        super().remember(*logs)

    def _learn(self, likelihood: FloatArray, user: IntArray) -> None:
        rows = np.bincount(user, minlength=len(self.rows))
        rows[:RESERVED] = 0
        table = self._table(self.chosen_kind, self.chosen_strength, self._prior(), likelihood, user)
        self.table.copy_(torch.from_numpy(table))
        self.rows.copy_(torch.from_numpy(rows))

    def _prior(self) -> FloatArray:
        weights = self.weights.cpu().numpy().astype(np.float64)
        return np.asarray(weights / weights.sum())

    def predict(self, batch: Batch) -> Tensor:
        user = (batch.ids[:, self.column].long() - self.first_id).clamp(min=0)
        return torch.einsum("b...k,bk->b...", self._each(batch), self.table[user])

    def user_weights(self, log: ClickLog) -> pl.DataFrame:
        """The weights of every user of ``log``: columns user, support_rows, and one a model."""
        users, first = np.unique(log.user, return_index=True)
        places = torch.from_numpy(self._places(log)[first])
        return weights_frame(
            raw_users(log).gather(users), self.rows.cpu()[places].numpy(), self.table.cpu()[places].numpy(), self.names
        )

    def adapt(self, support: ClickLog) -> AdaptedMixture:
        """The mixture adapted to rows of one user or of many, who may be new.

        Args:
            support: labelled rows that the models have not seen; users are told apart by their raw value.
        """
        users, prior = len(raw_users(support)), self._prior()
        likelihood, _ = self._observe(support)
        weights = weights_by_user(self.chosen_kind, self.chosen_strength, prior, likelihood, support.user, users)
        rows = np.bincount(support.user, minlength=users)
        return AdaptedMixture(self._methods(), support, np.vstack([weights, prior]), np.append(rows, 0), self.names)


def _check(kind: str | None, learning_rate: float | None, prior_rows: float | None) -> None:
    if kind is not None and kind not in KINDS:
        raise InputError(f"kind {kind!r} is unknown{nearest(kind, KINDS)}")
    if learning_rate is not None and kind == "dirichlet":
        raise InputError("learning_rate belongs to kind 'hedge'; kind 'dirichlet' takes prior_rows")
    if prior_rows is not None and kind == "hedge":
        raise InputError("prior_rows belongs to kind 'dirichlet'; kind 'hedge' takes learning_rate")
    if learning_rate is not None and learning_rate < 0:
        raise InputError(f"learning_rate must be at least 0, not {learning_rate}")
    if prior_rows is not None and prior_rows <= 0:
        raise InputError(f"prior_rows must be positive, not {prior_rows}")
