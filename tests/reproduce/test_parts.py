"""What the artefacts are computed with, against slow or closed forms."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from clickwise.errors import InputError
from clickwise.metrics.pointwise import auc
from clickwise.reproduce.against import Rows
from clickwise.reproduce.ecpm import Auction, best_hours, by_hour, over_the_day
from clickwise.reproduce.metaselector.cold_start import QUERY, SUPPORTS, Newcomers, curve_rows, curves
from clickwise.reproduce.metaselector.users import losses_by_user, pitman_morgan, share_rows, spread_rows
from clickwise.reproduce.result import table
from tests.logs import make_logs


def some_rows(seeds: int = 2) -> Rows:
    """Forty users; model ``a`` knows the even ones, ``b`` the odd ones."""
    rng = np.random.default_rng(0)
    user = np.repeat(np.arange(40), 25)
    label = rng.integers(0, 2, len(user))
    good = np.where(label == 1, 0.8, 0.2)
    noise = [rng.uniform(-0.05, 0.05, len(user)) for _ in range(seeds)]
    a = [(np.where(user % 2 == 0, good, 0.5) + each).astype(np.float32) for each in noise]
    b = [(np.where(user % 2 == 1, good, 0.5) + each).astype(np.float32) for each in noise]
    return Rows(label, user, {"a": a, "b": b})


def test_shares_of_users_won() -> None:
    found = share_rows(some_rows(), ["a", "b"], {"a": 0.4}, 200)
    assert [row["share"]["mean"] for row in found] == [0.5, 0.5]
    assert [row["published"] for row in found] == [0.4, None]
    for row in found:
        # Of 40 users who are won with chance a half: two standard errors are 0.158.
        assert row["share"]["high"] - row["share"]["low"] == pytest.approx(4 * np.sqrt(0.25 / 40), rel=0.2)


def test_spread_over_users_is_that_of_numpy_and_equal_spreads_do_not_differ() -> None:
    rng = np.random.default_rng(1)
    wide, narrow = 0.5 + 0.2 * rng.normal(size=(2, 600))
    narrow = 0.5 + (narrow - 0.5) / 2
    rows = spread_rows({"narrow": narrow, "wide": wide, "same": narrow[::-1].copy()}, "narrow", 400)
    assert rows[0]["against"] is None
    assert rows[1]["deviation"] == pytest.approx(np.std(wide)) and rows[1]["mean"] == pytest.approx(np.mean(wide))
    against = rows[1]["against"]
    assert against["deviation"]["difference"] == pytest.approx(np.std(narrow) - np.std(wide))
    assert against["deviation"]["p_corrected"] < 0.05 and against["pitman_morgan_p"] < 1e-6
    assert against["deviation"]["low"] < np.std(narrow) - np.std(wide) < against["deviation"]["high"] < 0
    assert rows[2]["against"]["deviation"]["difference"] == pytest.approx(0, abs=1e-12)
    assert rows[2]["against"]["deviation"]["p_corrected"] > 0.1


def test_pitman_morgan_is_the_variance_ratio_test_of_paired_values() -> None:
    rng = np.random.default_rng(2)
    first = rng.normal(size=80)
    second = 0.6 * first + rng.normal(size=80)
    ratio, r = np.var(first) / np.var(second), np.corrcoef(first, second)[0, 1]
    t = (ratio - 1) * np.sqrt(78) / (2 * np.sqrt(ratio * (1 - r**2)))
    assert pitman_morgan(first, second) == pytest.approx(2 * stats.t.sf(abs(t), 78), rel=1e-6)


def test_losses_by_user_are_means_over_rows_and_seeds() -> None:
    rows = some_rows()
    found = losses_by_user(rows, ["a"])["a"]
    inside = rows.user == 7
    each = [-np.log(np.where(rows.label == 1, p, 1 - p)[inside]).mean() for p in rows.predictions["a"]]
    assert found.shape == (40,) and found[7] == pytest.approx(np.mean(each), rel=1e-5)


def test_newcomers_are_those_with_enough_rows_and_their_query_is_fixed() -> None:
    log = make_logs(rows=1500).train
    user = np.where(np.arange(len(log)) % 10 == 0, 3, np.where(np.arange(len(log)) % 10 == 1, 5, 9))
    log = replace(log, user=np.where(np.arange(len(log)) < 5, 1, user).astype(np.int64))
    log = log.take(np.random.default_rng(0).permutation(len(log)))
    found = Newcomers.of(log)
    assert found.rows.shape == (3, SUPPORTS[-1]) and found.query.shape == (3, QUERY)
    for users, first, last in zip((3, 5, 9), found.rows, found.query, strict=True):
        times = np.sort(log.time[log.user == users])
        assert (log.time[first] == times[: SUPPORTS[-1]]).all() and (log.time[last] == times[-QUERY:]).all()
    assert len(found.support(0)) == 0 and len(found.support(2)) == 6
    assert set(found.support(50).row).isdisjoint(found.queries.row)
    with pytest.raises(InputError, match="no held-out user has 70 rows"):
        Newcomers.of(log.take(np.arange(60)))


def test_a_curve_is_metrics_of_the_same_rows_and_a_planted_gain_is_significant() -> None:
    log = make_logs(rows=2400).train
    rng = np.random.default_rng(0)
    chance = [rng.uniform(0.3, 0.7, len(log)).astype(np.float32)]
    better = [(0.5 * chance[0] + 0.4 * log.label).astype(np.float32)]
    predicted = {("flat", 0): chance, ("flat", 5): chance, ("learner", 0): chance, ("learner", 5): better}
    rows = {(row["method"], row["support_rows"]): row for row in curve_rows(log, predicted, "flat", 200)}
    assert rows["learner", 5]["auc"]["mean"] == pytest.approx(auc(log.label, better[0]))
    assert rows["learner", 5]["against"]["auc"]["p_corrected"] < 0.05
    assert rows["learner", 0]["against"]["auc"]["difference"] == 0 and rows["flat", 0]["against"] == {}
    drawn = curves(list(rows.values()), "auc", {"flat": "Flat", "learner": "Learner"})
    assert [size for size, _ in drawn["Learner"]] == [0, 5] and drawn["Flat"][0][1] == drawn["Flat"][1][1]


def test_an_auction_is_won_by_the_truth() -> None:
    rng = np.random.default_rng(0)
    log, count = make_logs(rows=2400).train, 240
    rows = replace(log.take(np.arange(4 * count)), user=np.repeat(np.arange(count) % 12, 4))
    request = np.repeat(np.arange(count), 4)
    rows = replace(rows, time=request * 600)
    truth, bid = rng.uniform(0.01, 0.5, 4 * count), rng.uniform(0.5, 2, 4 * count)
    auction = Auction(rows, truth, bid, request)
    predicted = {"truth": [truth], "noise": [rng.random(4 * count), rng.random(4 * count)]}
    hourly, daily = by_hour(predicted, auction), over_the_day(predicted, auction, 200)
    best = (truth * bid).reshape(-1, 4).max(axis=1)
    assert daily["truth"]["mean"] == pytest.approx(1000 * best.mean())
    assert daily["noise"]["high"] < daily["truth"]["low"]
    assert best_hours(hourly, ["truth", "noise"]) == {"truth": 24, "noise": 0}
    first = hourly.filter(model="truth", hour=0)["ecpm"].item()
    assert first == pytest.approx(1000 * best[request[::4] * 600 // 3600 % 24 == 0].mean())


def test_a_table_in_markdown() -> None:
    assert table(["a", "b"], [["x", "1"]]) == ["| a | b |", "| --- | ---: |", "| x | 1 |"]
