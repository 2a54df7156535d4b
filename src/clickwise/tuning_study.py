"""Optuna, as tuning uses it: a study that proposes options, and a space in its terms."""

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from clickwise.errors import InputError
from clickwise.tuning_space import Choices, Range, Space

if TYPE_CHECKING:
    import optuna

PRUNERS = ("hyperband", "median", "none")
RANDOM_FIRST = 5
"""Trials that are drawn at random before the estimator proposes."""


def find_optuna() -> None:
    """Raise ``InputError`` where optuna is not installed."""
    try:
        import optuna  # noqa: F401
    except ImportError:
        raise InputError("optuna is not installed; run: pip install 'clickwise[tune]'") from None


def new_study(
    direction: str, pruner: str, epochs: int, seed: int, known: "Sequence[optuna.trial.FrozenTrial]"
) -> "optuna.Study":
    """A study that knows the trials before; its next proposal depends on them, the seed and their number alone.

    Args:
        direction: ``maximize`` or ``minimize``.
        pruner: one of ``PRUNERS``.
        epochs: of a trial at most.
        seed: of the proposals.
        known: the trials before.
    """
    import optuna

    pruners = {
        "hyperband": lambda: optuna.pruners.HyperbandPruner(min_resource=1, max_resource=max(2, epochs)),
        "median": lambda: optuna.pruners.MedianPruner(n_startup_trials=RANDOM_FIRST),
        "none": optuna.pruners.NopPruner,
    }
    with _quiet():
        study = optuna.create_study(
            direction=direction,
            sampler=optuna.samplers.TPESampler(
                seed=(seed * 100_003 + len(known)) % 2**32, n_startup_trials=RANDOM_FIRST
            ),
            pruner=pruners[pruner](),
            study_name=str(seed),  # Hyperband deals its brackets by it
        )
        study.add_trials(list(known))
    return study


def param_of(values: Range | Choices, value: Any) -> float | int | None:
    """A value in the study's terms; None where that has no term for it."""
    if isinstance(values, Range):
        return values.nearest(value)
    plain = list(value) if isinstance(value, tuple) else value
    return values.values.index(plain) if plain in values.values else None


def value_of_param(values: Range | Choices, param: Any) -> Any:
    """The reverse of ``param_of``."""
    return param if isinstance(values, Range) else values.values[param]


def distributions(space: Space) -> "dict[str, optuna.distributions.BaseDistribution]":
    """Choices are proposed by their place, because the study takes no lists."""
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    found: dict[str, optuna.distributions.BaseDistribution] = {}
    for name, values in space.items():
        if isinstance(values, Choices):
            found[name] = CategoricalDistribution(tuple(range(len(values.values))))
        elif values.whole:
            found[name] = IntDistribution(int(values.low), int(values.high), log=values.log)
        else:
            found[name] = FloatDistribution(values.low, values.high, log=values.log)
    return found


@contextmanager
def _quiet() -> Iterator[None]:
    logger = logging.getLogger("optuna")
    level = logger.level
    logger.setLevel(logging.WARNING)
    try:
        yield
    finally:
        logger.setLevel(level)
