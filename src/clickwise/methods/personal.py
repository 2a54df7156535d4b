"""Methods whose probability for a row depends on labelled rows of the same user."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl
import torch
from torch import Tensor

from clickwise.data.log import Batch, ClickLog
from clickwise.data.tasks import UserRows, raw_users
from clickwise.errors import InputError
from clickwise.methods.memory import Memory, by_key
from clickwise.methods.method import Method
from clickwise.methods.unseen import require_rows, require_schema
from clickwise.methods.weights import Weighs, mean_by_user
from clickwise.nn.mode import in_mode
from clickwise.schema import Schema


class PersonalMethod(Method):
    """Predicts a row by adapting to its user's support: rows that it remembers, or those given to ``adapt``.

    A user without support gets what ``outputs_for`` says without one.

    Args:
        schema: fitted schema.
        support_size: rows of a user to adapt to at most, the latest ones.
        shuffle_users: take another user's rows as support: a control whose gain must vanish.
    """

    by_user = True

    def __init__(self, schema: Schema, support_size: int, shuffle_users: bool = False) -> None:
        super().__init__()
        if support_size < 1:
            raise InputError(f"support_size must be at least 1, not {support_size}")
        self.support_size = support_size
        self.shuffle_users = shuffle_users
        self.memory = Memory(schema, schema.need_user_field(type(self).__name__), support_size, shuffle_users)

    def outputs_for(self, support: Batch | None, query: Batch) -> tuple[Tensor, ...]:
        """Probabilities of ``query``, and whatever else the method tells of each row.

        Args:
            support: rows of the user whose rows ``query`` holds, to adapt to; None for no adaptation, of any users.
            query: rows.
        """
        raise NotImplementedError

    def outputs(self, batch: Batch) -> tuple[Tensor, ...]:
        """``outputs_for`` every user of a batch with what is remembered of that user."""
        strangers, places, outputs = [], [], []
        for support, rows in self.supports(batch):
            if support is None:
                strangers.append(rows)
                continue
            places.append(rows)
            outputs.append(self.outputs_for(support, batch.select(rows)))
        if strangers or not places:  # all of them at once, since nothing adapts to them
            rows = torch.cat(strangers) if strangers else batch.user.new_empty(0, dtype=torch.long)
            places.append(rows)
            outputs.append(self.outputs_for(None, batch.select(rows)))
        back = torch.argsort(torch.cat(places))
        return tuple(torch.cat(parts).index_select(0, back) for parts in zip(*outputs, strict=True))

    def supports(self, batch: Batch) -> Iterator[tuple[Batch | None, Tensor]]:
        """What is remembered of each user of a batch, or None, and the places of the rows that adapt to it."""
        for user, rows in by_key(batch.ids[:, self.memory.column]):
            yield self.memory.of(user), rows

    def predict(self, batch: Batch) -> Tensor:
        return self.outputs(batch)[0]

    def remember(self, *logs: ClickLog) -> None:
        for log in logs:  # before anything is forgotten
            require_rows(self, log, "adapting")
        self.memory.clear()
        for log in logs:
            self.memory.add(log)

    def without_support(self, log: ClickLog) -> int:
        """Users of ``log`` of whom nothing is remembered, who get the unadapted prediction."""
        return len(np.unique(log.user[self.memory.sizes(log) == 0]))

    def adapt(self, support: ClickLog) -> "Adapted":
        """The method adapted to rows of one user or of many, who may be new.

        Args:
            support: labelled rows; users are told apart by their raw value.

        Raises:
            InputError: rows of another schema or other vocabularies than the method's, or without labels.
        """
        return Adapted(self, support)


@dataclass(frozen=True)
class Adapted:
    """A personal method with support of its own.

    Attributes:
        method: the method; it is not changed.
        support: the rows it adapts to.
    """

    method: PersonalMethod
    support: ClickLog

    def __post_init__(self) -> None:
        require_rows(self.method, self.support, "adapting")

    def outputs(self, query: ClickLog) -> list[npt.NDArray[np.float32]]:
        """What the method tells of each row of ``query``, its user adapted to that user's support."""
        device = self.method.memory.ids.device
        found: list[npt.NDArray[np.float32]] = []
        with in_mode(self.method), torch.no_grad():
            for _, support, rows in self.pairs(query):
                adapted_to = None if support is None else support.to(device)
                parts = self.method.outputs_for(adapted_to, Batch.of(query, rows).to(device))
                found = found or [np.empty((len(query), *part.shape[1:]), dtype=np.float32) for part in parts]
                for whole, part in zip(found, parts, strict=True):
                    whole[rows] = part.cpu().numpy()
        return found

    def predict(self, query: ClickLog) -> npt.NDArray[np.float32]:
        """Probabilities ``[rows]`` or ``[rows, classes]`` of rows of any users.

        Raises:
            InputError: a row of the query is also in the support, or the rows are of another schema.
        """
        found = self.outputs(query)
        return found[0] if found else np.empty(0, dtype=np.float32)

    def pairs(self, query: ClickLog) -> Iterator[tuple[object, Batch | None, npt.NDArray[np.int64]]]:
        """For each user of ``query``: raw value, support (None without any), and places of the user's rows."""
        self.check(query)
        names = raw_users(self.support)
        of_support = UserRows(self.support, len(names))
        code_of = {name: code for code, name in enumerate(names.to_list())}
        queried = raw_users(query).to_list()
        of_query = UserRows(query, len(queried))
        for user in np.unique(query.user).tolist():
            code = code_of.get(queried[user])
            rows = of_support.of(code)[-self.method.support_size :] if code is not None else np.empty(0, np.int64)
            yield queried[user], Batch.of(self.support, rows) if len(rows) else None, of_query.of(user)

    def check(self, query: ClickLog) -> None:
        """Raise ``InputError`` where rows are of another schema, or are adapted to themselves."""
        require_schema(self.method, query)
        refuse_overlap(self.support, query)

    def user_weights(self, query: ClickLog) -> pl.DataFrame:
        """Mean weights of the models over the rows of each user of ``query``, see ``weights_frame``.

        Raises:
            InputError: the method weighs no models, or a row of the query is also in the support.
        """
        if not isinstance(self.method, Weighs):
            raise InputError(f"{type(self.method).__name__} adapts one model and weighs none")
        support = np.zeros(len(query), dtype=np.int64)
        for _, rows, places in self.pairs(query):
            support[places] = 0 if rows is None else len(rows)
        return mean_by_user(query, self.outputs(query)[1], support, self.method.names)

    def without_support(self, query: ClickLog) -> int:
        """Users of ``query`` that have no support and so are not adapted."""
        return sum(support is None for _, support, _ in self.pairs(query))


def refuse_overlap(support: ClickLog, query: ClickLog) -> None:
    """Raise ``InputError`` where a row is in both: same row number, user, time and ids."""
    both, at, place = np.intersect1d(support.row, query.row, return_indices=True)
    if not len(both):
        return
    users = raw_users(support).gather(support.user[at]).to_list(), raw_users(query).gather(query.user[place]).to_list()
    same = (support.time[at] == query.time[place]) & (support.ids[at] == query.ids[place]).all(axis=1)
    same &= np.array([one == other for one, other in zip(*users, strict=True)])
    if same.any():
        first = int(np.flatnonzero(same)[0])
        raise InputError(
            f"support and query share {int(same.sum())} rows, the first one row {both[first]} of user "
            f"{users[0][first]}; a row that is adapted to cannot be judged on"
        )
