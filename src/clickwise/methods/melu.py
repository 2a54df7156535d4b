"""MeLU: a user preference estimator whose decision layers adapt to each user (Lee et al. 2019)."""

from collections.abc import Sequence

import polars as pl
import torch
from torch import Tensor, nn

from clickwise.data.loading import ordered_batches
from clickwise.data.log import Batch, ClickLog
from clickwise.errors import InputError
from clickwise.methods.local_parameters import local_parameters
from clickwise.methods.recurrent_meta import RecurrentMeta
from clickwise.methods.unseen import require_schema
from clickwise.nn.mode import in_mode

ROWS = 256


class MeLU(RecurrentMeta):
    """Meta-learned user preference estimator (Lee et al. 2019, Algorithm 1) for click labels.

    The local step moves the decision layers alone, by one rate for all (line 7); the embeddings stay, "to ensure the
    stability of the learning process". The loss of the adapted estimator on the query trains everything, the second
    order with it (lines 10 and 11). It is ``RecurrentMeta`` with other local parameters: tasks, prediction and options
    are as there. The paper's estimator is ``clickwise.models.DNN``; any network with an ``mlp`` will do.

    Args:
        model: network or ``Supervised`` one, trained or not; copied.
        local: names of the decision layers.
        inner_learning_rate: alpha.
        outer_learning_rate: of Adam, beta.
        second_order: let outer gradients flow through the local step.
        inner_steps: local steps on the support.
        prior_rows: the local step on n rows of support is ``n / (n + prior_rows)`` of a whole one.
        tasks_per_episode: tasks an outer step.
        tasks_per_epoch: at most; all rows are query once an epoch where None.
        query_size: rows of a query.
        support_size: rows of a user to adapt to at most, the latest ones.
        judged_users: users that epochs are judged on at most, since each of them costs an adaptation.
        weight_decay: L2 penalty of the outer update; the one that ``model`` is usually trained with where None.
        shuffle_users: adapt each user to another user's rows: a control whose gain must vanish.
    """

    def __init__(
        self,
        model: nn.Module,
        local: Sequence[str] = ("mlp",),
        inner_learning_rate: float = 0.1,
        outer_learning_rate: float | None = None,
        second_order: bool = True,
        inner_steps: int = 1,
        prior_rows: float = 0.0,
        tasks_per_episode: int = 20,
        tasks_per_epoch: int | None = None,
        query_size: int = 32,
        support_size: int = 256,
        judged_users: int = 2000,
        weight_decay: float | None = None,
        shuffle_users: bool = False,
    ) -> None:
        super().__init__(
            model,
            local,
            inner_learning_rate=inner_learning_rate,
            outer_learning_rate=outer_learning_rate,
            rates="fixed",
            second_order=second_order,
            inner_steps=inner_steps,
            prior_rows=prior_rows,
            tasks_per_episode=tasks_per_episode,
            tasks_per_epoch=tasks_per_epoch,
            query_size=query_size,
            support_size=support_size,
            judged_users=judged_users,
            weight_decay=weight_decay,
            shuffle_users=shuffle_users,
        )

    def evidence_candidates(self, log: ClickLog, count: int = 20) -> pl.DataFrame:
        """``evidence_candidates`` of the network and its decision layers."""
        return evidence_candidates(self.model.model, log, self.local, count)


def evidence_candidates(network: nn.Module, log: ClickLog, local: Sequence[str], count: int = 20) -> pl.DataFrame:
    """Items whose labels tell most about a new user, to ask for first (Lee et al. 2019, section 3.4).

    An item is worth asking for where many users know it, and where their answers move the decision layers much. The
    first is its number of users, the second the mean over its rows of the Frobenius norm of the gradient of the row's
    loss in all ``local`` parameters, for an error of one: that of cross-entropy divided by ``|p - y|`` is the gradient
    of the logit, so that rows that happen to be predicted badly do not count more. Each is divided by its maximum, and
    their product is the score.

    Args:
        network: maps a batch to logits ``[batch]``.
        log: rows to judge items by.
        local: names of the parameters or modules that adapt.
        count: items at most.

    Returns:
        ``item`` (id in the log), ``users``, ``gradient_norm`` and ``score``, best first.

    Raises:
        InputError: the schema names no item or is not the network's, the labels are not binary, or there are no rows.
    """
    schema = log.schema
    if not schema.item or schema.classes != 2 or not len(log):
        raise InputError("evidence candidates need rows, binary labels, and a schema that names its 'item'")
    require_schema(network, log)
    names = local_parameters(network, local)
    with in_mode(network):
        norms = torch.cat([_gradient_norms(network, names, batch) for batch in ordered_batches(log, ROWS)])
    rows = pl.DataFrame({"item": log.ids[:, schema.slots(schema.item).start], "user": log.user, "norm": norms.numpy()})
    items = rows.group_by("item").agg(
        users=pl.col("user").n_unique(), gradient_norm=pl.col("norm").cast(pl.Float64).mean()
    )
    score = (pl.col("users") / pl.col("users").max()) * (pl.col("gradient_norm") / pl.col("gradient_norm").max())
    return items.with_columns(score=score).sort(["score", "item"], descending=[True, False]).head(count)


def _gradient_norms(network: nn.Module, names: Sequence[str], batch: Batch) -> Tensor:
    """Norm of the gradient of each row's logit in the parameters named, ``float32 [batch]``.

    Row by row, since networks pack sessions by their lengths, which no vectorised gradient can: about 1,000 rows a
    second of a DNN or DeepFM of the usual sizes and half as many of MetaInteraction, on one core. ``torch.func.vmap``
    takes twice as long for those two, and is faster for small networks alone.
    """
    parameters = dict(network.named_parameters())
    local = [parameters[name] for name in names]
    places = torch.arange(len(batch), device=local[0].device)
    batch, norms = batch.to(local[0].device), []
    with torch.enable_grad():
        for place in places.split(1):
            logit = network(batch.select(place)).squeeze(0)
            gradients = torch.autograd.grad(logit, local, materialize_grads=True)
            norms.append(torch.stack([gradient.square().sum() for gradient in gradients]).sum().sqrt())
    return torch.stack(norms).float().cpu()
