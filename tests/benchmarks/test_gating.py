"""The benchmark of gating: ratios of one round, and contestants that differ by the gate alone."""

import pytest

from benchmarks.autoloss_steps import Spent, endless, movielens, take_steps
from benchmarks.gating import HEADER, row, summarise
from benchmarks.gating_steps import BASE, GATED, MODELS, WORK, contestants, score_rows
from clickwise.methods.supervised import Supervised

ROWS = 4_000


def spent(train: float, score: float) -> dict[str, dict[str, float]]:
    return {
        "train": {"seconds": train, "processor_seconds": train / 2},
        "score": {"seconds": score, "processor_seconds": score / 4},
    }


def test_a_ratio_is_taken_within_its_round() -> None:
    """Medians of the times would say 1.0 in training; the rounds say 1.5, 1.2 and 1.0."""
    rounds = [
        {BASE: spent(1.0, 1.0), GATED: spent(1.5, 1.0)},
        {BASE: spent(10.0, 10.0), GATED: spent(12.0, 13.0)},
        {BASE: spent(6.5, 6.5), GATED: spent(6.5, 7.8)},
    ]
    found = summarise(rounds, {"train": 5, "score": 10})
    assert found[GATED]["train"]["seconds_ratio"] == pytest.approx(1.2)
    assert found[GATED]["score"]["processor_seconds_ratio"] == pytest.approx(1.2)
    assert found[GATED]["train"]["seconds"] == pytest.approx(6.5 / 5)
    assert found[GATED]["score"]["processor_seconds"] == pytest.approx(7.8 / 4 / 10)
    assert found[BASE]["train"]["seconds_ratio"] == 1.0
    assert len(row("deepfm~udg", found[GATED])) == len(HEADER)


@pytest.mark.parametrize("model", MODELS)
def test_contestants_differ_by_the_gate_alone(model: str) -> None:
    train, valid = movielens(ROWS)
    methods = contestants(model, "udg", {"hidden_dims": (8, 4)}, train, None)
    assert all(isinstance(method, Supervised) and method.batch_size == 2_000 for method in methods.values())
    weights = {name: {parameter.shape for parameter in method.parameters()} for name, method in methods.items()}
    assert weights[BASE] < weights[GATED]
    for method in methods.values():
        for work in WORK:
            clock = Spent()
            if work == "train":
                take_steps(method, endless(method), 2, clock)
            else:
                score_rows(method, valid.take(slice(ROWS)), clock)
            assert clock.seconds > 0
            assert clock.processor_seconds > 0
