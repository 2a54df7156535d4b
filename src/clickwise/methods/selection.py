"""What MetaSelector and its simplified version share: models, a selector, and episodes of users."""

from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Any, ClassVar, cast

import numpy as np
import numpy.typing as npt
import polars as pl
from torch import Tensor, nn

from clickwise.data.log import Batch, ClickLog
from clickwise.data.tasks import Task, UserEpisodes, check_order, rows_of_users
from clickwise.errors import InputError, nearest
from clickwise.methods.controls import stacking_weights
from clickwise.methods.method import Method, Run, as_predicted
from clickwise.methods.mixture import mix, model_names, network_of, own_copy
from clickwise.methods.outer import outer_optimizers
from clickwise.methods.personal import PersonalMethod
from clickwise.methods.scoring import score_outputs
from clickwise.methods.unseen import OnUnseenRows, common_schema_of
from clickwise.methods.weights import mean_by_user
from clickwise.nn.selector import Selector
from clickwise.nn.tables import id_tables

STARTS = ("stacking", "random")


class Selection(OnUnseenRows, PersonalMethod):
    """A mixture of models ``p(x) = sum_k lambda_k(x) M_k(x)`` whose weights depend on row and user.

    Subclasses say how a user's support enters (``mixed``) and what an episode minimises (``step``).

    Args:
        models: networks, or methods around one, of one schema; copied.
        selector: the network that weighs them; a ``Selector`` with its defaults where None.
        outer_learning_rate: of Adam.
        users_per_episode: users an outer step.
        users_per_epoch: users that an epoch visits, and that it is judged on, at most.
        most_epochs: epochs at most, whatever ``fit`` allows.
        support_size: rows of a user to adapt to at most, the latest ones.
        query_share: share of a user's rows that the models have not seen that is query in an episode.
        order: ``time`` takes the latest of those rows as query, ``random`` any.
        pretrain: train the models first, on ``pretrain_share`` of each user's training rows, and learn from the others;
            else from validation rows, see ``MetaSelector``.
        pretrain_share: share of each user's training rows that the models are trained on first.
        start_from: first weights of the selector: ``stacking`` (the best constant ones) or ``random``.
        weight_decay: L2 penalty of Adam.
        shuffle_users: adapt each user to another user's support: a control whose gain must vanish.
    """

    for_steps: ClassVar[tuple[str, ...]] = ("tasks", "trained")

    def __init__(
        self,
        models: Sequence[nn.Module],
        selector: Selector | None,
        outer_learning_rate: float,
        users_per_episode: int,
        users_per_epoch: int,
        most_epochs: int,
        support_size: int,
        query_share: float,
        order: str,
        pretrain: bool,
        pretrain_share: float,
        start_from: str,
        weight_decay: float,
        shuffle_users: bool,
    ) -> None:
        schema = common_schema_of(models)
        super().__init__(schema, support_size, shuffle_users)
        self.schema = schema
        self.models = nn.ModuleList(own_copy(model) for model in models)
        self.selector = Selector(schema, len(models)) if selector is None else selector
        self.outer_learning_rate = outer_learning_rate
        self.users_per_episode = users_per_episode
        self.users_per_epoch = users_per_epoch
        self.most_epochs = most_epochs
        self.query_share = query_share
        self.order = order
        self.pretrain = pretrain
        self.pretrain_share = pretrain_share
        self.start_from = start_from
        self.weight_decay = weight_decay
        self._check(most_epochs)

    def _check(self, most_epochs: int) -> None:
        check_order(self.order)
        if len(self.names) < 2:
            raise InputError("a selection needs at least two models")
        if self.start_from not in STARTS:
            raise InputError(f"start_from {self.start_from!r} is unknown{nearest(self.start_from, STARTS)}")
        if self.selector.models != len(self.models):
            raise InputError(f"the selector weighs {self.selector.models} models; there are {len(self.models)}")
        counts = (self.users_per_episode, self.users_per_epoch, most_epochs)
        if self.outer_learning_rate <= 0 or min(counts) < 1:
            raise InputError("outer_learning_rate, users_per_episode, users_per_epoch and most_epochs must be positive")
        if not 0 < self.query_share <= 1 or not 0 < self.pretrain_share < 1:
            raise InputError("query_share must lie above 0 and be at most 1, pretrain_share between 0 and 1")

    @property
    def starts_trained(self) -> bool:
        return self.start_from == "stacking"

    @property
    def names(self) -> list[str]:
        """A name for each model, in order."""
        return model_names(list(self.models))

    @property
    def networks(self) -> list[nn.Module]:
        """The networks of the models, in order."""
        return [network_of(model) for model in self.models]

    @cached_property
    def tables(self) -> dict[str, nn.Parameter]:
        """The id tables of models, selector and rates."""
        return id_tables(self, self.schema.size)

    def forward(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Log probability of each class ``[batch, classes]`` and log weights of the models ``[batch, models]``."""
        logits = [network(batch) for network in self.networks]
        weights = self.selector(batch, logits)
        return mix(logits, weights), weights

    def monitored(self, valid: ClickLog | None) -> ClickLog | None:
        """Of at most ``users_per_epoch`` users, since each of them costs a prediction."""
        judged = super().monitored(valid)
        return None if judged is None else rows_of_users(judged, self.users_per_epoch)

    def judge(self, valid: ClickLog) -> npt.NDArray[np.float32]:
        if self.without_support(valid) < len(np.unique(valid.user)):
            return super().judge(valid)
        # Users held out have no id to be remembered by; the log's codes tell them apart.
        return self.adapt(self.tasks.fresh.log).predict(valid)

    def start(self, train: ClickLog, valid: ClickLog | None, run: Run) -> None:
        self.run = run
        seen, fresh = self.divide(train, valid)
        self.remember(seen, fresh)
        self.tasks = UserEpisodes(
            seen, fresh, self.users_per_episode, self.query_share, self.support_size, self.order, self.shuffle_users,
            self.users_per_epoch,
        )  # fmt: skip
        if self.start_from == "stacking":
            self.selector.start_from(stacking_weights([cast(Method, model) for model in self.models], fresh))
        self.optimizers, self.trained = outer_optimizers(
            self, self.tables, self.outer_groups(), self.outer_learning_rate, self.weight_decay
        )

    def outer_groups(self) -> list[dict[str, Any]]:
        """What the outer update trains, as parameter groups of an optimiser."""
        return [{"params": list(self.selector.parameters())}]

    def episodes(self, seed: int, epoch: int, first: int) -> Iterator[list[Task]]:
        return self.tasks.epoch(seed, epoch, first)

    def steps(self) -> int:
        return len(self.tasks)

    def mixed(self, support: Batch | None, query: Batch) -> tuple[Tensor, Tensor]:
        """As ``forward``, after adapting to a user's support if there is any."""
        raise NotImplementedError

    def outputs_for(self, support: Batch | None, query: Batch) -> tuple[Tensor, Tensor]:
        """Probabilities of ``query`` and the weights of the models ``[batch, models]``."""
        log_probability, log_weights = self.mixed(support, query)
        return as_predicted(log_probability.exp()), log_weights.exp()

    def user_weights(self, log: ClickLog) -> pl.DataFrame:
        """Mean weights over the rows of each user, adapted to what is remembered: user, support_rows, one a model."""
        return self.score_with_weights(log)[1]

    def score_with_weights(self, log: ClickLog) -> tuple[npt.NDArray[np.float32], pl.DataFrame]:
        """Probabilities of every row and the weights of every user, at the cost of the first alone."""
        probability, weights = score_outputs(self, log, self.outputs)
        return probability, mean_by_user(log, weights, self.memory.sizes(log), self.names)
