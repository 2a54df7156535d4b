"""The planted mechanisms, against what each is defined to be."""

import numpy as np
import pytest

from clickwise.data.sources.exposure import draw_impressions
from clickwise.data.sources.mechanisms import (
    DRIFT_KEPT,
    click,
    drifting_interests,
    intercept,
    make_effects,
    sigmoid,
    static_logits,
)
from clickwise.data.sources.population import GROUPS, make_items, make_users


def test_without_heterogeneity_all_users_share_one_mechanism() -> None:
    users = make_users(50, 0.0, np.random.default_rng(0))
    np.testing.assert_allclose(users.weights, len(GROUPS) ** -0.5)
    np.testing.assert_array_equal(users.gains, 1.0)


def test_with_heterogeneity_each_group_has_its_own() -> None:
    users = make_users(500, 1.0, np.random.default_rng(0))
    np.testing.assert_allclose(users.weights, np.eye(len(GROUPS))[users.group])
    assert users.gains.std() > 0.3
    between = make_users(50, 0.5, np.random.default_rng(0))
    np.testing.assert_allclose(np.linalg.norm(between.weights, axis=1), 1.0)


def test_without_drift_interests_last() -> None:
    interest = np.random.default_rng(0).standard_normal((3, 4))
    user, ordinal = np.array([0, 1, 0, 2, 0]), np.array([0, 0, 1, 0, 2])
    sessions = drifting_interests(interest, user, ordinal, 0.0, np.random.default_rng(1))
    np.testing.assert_array_equal(sessions, interest[user])


def test_drift_wanders_from_session_to_session() -> None:
    """With nothing lasting, what is left is the wandering part: neighbours correlate by what a session inherits."""
    users, sessions = 4_000, 5
    user, ordinal = np.tile(np.arange(users), sessions), np.repeat(np.arange(sessions), users)
    drawn = drifting_interests(np.zeros((users, 2)), user, ordinal, 1.0, np.random.default_rng(0))
    by_session = drawn.reshape(sessions, users * 2)
    for gap in (1, 2):
        correlation = np.corrcoef(by_session[0], by_session[gap])[0, 1]
        assert correlation == pytest.approx(DRIFT_KEPT**gap, abs=0.04)
    np.testing.assert_allclose(by_session.std(axis=1), by_session.std(), rtol=0.05)


def test_clicks_agree_with_a_walk_row_by_row() -> None:
    streams = np.random.default_rng(7).spawn(6)
    users, items, effects = make_users(20, 1.0, streams[0]), make_items(30, streams[1]), make_effects(streams[2])
    rows = draw_impressions(users, items, 400, streams[3])
    logits = static_logits(users, items, effects, rows, users.interest[rows.session_user])
    probability, clicks = click(users, items, effects, rows, logits, 0.5, np.random.default_rng(4))
    chance = np.random.default_rng(4).random(400)
    from clickwise.data.sources import mechanisms

    recent = np.zeros(effects.category_vectors.shape[1])
    for row in range(400):
        if rows.position[row] == 0:
            recent = np.zeros_like(recent)
        vector = effects.category_vectors[items.category[rows.item[row]]]
        pulled = users.group[rows.user[row]] == GROUPS.index("recency")
        pull = 0.5 * mechanisms.MECHANISM * mechanisms.RECENCY * pulled
        expected = sigmoid(np.array([logits[row] + pull * recent @ vector / np.sqrt(len(vector))]))[0]
        assert probability[row] == pytest.approx(expected)
        assert clicks[row] == (chance[row] < expected)
        recent = mechanisms.RECENCY_DECAY * recent + clicks[row] * vector


def test_intercept_gives_the_click_rate_for_normal_logits() -> None:
    from clickwise.data.sources.mechanisms import MAIN, MECHANISM

    noise = np.random.default_rng(0).standard_normal(200_000) * np.hypot(MAIN, MECHANISM)
    for rate in (0.05, 0.2, 0.5):
        assert sigmoid(intercept(rate) + noise).mean() == pytest.approx(rate, abs=0.015)
