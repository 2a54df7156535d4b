"""The two ends of the synthetic log: users who are interchangeable, and groups that prefer models of their own."""

from dataclasses import replace
from typing import Any

import numpy as np
import polars as pl
import pytest
from sklearn.linear_model import LogisticRegression

from clickwise.data.sources import contrast as contrasting
from clickwise.data.sources.contrast import add_interactions, field_shares, interaction_terms, make_interactions
from clickwise.data.sources.exposure import Impressions, draw_impressions
from clickwise.data.sources.mechanisms import drifting_interests, sigmoid, static_logits
from clickwise.data.sources.population import GROUPS, make_items, make_users
from clickwise.data.sources.synthetic import generate, requests
from clickwise.data.sources.world import World
from clickwise.errors import InputError

CLICK_RATE = 0.5
SHOWN = ["user", "item", "time", "placement", "device", "channel", "session"]


def world_and_rows(count: int = 4_000, users: int = 400, **options: float) -> tuple[World, Impressions]:
    """A world and what is shown in it; a user's full contrast and no personality where ``options`` say nothing."""
    streams = np.random.default_rng(5).spawn(12)
    strengths = {"heterogeneity": 1.0, "personality": 0.0, "contrast": 1.0} | options
    world = World.drawn(users, 200, **strengths, streams=streams)
    return world, draw_impressions(world.users, world.items, count, streams[3])


def logits(world: World, rows: Impressions) -> Any:
    interests = drifting_interests(world.users.interest, rows.session_user, rows.ordinal, 0.0, np.random.default_rng(0))
    return world.logits(rows, interests, CLICK_RATE)


def twins(world: World, rows: Impressions) -> Impressions:
    """``rows`` as seen by the first user of the same profile, whoever saw them."""
    users = world.users
    profile = (users.age * 2 + users.gender) * 12 + users.occupation
    _, first, code = np.unique(profile, return_index=True, return_inverse=True)
    return replace(rows, user=first[code][rows.user])


@pytest.mark.parametrize("contrast", [0.0, 1.0])
def test_at_the_null_users_of_one_profile_are_interchangeable(contrast: float) -> None:
    world, rows = world_and_rows(heterogeneity=0.0, contrast=contrast)
    others = twins(world, rows)
    assert (others.user != rows.user).mean() > 0.3
    np.testing.assert_allclose(logits(world, others), logits(world, rows), rtol=1e-12, atol=1e-12)
    assert np.ptp(world.users.weights, axis=0).max() == 0  # so earlier clicks of a session act alike too
    assert not world.users.age_missing.any()  # the profile is seen


@pytest.mark.parametrize("options", [{"personality": 1.0}, {"heterogeneity": 1.0}])
def test_away_from_the_null_they_are_not(options: dict[str, float]) -> None:
    world, rows = world_and_rows(**({"heterogeneity": 0.0} | options))
    assert np.abs(logits(world, twins(world, rows)) - logits(world, rows)).mean() > 0.2


def test_personality_scales_what_a_profile_does_not_tell() -> None:
    some, twice = (make_users(300, 1.0, np.random.default_rng(1), personality=scale) for scale in (1.0, 2.0))
    none = make_users(300, 1.0, np.random.default_rng(1), personality=0.0)
    np.testing.assert_allclose(twice.bias, 2.0 * some.bias)
    np.testing.assert_allclose(twice.interest - none.interest, 2.0 * (some.interest - none.interest))
    np.testing.assert_array_equal(twice.age_missing, some.age_missing)
    wide = make_users(20_000, 1.0, np.random.default_rng(1), personality=0.5)
    same = make_users(20_000, 1.0, np.random.default_rng(1), personality=1.0)
    assert (wide.gains**2).mean() == pytest.approx((same.gains**2).mean(), rel=0.3)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, 1288.0036304076932),
        ({"heterogeneity": 0.3, "drift": 0.5, "noise": 0.05, "seed": 4}, 1193.5911043257195),
        ({"heterogeneity": 0.0, "drift": 0.0}, 1405.9098652542746),
    ],
)
def test_defaults_are_what_they_were_before_there_were_contrasts(options: dict[str, Any], expected: float) -> None:
    table, _ = generate(impressions=5_000, users=200, **options)
    assert table["true_probability"].sum() == pytest.approx(expected, rel=1e-12)


def test_options_change_what_they_name_and_not_what_is_shown() -> None:
    plain, _ = generate(impressions=5_000, users=200, noise=0.0)
    for options in ({"personality": 0.0}, {"contrast": 1.0}, {"contrast": 0.5, "heterogeneity": 0.5}):
        other, _ = generate(impressions=5_000, users=200, noise=0.0, **options)
        assert other.select(SHOWN).equals(plain.select(SHOWN))
        assert np.abs(other["clean_probability"] - plain["clean_probability"]).mean() > 0.03
        assert other["age"].null_count() == (0 if "personality" in options else plain["age"].null_count())


def test_groups_are_even_and_no_profile_tells_them() -> None:
    users = make_users(40_000, 1.0, np.random.default_rng(0), contrast=np.random.default_rng(1))
    share = np.bincount(users.group, minlength=len(GROUPS)) / 40_000
    np.testing.assert_allclose(share, [0.25, 0.25, 0.25, 0.25, 0.0], atol=0.01)
    by_occupation = [np.bincount(users.group[users.occupation == code], minlength=4) for code in range(12)]
    assert np.ptp(np.array(by_occupation) / np.sum(by_occupation, axis=1, keepdims=True), axis=0).max() < 0.05
    alike = make_users(10, 0.0, np.random.default_rng(0), contrast=np.random.default_rng(1))
    np.testing.assert_allclose(alike.weights, np.tile([0.5, 0.5, 0.5, 0.5, 0.0], (10, 1)))


def test_interactions_have_unit_variance_and_nothing_for_fewer_fields() -> None:
    items = make_items(300, np.random.default_rng(0))
    shares = field_shares(items)
    for weights in shares.values():
        assert weights.sum() == pytest.approx(1.0)
    for tables in make_interactions(items, np.random.default_rng(1)):
        variance = 0.0
        for fields, table in tables.items():
            for axis, field in enumerate(fields):
                np.testing.assert_allclose(np.tensordot(table, shares[field], (axis, 0)), 0.0, atol=1e-12)
            variance += (table**2 * joint([shares[field] for field in fields])).sum()
        assert variance == pytest.approx(1.0)


def joint(shares: list[Any]) -> Any:
    product = np.array(1.0)
    for weights in shares:
        product = np.multiply.outer(product, weights)
    return product


def test_pairwise_codes_have_one_vector_and_field_aware_ones_several() -> None:
    """Side by side, the tables of one field have the rank of one vector, or of one for each field that it meets."""
    pairwise, field_aware, _ = make_interactions(make_items(300, np.random.default_rng(0)), np.random.default_rng(1))
    met = ("device", "channel", "hour")
    ranks = [
        np.linalg.matrix_rank(np.hstack([tables["category", other] for other in met]))
        for tables in (pairwise, field_aware)
    ]
    assert ranks == [contrasting.PAIRWISE_RANK, 2 + 3 + contrasting.FIELD_AWARE_RANK]  # 3 devices are 2 apart


def test_each_group_adds_the_next_interactions() -> None:
    world, rows = world_and_rows()
    base = static_logits(
        world.users, world.items, world.effects, rows, world.users.interest[rows.session_user], contrast=1.0
    )
    found = add_interactions(base, world.users, world.items, world.interactions, rows, 1.0)
    terms = interaction_terms(world.interactions, world.items, rows)
    group = world.users.group[rows.user]
    for row in range(0, 4_000, 37):
        kinds = contrasting.STRENGTHS[: group[row]]
        spread = np.sqrt(1.0 + np.pi / 8.0 * sum(strength**2 for strength in kinds))
        own = sum(strength * terms[kind, row] for kind, strength in enumerate(kinds))
        assert found[row] == pytest.approx(spread * base[row] + own)


def test_without_interactions_groups_look_alike() -> None:
    table, _ = generate(
        users=3_000, items=300, impressions=120_000, noise=0.0, drift=0.0, personality=0.0, contrast=1.0, click_rate=0.5
    )
    by_category = table.group_by("group", "placement").agg(pl.col("clean_probability").mean(), pl.len())
    for part in by_category.partition_by("placement"):
        assert len(part) == 4
        assert np.ptp(part["clean_probability"].to_numpy()) < 0.05


def test_a_model_that_knows_what_its_group_has_and_no_more_serves_it_best() -> None:
    """The best model of each kind, were it trained on endless rows of everybody: a logistic one of the true terms."""
    world, rows = world_and_rows(count=40_000, users=1_500)
    truth = sigmoid(logits(world, rows))
    linear = static_logits(
        world.users, world.items, world.effects, rows, world.users.interest[rows.session_user], contrast=1.0
    )
    inputs = np.column_stack([linear, *interaction_terms(world.interactions, world.items, rows)])
    group = world.users.group[rows.user]
    losses = []
    for known in range(1, 5):
        part = inputs[:, :known]
        twice = np.vstack([part, part]), np.repeat([1, 0], len(part))
        model = LogisticRegression(C=1e6).fit(*twice, sample_weight=np.concatenate([truth, 1.0 - truth]))
        predicted = model.predict_proba(part)[:, 1]
        loss = -(truth * np.log(predicted) + (1.0 - truth) * np.log1p(-predicted))
        losses.append(np.bincount(group, loss) / np.bincount(group))
    by_model = np.array(losses)
    np.testing.assert_array_equal(by_model.argmin(axis=0), np.arange(4))
    ahead = np.sort(by_model, axis=0)
    assert (ahead[1] - ahead[0]).min() > 0.005


def test_smallest_contrasted_log() -> None:
    table, _ = generate(users=1, items=1, impressions=1, contrast=1.0)
    assert table.shape[0] == 1
    assert 0 < table["true_probability"].item() < 1


def test_requests_come_from_the_world_of_the_log() -> None:
    options: dict[str, Any] = {"users": 100, "items": 200, "personality": 0.0, "contrast": 1.0}
    log, _ = generate(impressions=8_000, noise=0.0, **options)
    asked, _ = requests(count=2_000, candidates=2, **options)
    groups = log.select("user", "group").unique().sort("user")
    both = asked.select("user", "group").unique().join(groups, on="user")
    assert len(both) > 40
    assert both["group"].equals(both["group_right"].alias("group"))
    truth = asked["true_probability"].to_numpy()
    assert abs((asked["label"].to_numpy() - truth).sum()) < 4 * np.sqrt((truth * (1 - truth)).sum())


@pytest.mark.parametrize("call", [generate, requests])
@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"personality": -0.1}, "personality must be at least 0, not -0.1"),
        ({"contrast": 1.5}, "contrast must be between 0 and 1, not 1.5"),
        ({"contrast": float("nan")}, "contrast must be between 0 and 1, not nan"),
    ],
)
def test_options_out_of_range(call: Any, options: dict[str, float], message: str) -> None:
    with pytest.raises(InputError) as error:
        call(**options)
    assert str(error.value) == f"source 'synthetic': {message}"
