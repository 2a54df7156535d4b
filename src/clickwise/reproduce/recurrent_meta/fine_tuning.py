"""One more batch of labelled rows for a method that is trained already: FT-A, FT-B and FT-C in turn."""

import numpy as np
import torch

from clickwise.data.loading import ordered_batches
from clickwise.data.log import Batch, ClickLog
from clickwise.data.tasks import Task, UserRows
from clickwise.methods.bilevel import Bilevel
from clickwise.methods.meta_embedding import MetaEmbedding
from clickwise.methods.method import Method
from clickwise.methods.recurrent_meta import RecurrentMeta
from clickwise.methods.sequential_meta import SequentialMeta
from clickwise.methods.stretches import DividedBatches
from clickwise.methods.supervised import Supervised
from clickwise.methods.unseen import require_rows
from clickwise.nn.auxiliary import asked_for, auxiliary_losses, total_of
from clickwise.training import seeded

BATCH = 128


def fine_tune(method: Method, log: ClickLog, train: ClickLog, seed: int) -> None:
    """Go on training on further rows, once through them: one step for each 128 of them, by the method's own rule.

    A model takes a step of its optimiser (of Meta-Embedding the model that it serves), ``SequentialMeta`` a local and
    a global one, a bilevel method an outer one, in which the rows are queries and their users' training rows support.
    What is fitted in closed form stays.

    Args:
        method: as ``fit`` left it, optimisers and all.
        log: the rows, of whatever users.
        train: what it was trained on.
        seed: of dropout.

    Raises:
        InputError: rows of another schema than the method's, or without labels.
    """
    require_rows(method, log, "fine-tuning")
    rows = log.take(np.argsort(log.time, kind="stable"))
    if isinstance(method, SequentialMeta):
        method.fine_tune(rows, seed=seed)
    elif isinstance(method, Bilevel):
        _outer_steps(method, rows, train, seed)
    elif method.iterates:
        model = method.model if isinstance(method, MetaEmbedding) else method
        model.train()
        with seeded(seed):
            for batch in ordered_batches(rows, BATCH):
                model.step(batch)
        model.eval()


def _outer_steps(method: Bilevel, rows: ClickLog, train: ClickLog, seed: int) -> None:
    method.train()
    with seeded(seed):
        if isinstance(method, RecurrentMeta) and method.task == "batch":
            for episode in DividedBatches(rows, BATCH, method.support_share).epoch(seed, 0):
                method.step(episode)
        else:
            for start in range(0, len(rows), BATCH):
                method.step(tasks_of(rows.take(slice(start, start + BATCH)), train, method.support_size))
    method.eval()


def tasks_of(rows: ClickLog, train: ClickLog, support_size: int) -> list[Task]:
    """A task a user: all of the user's rows are query, the user's latest training rows are support."""
    users = int(max(rows.user.max(), train.user.max())) + 1
    support, query = UserRows(train, users), UserRows(rows, users)
    return [
        Task(
            int(user),
            Batch.of(train, support.of(int(user))[-support_size:]),
            Batch.of(rows, query.of(int(user))),
        )
        for user in np.unique(rows.user)
    ]


def total_loss(method: Method, log: ClickLog, seed: int) -> float | None:
    """What training minimises, on these rows: the log loss and all auxiliary losses, weighted (Eq. 8, over alpha).

    None for a method whose network has no auxiliary losses, or whose predictions are not those of one network.
    """
    model = method.model if isinstance(method, SequentialMeta) else method
    if not isinstance(model, Supervised):
        return None
    losses = auxiliary_losses(model.model)
    if not losses:
        return None
    device = next(model.parameters()).device
    batch = next(ordered_batches(log, len(log))).to(device)
    model.eval()
    with torch.no_grad(), seeded(seed), asked_for(losses) as told:
        of_labels = model.mean_loss(model.model(batch).float(), batch)
    return float(total_of(of_labels, told)[0])
