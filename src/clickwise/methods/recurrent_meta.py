"""Meta-learning whose local steps move the layers of a network that read a session (Chen et al. 2022)."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import cached_property
from typing import Any, Self, cast

import torch
from torch import Tensor, nn

from clickwise.adaptation import TaskParameters
from clickwise.data.log import Batch, ClickLog
from clickwise.data.tasks import Task
from clickwise.errors import InputError, nearest
from clickwise.methods.adapted_together import AdaptedTogether
from clickwise.methods.bilevel import Bilevel
from clickwise.methods.following import Following
from clickwise.methods.inner import Adaptable
from clickwise.methods.local_parameters import local_parameters
from clickwise.methods.method import Before, Run, to_probability
from clickwise.methods.mixture import supervised_copy
from clickwise.methods.personal import Adapted
from clickwise.methods.rates import LearnedRates
from clickwise.methods.stretches import DividedBatches, UserStretches, check_share
from clickwise.methods.unseen import common_schema_of
from clickwise.nn.auxiliary import asked_for, auxiliary_losses, total_of
from clickwise.nn.tables import id_embeddings

TASKS = ("user", "session", "batch")
ADAM_RATE = 1e-3
AFTER_TRAINING = 0.1
"""Of a model's learning rate, where it is trained already."""


class RecurrentMeta(Bilevel):
    """A network some of whose layers adapt to the rows of a user (Chen et al. 2022, section 3.3), as a bilevel problem.

    The inner step moves the local parameters alone (Eq. 9), by a pure function; what the adapted network loses on the
    query trains the initial values of all parameters (Eq. 10) and the inner rates. Both losses have the network's
    auxiliary ones in them (Eq. 8). At prediction each user's local parameters take that step on the user's latest rows
    that are remembered; a user without any gets the initial ones. The published training, which never resets what the
    local step moved, is ``SequentialMeta``.

    The recurrent layers of ``clickwise.nn`` are plain operations with derivatives of every order on every device. Those
    of torch are computed here without cuDNN, which has no second derivatives and no first ones at prediction.
    Normalising layers compute as in prediction within tasks, with statistics of whole episodes.

    Args:
        model: network or ``Supervised`` one, trained or not; copied.
        local: names of the parameters or modules that the inner step moves; what ``model.interaction_parameters()``
            names where empty.
        task: what an inner step is taken for. ``user``: a stretch of a user's rows is query, the user's rows before it
            are support; at prediction those that are remembered. ``session``: the same, but the labelled rows of a log
            that is scored become support too, for the stretches after them. ``batch``: the rows of a shuffled
            mini-batch, ``support_share`` of which are support; all predictions then share one step on the latest
            ``support_size`` rows of anybody.
        inner_learning_rate: first value of the inner rates, eta_1.
        outer_learning_rate: of Adam, eta_2; where None the one that ``model`` is usually trained with, 1e-3 where that
            is not by Adam, or a tenth of it after ``pretrain``.
        rates: ``parameter``, ``vocabulary`` (one a tensor) or ``fixed``, see ``LearnedRates``.
        rates_learning_rate: of Adam for the inner rates.
        second_order: let outer gradients flow through the inner step.
        inner_steps: gradient steps on the support.
        prior_rows: the inner step on n rows of support is ``n / (n + prior_rows)`` of a whole one.
        tasks_per_episode: tasks an outer step.
        tasks_per_epoch: at most; all rows are query once an epoch where None.
        query_size: rows of a query.
        support_size: rows of a user to adapt to at most, the latest ones.
        judged_users: users that epochs are judged on at most, since each of them costs an adaptation.
        weight_decay: L2 penalty of the outer update; where None the one that ``model`` is usually trained with by Adam.
        task_size: rows of a task that is a batch; the paper takes 128.
        support_share: share of them that is support; the paper takes two thirds.
        shuffle_users: adapt each user to another user's rows: a control whose gain must vanish.
        pretrain: train the model first, on the same rows by its own rule. Tasks then begin where that ends, which takes
            far fewer of them, but they may never find what adapting could do that the model does without.

    Raises:
        InputError: an option that cannot be, or a network that names no local parameters.
    """

    def __init__(
        self,
        model: nn.Module,
        local: Sequence[str] = (),
        task: str = "user",
        inner_learning_rate: float = 0.1,
        outer_learning_rate: float | None = None,
        rates: str = "vocabulary",
        rates_learning_rate: float = 0.01,
        second_order: bool = True,
        inner_steps: int = 1,
        prior_rows: float = 16.0,
        tasks_per_episode: int = 20,
        tasks_per_epoch: int | None = None,
        query_size: int = 32,
        support_size: int = 256,
        judged_users: int = 2000,
        weight_decay: float | None = None,
        task_size: int = 128,
        support_share: float = 2 / 3,
        shuffle_users: bool = False,
        pretrain: bool = False,
    ) -> None:
        own = supervised_copy(model)
        # What another rule takes says nothing of Adam.
        usual, decay = (own.learning_rate, own.weight_decay) if own.optimizer == "adam" else (ADAM_RATE, 0.0)
        super().__init__(
            common_schema_of([own]),
            usual * (AFTER_TRAINING if pretrain else 1.0) if outer_learning_rate is None else outer_learning_rate,
            decay if weight_decay is None else weight_decay,
            tasks_per_episode, tasks_per_epoch, query_size, support_size, judged_users, shuffle_users,
        )  # fmt: skip
        self.model = own
        self.local = tuple(local)
        self.task = task
        self.inner_learning_rate = inner_learning_rate
        self.rates = rates
        self.rates_learning_rate = rates_learning_rate
        self.second_order = second_order
        self.inner_steps = inner_steps
        self.prior_rows = prior_rows
        self.task_size = task_size
        self.support_share = support_share
        self.pretrain = pretrain
        self.followed: Following | None = None
        self._check()
        parameters = {f"model.model.{name}": parameter for name, parameter in own.model.named_parameters()}
        moved = {f"model.model.{name}": None for name in local_parameters(own.model, self.local)}
        self.inner_rates = LearnedRates(
            self.schema, {name: parameters[name] for name in moved}, id_embeddings(self, self.schema.size),
            inner_learning_rate, rates,
        )  # fmt: skip
        self.auxiliary = auxiliary_losses(own.model)
        modules = list(own.model.modules())
        self.normalised = [module for module in modules if getattr(module, "running_mean", None) is not None]
        self.without_cudnn = any(isinstance(module, nn.RNNBase) for module in modules)

    def _check(self) -> None:
        if self.task not in TASKS:
            raise InputError(f"task {self.task!r} is unknown{nearest(self.task, TASKS)}")
        if min(self.inner_steps, self.task_size) < 1 or self.prior_rows < 0 or self.rates_learning_rate <= 0:
            raise InputError(
                "inner_steps and task_size must be at least 1, prior_rows at least 0, rates_learning_rate positive"
            )
        check_share(self.support_share)
        if self.task == "batch" and (self.shuffle_users or self.tasks_per_epoch is not None):
            raise InputError("task 'batch' knows no users: shuffle_users and tasks_per_epoch are for task 'user'")

    @property
    def network(self) -> nn.Module:
        return self.model.model

    def copy(self, **changed: Any) -> Self:
        made = super().copy(**changed)
        made.inner_rates.load_state_dict(self.inner_rates.state_dict())
        return made

    def forward(self, batch: Batch) -> Tensor:
        """Logits of the network."""
        if not self.without_cudnn:
            return cast(Tensor, self.model.model(batch))
        with torch.backends.cudnn.flags(enabled=False):
            return cast(Tensor, self.model.model(batch))

    @cached_property
    def adaptable(self) -> Adaptable:
        """The network with its rates, ready for inner steps."""
        return Adaptable.of(
            self,
            self.schema.size,
            lambda leaves: self.inner_rates.of_task(leaves.values, leaves.rows, "inner_rates."),
            lambda logits, support: self.model.mean_loss(logits, support),
            self.inner_steps,
            self.prior_rows,
            self.auxiliary,
        )

    def train(self, mode: bool = True) -> Self:
        super().train(mode)
        for module in self.normalised:
            module.eval()  # a task's rows are too few, and one user's alone
        return self

    def tasks_of(self, train: ClickLog) -> UserStretches | DividedBatches:
        if self.task == "batch":
            return DividedBatches(train, self.task_size, self.support_share)
        return super().tasks_of(train)

    @property
    def starts_trained(self) -> bool:
        return self.pretrain

    def monitored(self, valid: ClickLog | None) -> ClickLog | None:
        return valid if self.task == "batch" else super().monitored(valid)

    def before(self, train: ClickLog, valid: ClickLog | None) -> list[Before]:
        return [Before("pretraining", self.model, train, valid)] if self.pretrain else []

    def start(self, train: ClickLog, valid: ClickLog | None, run: Run) -> None:
        super().start(train, valid, run)
        self.model.optimizers = {}
        # What the loss found out when the model was trained before still holds.
        self.model.start_loss(train, valid, replace(run, goes_on=run.goes_on or self.pretrain))
        self.optimizers |= self.model.optimizers

    def outer_groups(self) -> list[dict[str, Any]]:
        # No step at all is no better guess than another, so rates do not decay.
        rates = {"params": list(self.inner_rates.parameters()), "lr": self.rates_learning_rate, "weight_decay": 0.0}
        return [{"params": list(self.model.model.parameters())}, rates]

    def episodes(self, seed: int, epoch: int, first: int) -> Iterator[list[Task]]:
        self.model.start_loss_epoch(seed)
        yield from super().episodes(seed, epoch, first)
        self.model.end_loss_epoch()

    def step(self, episode: list[Task]) -> dict[str, Tensor]:
        queries = Batch.join([task.query for task in episode]).to(self.run.fabric.device)
        self.model.learn_loss(queries)
        if self.normalised:
            self._update_statistics(queries)
        return super().step(episode)

    @torch.no_grad()
    def _update_statistics(self, batch: Batch) -> None:
        for module in self.normalised:
            module.train()
        self.model.model(batch)
        for module in self.normalised:
            module.eval()

    def query_loss(self, task: Task) -> tuple[TaskParameters, Tensor, dict[str, Tensor]]:
        device = self.run.fabric.device
        support, query = task.support.to(device), task.query.to(device)
        leaves, adapted, query = self.adaptable.adapt(support, query, self.second_order, self.trained.dense)
        with asked_for(self.auxiliary) as told:
            of_labels = self.model.mean_loss(self.adaptable.call(adapted, query), query)
        return leaves, *total_of(of_labels, told)

    def outputs(self, batch: Batch) -> tuple[Tensor, ...]:
        if self.task == "batch":
            return self.outputs_for(self.memory.latest(self.support_size), batch)
        return super().outputs(batch)

    @contextmanager
    def following(self, log: ClickLog) -> Iterator[None]:
        followed, known = self.followed, self.task == "session" and log.labelled
        self.followed = Following(self.memory, log, self.query_size) if known else None
        try:
            yield
        finally:
            self.followed = followed

    def supports(self, batch: Batch) -> Iterator[tuple[Batch | None, Tensor]]:
        return super().supports(batch) if self.followed is None else self.followed.supports(batch)

    def adapt(self, support: ClickLog) -> Adapted:
        return AdaptedTogether(self, support) if self.task == "batch" else super().adapt(support)

    def without_support(self, log: ClickLog) -> int:
        return 0 if self.task == "batch" and len(self.memory) else super().without_support(log)

    def outputs_for(self, support: Batch | None, query: Batch) -> tuple[Tensor]:
        if support is None:
            return (to_probability(self(query).float()),)
        # Prediction runs in inference mode, where nothing can be differentiated; the inner step must. An auxiliary loss
        # may draw at random, and a prediction must not.
        devices = [query.ids.device] if query.ids.device.type == "cuda" else []
        drawing = torch.random.fork_rng(devices, enabled=bool(self.auxiliary))
        with torch.inference_mode(False), torch.enable_grad(), drawing:
            if self.auxiliary:
                torch.manual_seed(0)
            _, adapted, query = self.adaptable.adapt(support, query)
        with torch.no_grad():
            return (to_probability(self.adaptable.call(adapted, query).float()),)
