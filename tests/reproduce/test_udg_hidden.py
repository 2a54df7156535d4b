"""The last hidden layer: what the output layer reads, gates included; silhouettes of planted clusters."""

from typing import Any

import numpy as np
import pytest
import torch

from clickwise.data.loading import ordered_batches
from clickwise.errors import InputError
from clickwise.methods.building import build
from clickwise.reproduce.udg.hidden import last_hidden, plane, silhouettes, users_of_both_labels
from clickwise.training import seeded
from tests.logs import make_logs

OPTIONS = {"hidden_dims": (12, 6), "dropout": 0.0}


@pytest.mark.parametrize("name", ["pnn", "pnn~udg"])
def test_the_output_layer_makes_the_logits_of_what_is_returned(name: str) -> None:
    log = make_logs().test
    with seeded(0):
        method: Any = build(name, log.schema, OPTIONS, []).eval()
    hidden = last_hidden(method, log)
    assert hidden.shape == (len(log), 6)
    mlp = method.model.model.mlp.mlp if "~" in name else method.model.mlp
    with torch.no_grad():
        expected = torch.cat([method.model(batch) for batch in ordered_batches(log, 1000)])
        logits = mlp.layers[-1](torch.from_numpy(hidden).float()).squeeze(1)
    torch.testing.assert_close(logits, expected, rtol=1e-4, atol=1e-5)
    assert not mlp.layers[-1]._forward_pre_hooks


class Log:
    """What of a log is looked at."""

    def __init__(self, user: list[int], label: list[int]) -> None:
        self.user, self.label = np.array(user), np.array(label)


def test_users_with_most_of_their_rarer_label_come_first() -> None:
    user = [0] * 30 + [1] * 20 + [2] * 12 + [3] * 40
    label = [1] * 25 + [0] * 5 + [1] * 10 + [0] * 10 + [1] * 4 + [0] * 8 + [1] * 7 + [0] * 33
    log: Any = Log(user, label)
    assert users_of_both_labels(log, 10).tolist() == [1, 3, 0]  # user 2 has only 4 clicks
    assert users_of_both_labels(log, 2).tolist() == [1, 3]
    one: Any = Log([0] * 20 + [1] * 20, [0, 1] * 10 + [0] * 20)
    with pytest.raises(InputError, match="1 users have 5 clicks"):
        users_of_both_labels(one, 10)


def test_silhouettes_tell_clusters_from_chance_and_the_plane_is_reproducible() -> None:
    rng = np.random.default_rng(0)
    log: Any = Log([0] * 40 + [1] * 40, [0, 1] * 40)
    apart = np.where(log.user == 0, 20.0 * log.label, 0.0)
    hidden = rng.normal(size=(80, 5))
    hidden[:, 0] += apart
    clusters, chance = silhouettes(hidden, log, np.array([0, 1]))
    assert clusters > 0.7 and abs(chance) < 0.15
    points = plane(hidden)
    assert points.shape == (80, 2) and np.isfinite(points).all()
    np.testing.assert_array_equal(points, plane(hidden))
