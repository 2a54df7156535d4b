"""Gating in the synthetic log: hidden features that no field tells, and gains on them that are each user's own."""

from dataclasses import replace
from typing import Any

import numpy as np
import polars as pl
import pytest
from sklearn.linear_model import LogisticRegression

from clickwise.data.sources import load_source
from clickwise.data.sources.contrast import field_shares, interaction_terms
from clickwise.data.sources.exposure import Impressions, draw_impressions
from clickwise.data.sources.mechanisms import drifting_interests, sigmoid
from clickwise.data.sources.switches import FEATURES, MAIN, STRENGTH
from clickwise.data.sources.synthetic import STREAMS, generate, requests
from clickwise.data.sources.world import World
from clickwise.errors import InputError

OPTIONS: dict[str, Any] = {"users": 100, "items": 100, "noise": 0.0, "drift": 0.0, "gating": 1.0}
FIELDS = ("category", "brand", "placement", "device", "channel")


def world_and_rows(count: int, users: int, gating: float = 1.0, **options: float) -> tuple[World, Impressions]:
    streams = np.random.default_rng(5).spawn(STREAMS)
    strengths = {"heterogeneity": 1.0, "personality": 1.0, "contrast": 0.0} | options
    world = World.drawn(users, 200, **strengths, streams=streams, gating=gating)
    return world, draw_impressions(world.users, world.items, count, streams[3])


def logits(world: World, rows: Impressions, click_rate: float = 0.4) -> Any:
    interests = drifting_interests(world.users.interest, rows.session_user, rows.ordinal, 0.0, np.random.default_rng(0))
    return world.logits(rows, interests, click_rate)


def features(world: World, rows: Impressions) -> Any:
    """``[features, rows]``."""
    assert world.switches is not None
    return interaction_terms(world.switches.features, world.items, rows)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, 1288.0036304076932),
        ({"heterogeneity": 0.3, "drift": 0.5, "noise": 0.05, "seed": 4}, 1193.5911043257195),
        ({"contrast": 0.5, "personality": 0.5}, None),
    ],
)
def test_without_gating_every_log_is_what_it_was(options: dict[str, Any], expected: float | None) -> None:
    plain, _ = generate(impressions=5_000, users=200, **options)
    table, _ = generate(impressions=5_000, users=200, gating=0.0, **options)
    assert table.equals(plain)
    if expected is not None:  # recorded before there was gating
        assert table["true_probability"].sum() == pytest.approx(expected, rel=1e-12)


def test_gating_changes_clicks_and_nothing_that_is_shown() -> None:
    plain, _ = generate(impressions=3_000, **(OPTIONS | {"gating": 0.0}))
    for gating in (0.5, 1.0):
        table, _ = generate(impressions=3_000, **(OPTIONS | {"gating": gating}))
        decided = ["label", "true_probability", "clean_probability"]
        assert table.drop(decided).equals(plain.drop(decided))
        assert np.abs(table["true_probability"] - plain["true_probability"]).mean() > 0.1


def test_probabilities_are_calibrated_in_every_decile() -> None:
    table, _ = generate(users=300, impressions=40_000, gating=1.0, noise=0.1)
    ordered = table.sort("true_probability")
    for start in range(0, 40_000, 4_000):
        part = ordered[start : start + 4_000]
        truth = part["true_probability"].to_numpy()
        assert abs((part["label"].to_numpy() - truth).sum()) < 4.5 * np.sqrt((truth * (1 - truth)).sum())


@pytest.mark.parametrize("heterogeneity", [0.0, 1.0])
@pytest.mark.parametrize("click_rate", [0.1, 0.4, 0.7])
def test_click_rate_is_about_what_was_asked_for(click_rate: float, heterogeneity: float) -> None:
    strengths = {"click_rate": click_rate, "heterogeneity": heterogeneity}
    table, _ = generate(users=1_000, impressions=20_000, noise=0.0, gating=1.0, **strengths)
    assert table["clean_probability"].to_numpy().mean() == pytest.approx(click_rate, abs=0.05)


def test_features_have_unit_variance_and_mean_0_whatever_the_code() -> None:
    world, _ = world_and_rows(10, 5)
    assert world.switches is not None
    shares = field_shares(world.items)
    for pair, feature in zip(FEATURES, world.switches.features, strict=True):
        (found, table), *others = feature.items()
        assert found == pair and not others
        assert len(np.unique(table.round(9))) == 4  # a sign of each field, both centred
        for axis, field in enumerate(pair):
            np.testing.assert_allclose(np.tensordot(table, shares[field], (axis, 0)), 0.0, atol=1e-12)
        variance = (table**2 * np.multiply.outer(*(shares[field] for field in pair))).sum()
        assert variance == pytest.approx(1.0)


def test_no_single_field_tells_a_feature_and_its_two_fields_do() -> None:
    """Shares of the variance that the mean by code explains, over the rows that are shown."""
    world, rows = world_and_rows(60_000, 1_000)
    codes = {"category": world.items.category[rows.item], "brand": world.items.brand[rows.item]}
    codes |= {field: getattr(rows, field) for field in FIELDS[2:]} | {"user": rows.user}
    for pair, feature in zip(FEATURES, features(world, rows), strict=True):
        for code in codes.values():
            assert explained(feature, code) < 0.05
        assert explained(feature, codes[pair[0]] * 10 + codes[pair[1]]) == pytest.approx(1.0)


def explained(values: Any, code: Any) -> float:
    """Where every code is 0 or positive."""
    rows = np.maximum(np.bincount(code), 1)
    means = np.bincount(code, values) / rows
    return float(means[code].var() / values.var())


def test_a_regression_on_the_features_finds_every_users_gains() -> None:
    world, rows = world_and_rows(60_000, 250)
    assert world.switches is not None
    label = np.random.default_rng(0).random(60_000) < sigmoid(logits(world, rows))
    inputs = np.column_stack([*features(world, rows), world.effects.category[world.items.category[rows.item]]])
    known = np.bincount(rows.user, minlength=250)
    users = [user for user in range(250) if known[user] > 150]
    assert len(users) > 60
    fits = [LogisticRegression(C=1.0).fit(inputs[rows.user == user], label[rows.user == user]) for user in users]
    found = np.array([fit.coef_[0, : len(FEATURES)] for fit in fits]) / (STRENGTH / np.sqrt(len(FEATURES)))
    gains = world.switches.gains[users]
    assert ((found > 0.8) == (gains > 1)).mean() > 0.97
    assert found[gains == 0].mean() == pytest.approx(0.0, abs=0.1)


def test_gains_are_0_or_2_with_equal_chance_and_1_where_users_are_alike() -> None:
    gains = [world_and_rows(1, 4_000, heterogeneity=strength)[0].switches for strength in (1.0, 0.5, 0.0)]
    apart, between, alike = (switches.gains for switches in gains if switches is not None)
    assert set(np.unique(apart)) == {0.0, 2.0}
    np.testing.assert_allclose(apart.mean(axis=0), 1.0, atol=0.06)
    np.testing.assert_allclose(np.corrcoef(apart.T), np.eye(len(FEATURES)), atol=0.06)
    np.testing.assert_array_equal(between, 0.5 + 0.5 * apart)
    assert (alike == 1.0).all()


def test_the_logit_row_by_row() -> None:
    world, rows = world_and_rows(400, 50)
    found = logits(world, rows, click_rate=0.5)  # whose intercept is 0
    assert world.switches is not None
    for row in range(0, 400, 23):
        user, item = rows.user[row], rows.item[row]
        code = {"category": world.items.category[item], "brand": world.items.brand[item]}
        code |= {field: getattr(rows, field)[row] for field in FIELDS[2:]}
        own = sum(
            gain * feature[pair][code[pair[0]], code[pair[1]]]
            for gain, pair, feature in zip(world.switches.gains[user], FEATURES, world.switches.features, strict=True)
        )
        main = MAIN * (world.users.bias[user] + world.effects.category[code["category"]])
        assert found[row] == pytest.approx(main + 1.5 * own)


def test_gating_is_a_share_of_the_logit() -> None:
    none, half, full = (logits(*world_and_rows(2_000, 50, gating)) for gating in (0.0, 0.5, 1.0))
    np.testing.assert_allclose(half, (none + full) / 2.0)


def test_at_the_null_users_are_interchangeable_and_earlier_clicks_do_not_matter() -> None:
    world, rows = world_and_rows(2_000, 50, heterogeneity=0.0, personality=0.0)
    others = replace(rows, user=(rows.user + 1) % 50)
    np.testing.assert_allclose(logits(world, others), logits(world, rows), rtol=1e-12, atol=1e-12)
    options: dict[str, Any] = {"impressions": 2_000, "users": 50, "gating": 1.0, "heterogeneity": 0.0}
    assert generate(**options)[0].equals(generate(recency=0.0, **options)[0])


def test_requests_and_load_know_the_same_world() -> None:
    options = {key: value for key, value in OPTIONS.items() if key != "noise"}
    log, _ = generate(impressions=20_000, noise=0.0, **(options | {"personality": 0.0}))
    asked, _ = requests(count=2_000, candidates=2, **(options | {"personality": 0.0}))
    seen = ["user", "item", "placement", "device", "channel"]
    both = asked.unique(seen).join(log.unique(seen), on=seen, suffix="_log")
    assert len(both) > 200
    assert both.select(pl.col("true_probability") - pl.col("true_probability_log")).to_series().abs().max() < 1e-12
    assert load_source("synthetic", impressions=500, **OPTIONS)[0].equals(generate(impressions=500, **OPTIONS)[0])


@pytest.mark.parametrize("call", [generate, requests])
@pytest.mark.parametrize("value", [-0.1, 1.5, float("nan")])
def test_gating_out_of_range(call: Any, value: float) -> None:
    with pytest.raises(InputError) as error:
        call(gating=value)
    assert str(error.value) == f"source 'synthetic': gating must be between 0 and 1, not {value}"


def test_smallest_gated_log() -> None:
    table, _ = generate(users=1, items=1, impressions=1, gating=1.0)
    assert 0 < table["true_probability"].item() < 1
