"""Gates where users' gains on hidden features are planted, and where users are alike."""

from functools import cache

import numpy as np
import pytest

import clickwise as cw
from clickwise.data.log import ClickLog
from clickwise.methods.supervised import Supervised
from clickwise.metrics.pointwise import logloss
from clickwise.models import PNN, Model

SEEDS = (0, 1, 2)


@cache
def parts(heterogeneity: float) -> tuple[ClickLog, ClickLog]:
    """Training and test rows; never write to them."""
    options = {"gating": 1.0, "heterogeneity": heterogeneity, "click_rate": 0.4, "noise": 0.0, "drift": 0.0}
    log = cw.load("synthetic", split="random-per-user", users=200, impressions=40_000, **options)
    return log.train, log.test


@cache
def above_the_oracle(heterogeneity: float, gate: str) -> float:
    """LogLoss on test rows less that of the true probabilities, on average over seeds."""
    train, test = parts(heterogeneity)
    losses = []
    for seed in SEEDS:
        with cw.seeded(seed):
            model: Model = PNN(train.schema, embedding_dim=8, hidden_dims=(8,), dropout=0.0, initial_deviation=0.1)
            if gate:
                # Of the user alone: then shuffling users leaves a gate nothing, not even what it knows of items.
                options = {"inputs": ("user",), "gate_hidden_dims": (32,), "shuffle_users": gate == "shuffled"}
                model = cw.UserDependentGating(model, **options)
        method = Supervised(model, learning_rate=5e-3, weight_decay=1e-5, batch_size=400)
        cw.fit(method, train, epochs=4, seed=seed, device="cpu", progress=False)
        losses.append(logloss(test.label, cw.predict(method, test)))
    return float(np.mean(losses) - logloss(test.label, test.extras["true_probability"]))


def test_a_gate_learns_what_each_user_switches_on() -> None:
    gap = above_the_oracle(1.0, "")
    closed = 1.0 - above_the_oracle(1.0, "udg") / gap
    assert closed > 0.12
    assert closed > 1.0 - above_the_oracle(1.0, "shuffled") / gap + 0.1


def test_where_users_are_alike_no_user_needs_a_gate_of_its_own() -> None:
    assert above_the_oracle(0.0, "udg") == pytest.approx(above_the_oracle(0.0, "shuffled"), abs=0.004)
    assert above_the_oracle(0.0, "udg") > above_the_oracle(0.0, "") - 0.008
