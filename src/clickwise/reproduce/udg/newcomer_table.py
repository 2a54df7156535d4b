"""New users in each phase of warm-up, with the generator of their vectors and without."""

from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any

from clickwise.errors import InputError
from clickwise.methods.adapted_vectors import STARTS
from clickwise.methods.meta_embedding import MetaEmbedding
from clickwise.metrics.summary import COMPARED
from clickwise.reproduce.resampled import Resampled
from clickwise.reproduce.udg.newcomers import PHASES, RATES, STEPS, ColdStart, Probabilities, chosen_rate, warm_up

GENERATOR = "generator"


def newcomer_table(
    users: ColdStart,
    load: Callable[[int], MetaEmbedding],
    seeds: int,
    starts: Sequence[str] = STARTS,
    rates: Sequence[float] = RATES,
    steps: int = STEPS,
    replicates: int = 1000,
) -> list[dict[str, Any]]:
    """AUC and LogLoss on the held-out rows of new users in each phase, with and without the generator.

    Each start has the rate that is best for it on other new users. The paper's "without" is ``random``; ``unknown``,
    the trained row of unknown ids, is the stronger one.

    Args:
        users: of ``cold_start_batches``.
        load: the method trained with each seed.
        seeds: how many.
        starts: what vectors start from; must hold ``generator``.
        rates: learning rates of warm-up to choose from.
        steps: gradient steps a batch.
        replicates: bootstrap resamples of the users.

    Returns:
        A row a phase and start: ``phase``, ``start``, mean ``auc`` and ``logloss`` over seeds, ``seeds`` (values of
        each), ``rates`` (chosen, of each seed), ``users``, ``rows``; and except for the generator's own rows
        ``generator_minus``: by metric ``difference``, ``low``, ``high`` and ``p`` over users and seeds.
    """
    if GENERATOR not in starts:
        raise InputError("newcomer_table: 'starts' must hold 'generator', which the others are compared with")
    said: dict[tuple[str, str], Probabilities] = {}
    chosen: dict[str, list[float]] = {start: [] for start in starts}
    for seed in range(seeds):
        method = load(seed)
        for start in starts:
            chosen[start].append(chosen_rate(method, users.tuned_on, start, rates, steps))
            each = warm_up(method, users.new, start, chosen[start][-1], steps, seed)
            for phase, probability in zip(PHASES, each, strict=True):
                said.setdefault((phase, start), []).append(probability)
    values = Resampled.of(users.new.held_out, said, replicates)

    def gain(phase: str, start: str) -> dict[str, dict[str, float]]:
        return {m: asdict(values.minus((phase, GENERATOR), (phase, start), m)) for m in COMPARED}

    return [
        {
            "phase": phase,
            "start": start,
            **{metric: values.mean((phase, start), metric) for metric in COMPARED},
            "seeds": [{m: values.seeds[phase, start][m][seed] for m in COMPARED} for seed in range(seeds)],
            "rates": chosen[start],
            "users": users.new.users,
            "rows": len(users.new.held_out),
            **({} if start == GENERATOR else {"generator_minus": gain(phase, start)}),
        }
        for phase in PHASES
        for start in starts
    ]
