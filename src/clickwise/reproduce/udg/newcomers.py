"""Cold start as the UDG paper has it: users whom the model never saw, before and after three batches of their rows."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from clickwise.data.log import ClickLog
from clickwise.data.storage import PreparedLog
from clickwise.data.tasks import UserRows, divide_by_user
from clickwise.errors import InputError
from clickwise.methods.meta_embedding import MetaEmbedding
from clickwise.metrics.pointwise import logloss

PHASES = ("cold", "a", "b", "c")
WARM_UP = len(PHASES) - 1
RATES = (0.01, 0.03, 0.1, 0.3, 1.0, 3.0)
STEPS = 5
TRAIN_SHARE = 0.9

Probabilities = list[npt.NDArray[np.float32]]


@dataclass(frozen=True, eq=False)
class NewUsers:
    """Users whom no model was trained on.

    Attributes:
        batches: batches a, b and c: as many rows of each user, in order of time.
        held_out: all later rows, on which every phase is judged.
        users: how many.
    """

    batches: Sequence[ClickLog]
    held_out: ClickLog
    users: int

    @classmethod
    def of(cls, log: ClickLog, least: int, most: int, batch: int) -> "NewUsers":
        """Those of a log who have ``least`` to ``most`` rows.

        Raises:
            InputError: there is nobody, or fewer than four batches of rows are asked of a user.
        """
        if batch < 1 or least < (WARM_UP + 1) * batch or most < least:
            raise InputError(
                f"new users: {least} to {most} rows do not give {WARM_UP} batches of {batch} rows and as many held out"
            )
        by_user = UserRows(log, int(log.user.max(initial=-1)) + 1)
        found = np.flatnonzero((by_user.sizes() >= least) & (by_user.sizes() <= most))
        if not len(found):
            raise InputError(f"new users: nobody of the held-out users has {least} to {most} rows; widen the range")
        rows = [by_user.of(int(user)) for user in found]
        cuts = [batch * number for number in range(WARM_UP + 1)]
        batches = [log.take(np.concatenate([own[low:high] for own in rows])) for low, high in pairwise(cuts)]
        return cls(batches, log.take(np.concatenate([own[cuts[-1] :] for own in rows])), len(found))


@dataclass(frozen=True, eq=False)
class ColdStart:
    """Who trains, and who is new.

    Attributes:
        train, valid: earlier and later rows of active users.
        tuned_on: new users on whom the rates of warm-up are chosen.
        new: new users who are judged.
        active: how many users are active.
    """

    train: ClickLog
    valid: ClickLog
    tuned_on: NewUsers
    new: NewUsers
    active: int


def cold_start_batches(
    log: PreparedLog, active_above: int = 100, new_from: int = 80, new_to: int = 200, batch: int = 20
) -> ColdStart:
    """The paper's protocol on a log that leaves users out: nobody new is known to its vocabulary.

    The paper's new users have 80 to 100 rows, so that no new user is active. Here new users are others anyway, and the
    range may be wider.

    Args:
        log: prepared with the split ``leave-users-out``. Active are training users, new the users of the other parts.
        active_above: active users have more rows than this.
        new_from, new_to: rows of a new user.
        batch: K, rows of a user in each of the batches a, b and c; the same user's rows of one moment may stand in two.

    Raises:
        InputError: another split, or nobody is active or new.
    """
    if log.manifest["split"] != "leave-users-out":
        raise InputError(
            f"cold start needs the split 'leave-users-out', under which new users are unknown, not "
            f"{log.manifest['split']!r}"
        )
    rows_of = np.bincount(log.train.user)
    active = log.train.take(np.flatnonzero(rows_of[log.train.user] > active_above))
    if not len(active):
        raise InputError(f"active users: nobody has more than {active_above} training rows; lower 'active_above'")
    train, valid = divide_by_user(active, TRAIN_SHARE, "time")
    # Ids of users left out are not trained, and so must not count in what an unknown id is filled with.
    counts = np.bincount(train.ids.ravel(), minlength=log.schema.size)
    new = {name: NewUsers.of(getattr(log, name), new_from, new_to, batch) for name in ("valid", "test")}
    found = replace(train, counts=counts), replace(valid, counts=counts)
    return ColdStart(*found, new["valid"], new["test"], int((rows_of > active_above).sum()))


def warm_up(
    method: MetaEmbedding, users: NewUsers, start: str, rate: float, steps: int = STEPS, seed: int = 0
) -> Probabilities:
    """Probabilities of the held-out rows, cold and after batches a, b and c.

    Args:
        method: trained.
        users: who is new.
        start: as in ``MetaEmbedding.adapt``.
        rate: learning rate of warm-up.
        steps: gradient steps a batch.
        seed: of random starts.
    """
    adapted = method.adapt(users.held_out.take(slice(0, 0)), steps, rate, start, seed)
    found = [adapted.predict(users.held_out)]
    for batch in users.batches:
        adapted = adapted.update(batch)
        found.append(adapted.predict(users.held_out))
    return found


def chosen_rate(
    method: MetaEmbedding, users: NewUsers, start: str, rates: Sequence[float] = RATES, steps: int = STEPS
) -> float:
    """The rate with the lowest LogLoss, summed over the batches, on users who are not judged."""

    def loss(rate: float) -> float:
        warm = warm_up(method, users, start, rate, steps)[1:]
        return sum(logloss(users.held_out.label, probability) for probability in warm)

    return min(rates, key=loss)
