"""Users who were never trained on: how good each method is after so many of their rows."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import torch

from clickwise.array_types import IntArray
from clickwise.data.log import ClickLog
from clickwise.data.tasks import UserRows
from clickwise.errors import InputError
from clickwise.methods.adapted_mixture import AdaptedMixture
from clickwise.methods.controls import convex_weights, likelihoods
from clickwise.methods.hedge import HedgeMixture
from clickwise.methods.method import Method
from clickwise.methods.personal import PersonalMethod
from clickwise.methods.user_weights import KINDS, STRENGTHS, mean_loss, weights_by_user
from clickwise.metrics.significance import holm
from clickwise.metrics.summary import COMPARED
from clickwise.prediction import predict
from clickwise.reproduce.resampled import Resampled

SUPPORTS = (0, 1, 2, 5, 10, 20, 50)
QUERY = 20
CHOSEN_AT = (2, 10, 50)

Predictions = dict[tuple[str, int], list[npt.NDArray[np.float32]]]


@dataclass(frozen=True, eq=False)
class Newcomers:
    """The users of a log who have enough rows.

    Attributes:
        log: their rows.
        rows: ``[users, SUPPORTS[-1]]``, places of the first rows of each user, in order of time.
        query: ``[users, QUERY]``, places of the last ones, which are the same however many rows are support.
    """

    log: ClickLog
    rows: IntArray
    query: IntArray

    @classmethod
    def of(cls, log: ClickLog) -> "Newcomers":
        """Those of a part of a log.

        Raises:
            InputError: no user has that many rows.
        """
        by_user, least = UserRows(log, int(log.user.max()) + 1), SUPPORTS[-1] + QUERY
        enough = np.flatnonzero(by_user.sizes() >= least)
        if not len(enough):
            raise InputError(
                f"cold-start: no held-out user has {least} rows, of which {SUPPORTS[-1]} are support and {QUERY} are "
                "judged; use a source with longer histories"
            )
        each = [by_user.of(int(user)) for user in enough]
        return cls(log, np.stack([rows[: SUPPORTS[-1]] for rows in each]), np.stack([rows[-QUERY:] for rows in each]))

    def support(self, size: int) -> ClickLog:
        """The first ``size`` rows of each user."""
        return self.log.take(self.rows[:, :size].ravel())

    @property
    def queries(self) -> ClickLog:
        """The rows to be judged, the same for every size of the support."""
        return self.log.take(self.query.ravel())


def predictions(
    newcomers: Newcomers, valid: Newcomers, methods: Sequence[str], seeds: int, load: Callable[[str, int], Method]
) -> Predictions:
    """What each method says of the query rows of held-out users after each size of the support.

    Args:
        newcomers: the users.
        valid: other held-out users, on whom a method's options may be chosen.
        methods: names; one that adapts to nothing says the same at every size.
        seeds: how many.
        load: the trained method of a name and seed.
    """
    found: Predictions = {}
    for name in methods:
        for seed in range(seeds):
            method = load(name, seed)
            if isinstance(method, HedgeMixture):
                choose_strength(method, valid)
            for size, each in zip(SUPPORTS, _each_size(method, newcomers), strict=True):
                found.setdefault((name, size), []).append(each)
    return found


def _each_size(method: Method, newcomers: Newcomers) -> Iterable[npt.NDArray[np.float32]]:
    query = newcomers.queries
    if not isinstance(method, PersonalMethod | HedgeMixture):
        return [predict(method, query)] * len(SUPPORTS)
    return (_adapted(method, newcomers.support(size)).predict(query) for size in SUPPORTS)


def _adapted(method: PersonalMethod | HedgeMixture, support: ClickLog) -> Any:
    return cast(AdaptedMixture, method.adapt(support))


def choose_strength(method: HedgeMixture, newcomers: Newcomers) -> None:
    """Choose kind and strength on held-out users, adapted as those who are judged will be.

    ``fit`` cannot: it tells users apart by an id that users who were never trained on do not have.
    """
    models = [cast(Method, model) for model in method.models]
    prior = convex_weights(likelihoods(models, newcomers.log))
    judged = likelihoods(models, newcomers.queries)
    users = len(newcomers.rows)
    known = likelihoods(models, newcomers.support(SUPPORTS[-1])).reshape(users, SUPPORTS[-1], -1)
    asked = np.repeat(np.arange(users), QUERY)

    def loss(kind: str, strength: float) -> float:
        total = 0.0
        for size in CHOSEN_AT:
            seen, user = known[:, :size].reshape(users * size, -1), np.repeat(np.arange(users), size)
            total += mean_loss(weights_by_user(kind, strength, prior, seen, user, users)[asked], judged)
        return total

    kind, strength = min(((kind, each) for kind in KINDS for each in STRENGTHS[kind]), key=lambda pair: loss(*pair))
    method.chosen.copy_(torch.tensor([KINDS.index(kind), strength], dtype=torch.float64))


def curve_rows(query: ClickLog, predicted: Predictions, reference: str, replicates: int) -> list[dict[str, Any]]:
    """One entry a method and size of the support: AUC and LogLoss with their 95 % intervals, and against a reference.

    ``against`` holds, by metric, the difference to the reference after as many rows, its interval, p, and p corrected
    over methods and sizes (Holm). Intervals are of users and seeds.
    """
    values = Resampled.of(query, predicted, replicates)
    rows: list[dict[str, Any]] = [
        {"method": name, "support_rows": size, "against": {}}
        | {metric: values.estimate((name, size), metric) for metric in COMPARED}
        for name, size in predicted
    ]
    tested = [row for row in rows if row["method"] != reference]
    for metric in COMPARED:
        found = [
            values.minus((row["method"], row["support_rows"]), (reference, row["support_rows"]), metric)
            for row in tested
        ]
        for row, one, corrected in zip(tested, found, holm([one.p for one in found]), strict=True):
            row["against"][metric] = {**asdict(one), "p_corrected": float(corrected)}
    return rows


def curves(
    rows: Sequence[Mapping[str, Any]], metric: str, titles: Mapping[str, str]
) -> dict[str, list[tuple[int, float]]]:
    """By title, pairs of the number of support rows and the value there."""
    found: dict[str, list[tuple[int, float]]] = {}
    for row in rows:
        found.setdefault(titles[row["method"]], []).append((row["support_rows"], row[metric]["mean"]))
    return found
