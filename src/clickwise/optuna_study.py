"""Optuna, as tuning and searched weights of losses use it: a study that proposes values."""

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from clickwise.errors import InputError

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
    direction: str, pruner: str, epochs: int, seed: int, known: "Sequence[optuna.trial.FrozenTrial]" = ()
) -> "optuna.Study":
    """A study that knows the trials before; its next proposal depends on them, the seed and their number alone.

    Args:
        direction: ``maximize`` or ``minimize``.
        pruner: one of ``PRUNERS``.
        epochs: of a trial at most.
        seed: of the proposals.
        known: the trials before.

    Raises:
        InputError: optuna is not installed.
    """
    find_optuna()
    import optuna

    pruners = {
        "hyperband": lambda: optuna.pruners.HyperbandPruner(min_resource=1, max_resource=max(2, epochs)),
        "median": lambda: optuna.pruners.MedianPruner(n_startup_trials=RANDOM_FIRST),
        "none": optuna.pruners.NopPruner,
    }
    with quiet():
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


@contextmanager
def quiet() -> Iterator[None]:
    """Within it optuna says no more than warnings."""
    logger = logging.getLogger("optuna")
    level = logger.level
    logger.setLevel(logging.WARNING)
    try:
        yield
    finally:
        logger.setLevel(level)
