"""One module a contestant: ``build(table, folder) -> Contestant``, through that library's own public training loop."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

EMBEDDING_DIM = 16
HIDDEN_DIMS = (400, 400)
BATCH_SIZE = 2_000
PREDICT_BATCH_SIZE = 10_000
LEARNING_RATE = 1e-3
EMBEDDING_DEVIATION = 1e-2

MODULES = {
    "bare": "bare",
    "clickwise": "ours",
    "clickwise-compiled": "ours_compiled",
    "fuxictr": "fuxictr",
    "deepctr-torch": "deepctr_torch",
    "torch-rechub": "torch_rechub",
    "recbole": "recbole",
}
PEERS = ("fuxictr", "deepctr-torch", "torch-rechub", "recbole")


@dataclass(frozen=True)
class Contestant:
    """A DeepFM with its data already in the form its library wants.

    Attributes:
        fit: trains one epoch on the training rows.
        predict: probabilities ``[test rows]``, in order.
    """

    fit: Callable[[], object]
    predict: Callable[[], npt.NDArray[np.floating]]
