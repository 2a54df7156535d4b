"""MetaSelector: which model serves this user, learned by meta-learning (Luo et al. 2020)."""

from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Any, Self

import torch
from torch import Tensor, nn

from clickwise.adaptation import TaskParameters
from clickwise.data.log import Batch, ClickLog
from clickwise.data.tasks import Task
from clickwise.errors import InputError, nearest
from clickwise.methods.diverged import require_finite
from clickwise.methods.inner import Adaptable
from clickwise.methods.method import Run
from clickwise.methods.mixture import mean_loss
from clickwise.methods.outer import outer_update
from clickwise.methods.rates import LearnedRates
from clickwise.methods.recurrent_meta import RecurrentMeta
from clickwise.methods.selection import Selection
from clickwise.nn.selector import Selector
from clickwise.nn.tables import id_embeddings

WEIGHTINGS = ("users", "rows")


class MetaSelector(Selection):
    """A mixture of models whose weights and, if asked, whose models adapt to each user (paper, Algorithm 1).

    ``p(x) = sum_k lambda_k(x) M_k(x)``. One inner gradient step on a user's support adapts selector and models
    (Eq. 4); the loss of the adapted mixture on the user's query trains initial values and inner rates (Eq. 5 and 6).
    Episodes are computed in 32-bit floats, whatever precision ``fit`` was asked for.

    Args:
        models: networks, or methods around one such as ``AutoLoss``, of one schema. Of a ``RecurrentMeta`` the initial
            weights are a candidate, and its inner rates the first values of the same parameters' here.
        selector: the network that weighs them; a ``Selector`` with its defaults where None.
        inner_learning_rate: first value of the inner rates, alpha.
        outer_learning_rate: of Adam, beta; a tenth of alpha where None (section 5.3).
        rates: ``parameter``, ``vocabulary`` or ``fixed``, see ``LearnedRates``.
        second_order: let outer gradients flow through the inner step.
        adapt_models: adapt the models too; else they stay as pre-trained.
        train_models: let the outer update train the models' initial values (Eq. 5); else these stay as pre-trained, and
            it trains the selector and the inner rates.
        rates_learning_rate: of Adam for the inner rates; ``outer_learning_rate`` where None.
        inner_steps: gradient steps on the support.
        users_per_episode: m of Algorithm 1.
        users_per_epoch: users that an epoch visits, and that it is judged on, at most.
        most_epochs: epochs at most, whatever ``fit`` allows: rates go on to gain next to nothing for long.
        support_size: rows of a user to adapt to at most, the latest ones.
        prior_rows: the inner step of a user with n rows of support is ``n / (n + prior_rows)`` of a whole one, so that
            little evidence moves little. 0 for whole steps (Eq. 4).
        query_share: share of a user's rows that the models have not seen that is query in an episode.
        order: ``time`` takes the latest of those rows as query, ``random`` any.
        pretrain: train the models first, on ``pretrain_share`` of each user's training rows; episodes then draw queries
            from the rest. Otherwise the models count as trained on the training rows: queries come from three quarters
            of each user's validation rows, and epochs are judged on the last quarter.
        pretrain_share: see there.
        weigh_by: what counts equally in the outer loss: ``users`` (Algorithm 1, lines 18 and 20) or ``rows``.
        start_from: first weights of the selector: ``stacking`` (the best constant ones) or ``random``.
        weight_decay: L2 penalty of the outer update.
        shuffle_users: adapt each user to another user's support: a control whose gain must vanish.
    """

    def __init__(
        self,
        models: Sequence[nn.Module],
        selector: Selector | None = None,
        inner_learning_rate: float = 0.8,
        outer_learning_rate: float | None = 3e-4,
        rates: str = "vocabulary",
        second_order: bool = True,
        adapt_models: bool = True,
        train_models: bool = False,
        rates_learning_rate: float | None = 0.02,
        inner_steps: int = 1,
        users_per_episode: int = 50,
        users_per_epoch: int = 2000,
        most_epochs: int = 5,
        support_size: int = 2048,
        prior_rows: float = 64.0,
        query_share: float = 0.7,
        order: str = "time",
        pretrain: bool = True,
        pretrain_share: float = 0.75,
        weigh_by: str = "rows",
        start_from: str = "stacking",
        weight_decay: float = 0.0,
        shuffle_users: bool = False,
    ) -> None:
        super().__init__(
            models, selector, inner_learning_rate / 10 if outer_learning_rate is None else outer_learning_rate,
            users_per_episode, users_per_epoch, most_epochs, support_size, query_share, order, pretrain, pretrain_share,
            start_from, weight_decay, shuffle_users,
        )  # fmt: skip
        if inner_steps < 1:
            raise InputError(f"inner_steps must be at least 1, not {inner_steps}")
        if weigh_by not in WEIGHTINGS:
            raise InputError(f"weigh_by {weigh_by!r} is unknown{nearest(weigh_by, WEIGHTINGS)}")
        if prior_rows < 0:
            raise InputError(f"prior_rows must be at least 0, not {prior_rows}")
        if rates_learning_rate is not None and rates_learning_rate <= 0:
            raise InputError(f"rates_learning_rate must be positive, not {rates_learning_rate}")
        self.weigh_by = weigh_by
        self.prior_rows = prior_rows
        self.inner_learning_rate = inner_learning_rate
        self.rates = rates
        self.second_order = second_order
        self.adapt_models = adapt_models
        self.train_models = train_models
        self.rates_learning_rate = rates_learning_rate
        self.inner_steps = inner_steps
        adapting = [self.selector, *(self.networks if adapt_models else [])]
        own = {id(parameter) for module in adapting for parameter in module.parameters() if parameter.requires_grad}
        adapted = {name: parameter for name, parameter in self.named_parameters() if id(parameter) in own}
        self.inner_rates = LearnedRates(
            self.schema, adapted, id_embeddings(self, self.schema.size), inner_learning_rate, rates
        )

    @cached_property
    def adaptable(self) -> Adaptable:
        """This mixture with its rates, ready for inner steps."""
        return Adaptable.of(
            self,
            self.schema.size,
            lambda leaves: self.inner_rates.of_task(leaves.values, leaves.rows, "inner_rates."),
            lambda outputs, support: mean_loss(outputs[0], support.label),
            self.inner_steps,
            self.prior_rows,
        )

    def start(self, train: ClickLog, valid: ClickLog | None, run: Run) -> None:
        if not self.adapt_models:
            self.models.requires_grad_(False)
        super().start(train, valid, run)
        for place, model in enumerate(self.models):
            if isinstance(model, RecurrentMeta):
                self.inner_rates.start_from(model.inner_rates, f"models.{place}.")

    def outer_groups(self) -> list[dict[str, Any]]:
        own = self.rates_learning_rate
        rates = {
            "params": list(self.inner_rates.parameters()),
            "lr": self.outer_learning_rate if own is None else own,
            "weight_decay": 0.0,  # no step at all is no better guess than another
        }
        networks = [{"params": list(network.parameters())} for network in self.networks]
        models = networks if self.train_models else []
        return [*super().outer_groups(), *models, rates]

    def train(self, mode: bool = True) -> Self:
        super().train(mode)
        if not (self.adapt_models and self.train_models):
            # Models that do not train have no use for dropout, and the steps at test time are made without it.
            self.models.eval()
        return self

    def step(self, episode: list[Task]) -> dict[str, Tensor]:
        return {"loss": outer_update(self.run.fabric, self.optimizers, self.trained, self._losses(episode))}

    def _losses(self, episode: list[Task]) -> Iterator[tuple[TaskParameters, Tensor]]:
        for task, share in zip(episode, self._shares(episode), strict=True):
            leaves, loss = self._query_loss(task)
            yield leaves, loss * share

    def _shares(self, episode: list[Task]) -> list[float]:
        rows = [1 if self.weigh_by == "users" else len(task.query) for task in episode]
        return [count / sum(rows) for count in rows]

    def _query_loss(self, task: Task) -> tuple[TaskParameters, Tensor]:
        """Leaves of the task's graph, and the loss of the adapted mixture on the query (Eq. 4)."""
        device = self.run.fabric.device
        support, query = task.support.to(device), task.query.to(device)
        leaves, adapted, query = self.adaptable.adapt(support, query, self.second_order, self.trained.dense)
        loss = mean_loss(self.adaptable.call(adapted, query)[0], query.label)
        own, outer = self.inner_learning_rate, self.outer_learning_rate
        rates = f"inner_learning_rate {own} or outer_learning_rate {outer}"
        require_finite(loss, task.user, self.tasks.fresh.log.users, rates)
        return leaves, loss

    def mixed(self, support: Batch | None, query: Batch) -> tuple[Tensor, Tensor]:
        if support is None:
            outputs: tuple[Tensor, Tensor] = self(query)
            return outputs
        # Prediction runs in inference mode, where nothing can be differentiated; the inner step must.
        with torch.inference_mode(False), torch.enable_grad():
            _, adapted, query = self.adaptable.adapt(support, query)
        with torch.no_grad():
            return self.adaptable.call(adapted, query)
