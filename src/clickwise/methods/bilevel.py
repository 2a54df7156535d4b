"""Methods that learn parameters from which a few gradient steps on a user's rows lead far."""

from collections.abc import Iterator
from functools import cached_property
from typing import Any, ClassVar

from torch import Tensor, nn

from clickwise.adaptation import TaskParameters
from clickwise.data.log import ClickLog
from clickwise.data.tasks import Task, rows_of_users
from clickwise.errors import InputError
from clickwise.methods.diverged import require_finite
from clickwise.methods.method import Run
from clickwise.methods.outer import outer_optimizers, outer_update
from clickwise.methods.personal import PersonalMethod
from clickwise.methods.stretches import DividedBatches, UserStretches
from clickwise.nn.tables import id_tables
from clickwise.schema import Schema


class Bilevel(PersonalMethod):
    """Minimises what the parameters adapted to each task's support lose on its query (MAML, Finn et al. 2017).

    Tasks are stretches of users' rows, see ``UserStretches``. A subclass says how parameters adapt. Episodes are
    computed in 32-bit floats, whatever precision ``fit`` was asked for.

    Args:
        schema: fitted schema.
        outer_learning_rate: of Adam, which is row-sparse on id tables.
        weight_decay: L2 penalty of Adam.
        tasks_per_episode: tasks an outer step.
        tasks_per_epoch: at most; all rows are query once an epoch where None.
        query_size: rows of a query.
        support_size: rows of a user to adapt to at most, the latest ones.
        judged_users: users that epochs are judged on at most, since each of them costs an adaptation.
        shuffle_users: adapt each user to another user's rows: a control whose gain must vanish.
    """

    for_steps: ClassVar[tuple[str, ...]] = ("tasks", "trained")

    def __init__(
        self,
        schema: Schema,
        outer_learning_rate: float,
        weight_decay: float,
        tasks_per_episode: int,
        tasks_per_epoch: int | None,
        query_size: int,
        support_size: int,
        judged_users: int,
        shuffle_users: bool,
    ) -> None:
        super().__init__(schema, support_size, shuffle_users)
        counts = (tasks_per_episode, 1 if tasks_per_epoch is None else tasks_per_epoch, query_size, judged_users)
        if min(counts) < 1:
            raise InputError("tasks_per_episode, tasks_per_epoch, query_size and judged_users must be at least 1")
        if outer_learning_rate <= 0 or weight_decay < 0:
            raise InputError("outer_learning_rate must be positive, weight_decay at least 0")
        self.schema = schema
        self.outer_learning_rate = outer_learning_rate
        self.weight_decay = weight_decay
        self.tasks_per_episode = tasks_per_episode
        self.tasks_per_epoch = tasks_per_epoch
        self.query_size = query_size
        self.judged_users = judged_users

    @cached_property
    def tables(self) -> dict[str, nn.Parameter]:
        """The id tables, those of learned rates among them."""
        return id_tables(self, self.schema.size)

    def monitored(self, valid: ClickLog | None) -> ClickLog | None:
        return None if valid is None else rows_of_users(valid, self.judged_users)

    def compared(self, valid: ClickLog) -> ClickLog:
        # It may be the best of a comparison, or what a method is made of; other models are judged on all rows.
        return valid

    def start(self, train: ClickLog, valid: ClickLog | None, run: Run) -> None:
        self.run = run
        self.remember(train)
        self.user_names = train.users
        self.tasks = self.tasks_of(train)
        self.optimizers, self.trained = outer_optimizers(
            self, self.tables, self.outer_groups(), self.outer_learning_rate, self.weight_decay
        )

    def tasks_of(self, train: ClickLog) -> UserStretches | DividedBatches:
        """What an epoch iterates over."""
        return UserStretches(
            train, self.tasks_per_episode, self.query_size, self.support_size, self.shuffle_users, self.tasks_per_epoch
        )

    def outer_groups(self) -> list[dict[str, Any]]:
        """What the outer update trains, as parameter groups of an optimiser."""
        return [{"params": list(self.parameters())}]

    def episodes(self, seed: int, epoch: int, first: int) -> Iterator[list[Task]]:
        return self.tasks.epoch(seed, epoch, first)

    def steps(self) -> int:
        return len(self.tasks)

    def step(self, episode: list[Task]) -> dict[str, Tensor]:
        parts: dict[str, Tensor] = {}
        loss = outer_update(self.run.fabric, self.optimizers, self.trained, self._losses(episode, parts))
        return {"loss": loss, **parts}

    def _losses(self, episode: list[Task], parts: dict[str, Tensor]) -> Iterator[tuple[TaskParameters, Tensor]]:
        """Leaves and loss of each task, which counts by its rows; the parts of the losses are added to ``parts``."""
        rows = sum(len(task.query) for task in episode)
        rates = f"inner_learning_rate or outer_learning_rate {self.outer_learning_rate}"
        for task in episode:
            leaves, loss, found = self.query_loss(task)
            require_finite(loss, task.user, self.user_names, rates)
            share = len(task.query) / rows
            for name, value in found.items():
                parts[name] = parts.get(name, 0.0) + value.detach() * share
            yield leaves, loss * share

    def query_loss(self, task: Task) -> tuple[TaskParameters, Tensor, dict[str, Tensor]]:
        """Leaves of the task's graph, what the adapted parameters lose on its query, and parts of that by name."""
        raise NotImplementedError
