"""The table of controllers."""

import numpy as np

from clickwise.reproduce.autoloss.controllers import _cells


def test_weights_stand_below_their_own_loss() -> None:
    weights = np.broadcast_to([0.3, 0.7], (2, 1, 21, 2)).tolist()
    found = {"title": "A", "losses": ["hinge", "focal"], "epochs": [1, 4], "labels": ["click"], "weights": weights}
    cells = _cells(found, ["focal", "kl", "hinge"])
    assert cells == [["A", "4", "click", prediction, "0.700", "-", "0.300"] for prediction in ("0.1", "0.5", "0.9")]
