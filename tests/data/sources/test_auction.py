"""The first-price auction: by hand, and against the truth."""

from typing import Any

import numpy as np
import pytest

from clickwise.data.sources.auction import draw_bids, simulate, winners
from clickwise.data.sources.synthetic import requests
from clickwise.errors import InputError

HAND: dict[str, Any] = {
    # request 7 at 01:00, requests 8 and 9 at 13:00; two candidates each
    "truth": [0.1, 0.5, 0.2, 0.4, 0.3, 0.3],
    "bid": [2.0, 1.0, 3.0, 1.0, 1.0, 2.0],
    "request": [7, 7, 8, 8, 9, 9],
    "time": [3_600, 3_600, 46_800, 46_800, 46_801, 46_801],
}


def test_by_hand() -> None:
    models = {"good": [0.1, 0.5, 0.2, 0.4, 0.3, 0.3], "bad": [0.9, 0.1, 0.1, 0.9, 0.9, 0.1]}
    result = simulate(models, **HAND)
    # "good" shows rows 1, 2 and 5: it earns 0.5 at 01:00, and 0.6 + 0.6 at 13:00.
    # "bad" shows rows 0, 3 and 4: it earns 0.2 at 01:00, and 0.4 + 0.3 at 13:00.
    assert result["model"].to_list() == ["good", "good", "bad", "bad"]
    assert result["hour"].to_list() == [1, 13, 1, 13]
    assert result["impressions"].to_list() == [1, 2, 1, 2]
    assert result["clicks"].to_list() == pytest.approx([0.5, 0.5, 0.1, 0.7])
    assert result["income"].to_list() == pytest.approx([0.5, 1.2, 0.2, 0.7])
    assert result["ecpm"].to_list() == pytest.approx([500.0, 600.0, 200.0, 350.0])


def test_first_candidate_wins_a_tie_and_rows_may_stand_in_any_order() -> None:
    assert winners(np.array([1.0, 1.0, 2.0]), np.array([4, 4, 3])).tolist() == [2, 0]


def test_nobody_earns_more_than_the_truth() -> None:
    table, _ = requests(count=2_000, candidates=6, users=300, items=200, seed=2)
    truth = table["true_probability"].to_numpy()
    noisy = np.clip(truth + 0.2 * np.random.default_rng(0).standard_normal(len(truth)), 0.001, 1)
    bid = draw_bids(len(truth), seed=1)
    result = simulate(
        {"oracle": truth, "noisy": noisy, "blind": np.ones(len(truth))}, truth, bid, table["session"], table["time"]
    )
    income = {model: part["income"].sum() for (model,), part in result.group_by("model")}
    assert income["oracle"] > income["noisy"] > income["blind"]
    assert result.filter(model="oracle")["impressions"].sum() == 2_000
    oracle, noisy_hours = result.filter(model="oracle"), result.filter(model="noisy")
    assert oracle["hour"].equals(noisy_hours["hour"])
    assert (oracle["ecpm"] >= noisy_hours["ecpm"]).all()


def test_bids_are_determined_by_the_seed() -> None:
    np.testing.assert_array_equal(draw_bids(5, seed=1), draw_bids(5, seed=1))
    assert np.median(draw_bids(20_001, seed=0, median=3.0)) == pytest.approx(3.0, rel=0.03)


@pytest.mark.parametrize(
    ("models", "change", "message"),
    [
        ({}, {}, "give at least one model"),
        ({"a": [0.1]}, {}, r"prediction of 'a' has shape \(1,\); it must be \(6,\)"),
        ({"a": [0.1, 0.1, np.nan, 0, 0, 0]}, {}, "prediction of 'a' is nan in row 3"),
        ({"a": []}, {"truth": []}, "give at least one row"),
        ({"a": [0.1] * 6}, {"bid": [1.0] * 5}, r"bid has shape \(5,\)"),
    ],
)
def test_bad_input(models: dict[str, Any], change: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        simulate(models, **{**HAND, **change})
