"""Outputs of a trained method for a whole log."""

from collections.abc import Callable
from contextlib import ExitStack

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from clickwise.data.loading import ordered_batches
from clickwise.data.log import Batch, ClickLog
from clickwise.methods.method import Method
from clickwise.nn.mode import in_mode


def score(method: Method, log: ClickLog, batch_size: int = 10_000) -> npt.NDArray[np.float32]:
    """Probability of a click for every row ``[rows]``, or of each class ``[rows, classes]``; see ``predict``."""
    found = score_outputs(method, log, lambda batch: (method.predict(batch),), batch_size)
    return found[0] if found else np.empty(0, dtype=np.float32)


def score_outputs(
    method: Method, log: ClickLog, outputs: Callable[[Batch], tuple[Tensor, ...]], batch_size: int = 10_000
) -> list[npt.NDArray[np.float32]]:
    """What ``outputs`` of a trained method gives for every row, in the order of the log; nothing for no rows.

    Args:
        method: a trained method.
        log: rows to score.
        outputs: of a batch, one value or vector a row in each tensor.
        batch_size: rows a pass.
    """
    device = next((tensor.device for tensor in [*method.parameters(), *method.buffers()]), torch.device("cpu"))
    # A personal method adapts once for all rows of a user that stand in one batch.
    order = np.argsort(log.user, kind="stable") if method.by_user and (np.diff(log.user) < 0).any() else None
    rows = log if order is None else log.take(order)
    found: list[npt.NDArray[np.float32]] = []
    start = 0
    with in_mode(method), torch.inference_mode(), ExitStack() as stack:
        for module in method.modules():
            if isinstance(module, Method):
                stack.enter_context(module.following(rows))
        for batch in ordered_batches(rows, batch_size):
            parts = [part.cpu().numpy() for part in outputs(batch.to(device))]
            found = found or [np.empty((len(log), *part.shape[1:]), dtype=np.float32) for part in parts]
            stop = start + len(batch)
            for whole, part in zip(found, parts, strict=True):
                whole[slice(start, stop) if order is None else order[start:stop]] = part
            start = stop
    return found
