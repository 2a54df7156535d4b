"""MetaSelector-Simplified: models stay as they are, and a user's support gives one distribution over them."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn import functional

from clickwise.adaptation import TableGradients, TaskParameters
from clickwise.data.log import Batch, ClickLog
from clickwise.data.tasks import Task
from clickwise.methods.method import Run
from clickwise.methods.mixture import mix
from clickwise.methods.selection import Selection
from clickwise.nn.selector import Selector
from clickwise.nn.tables import id_tables


class SimplifiedMetaSelector(Selection):
    """The simplified version of MetaSelector (paper, end of section 4.2), for where no gradient step can be afforded.

    A user's weights are the mean of what the selector says for each row of the support; they weigh the models for all
    rows of the query, whose loss trains the selector. The models are frozen, and nothing is updated at test time.

    Args:
        models: networks, or methods around one, of one schema; copied.
        selector: the network that weighs them; a ``Selector`` with its defaults where None.
        outer_learning_rate: of Adam, which trains the selector.
        users_per_episode: users an outer step.
        users_per_epoch: users that an epoch visits, and that it is judged on, at most.
        most_epochs: epochs at most, whatever ``fit`` allows.
        support_size: rows of a user to adapt to at most, the latest ones.
        query_share: share of a user's rows that the models have not seen that is query in an episode.
        order: ``time`` takes the latest of those rows as query, ``random`` any.
        pretrain: train the models first, on ``pretrain_share`` of each user's training rows, and learn from the others;
            else from validation rows, see ``MetaSelector``.
        pretrain_share: share of each user's training rows that the models are trained on first.
        start_from: first weights of the selector: ``stacking`` (the best constant ones) or ``random``.
        weight_decay: L2 penalty of Adam.
        shuffle_users: adapt each user to another user's support: a control whose gain must vanish.
    """

    def __init__(
        self,
        models: Sequence[nn.Module],
        selector: Selector | None = None,
        outer_learning_rate: float = 1e-4,
        users_per_episode: int = 50,
        users_per_epoch: int = 10_000,
        most_epochs: int = 10,
        support_size: int = 2048,
        query_share: float = 0.7,
        order: str = "time",
        pretrain: bool = True,
        pretrain_share: float = 0.75,
        start_from: str = "stacking",
        weight_decay: float = 0.0,
        shuffle_users: bool = False,
    ) -> None:
        super().__init__(
            models, selector, outer_learning_rate, users_per_episode, users_per_epoch, most_epochs, support_size,
            query_share, order, pretrain, pretrain_share, start_from, weight_decay, shuffle_users,
        )  # fmt: skip

    def start(self, train: ClickLog, valid: ClickLog | None, run: Run) -> None:
        self.models.requires_grad_(False)
        super().start(train, valid, run)

    def step(self, episode: list[Task]) -> dict[str, Tensor]:
        for optimizer in self.optimizers.values():
            optimizer.zero_grad(set_to_none=True)
        device = self.run.fabric.device
        # All users share the parameters, so an episode is two batches however many they are.
        support, query = (
            Batch.join([getattr(task, part) for task in episode]).to(device) for part in ("support", "query")
        )
        tables = id_tables(self.selector, self.schema.size)
        dense = {name: parameter for name, parameter in self.selector.named_parameters() if name not in tables}
        leaves, (of_support, of_query) = TaskParameters.gather(dense, tables, [support.ids, query.ids])
        with torch.no_grad():
            logits = [network(query) for network in self.networks]
        of_rows = self._say(leaves, support, of_support, None)
        of_queries = self._say(leaves, query, of_query, logits)
        weights = user_weights(of_rows, [len(t.support) for t in episode], of_queries, [len(t.query) for t in episode])
        losses = functional.nll_loss(mix(logits, weights), query.label.long(), reduction="none")
        loss = torch.stack([part.mean() for part in losses.split([len(task.query) for task in episode])]).mean()
        self.run.fabric.backward(loss)
        gradients = TableGradients()
        gradients.add(leaves)
        gradients.assign(tables)
        for optimizer in self.optimizers.values():
            optimizer.step()
        return {"loss": loss.detach()}

    def _say(self, leaves: TaskParameters, batch: Batch, local: Tensor, logits: list[Tensor] | None) -> Tensor:
        """Log weights of the selector for each row; models are asked only where the selector looks at them."""
        if logits is None and self.selector.inputs != "features":
            with torch.no_grad():
                logits = [network(batch) for network in self.networks]
        said: Tensor = functional_call(self.selector, leaves.values, (batch.with_ids(local), logits or []))
        return said

    def mixed(self, support: Batch | None, query: Batch) -> tuple[Tensor, Tensor]:
        logits = [network(query) for network in self.networks]
        if support is None:
            weights = self.selector(query, logits)
        else:
            asked = self.selector.inputs != "features"
            of_support = [network(support) for network in self.networks] if asked else []
            weights = mean_weights(self.selector(support, of_support)).expand(len(query), -1)
        return mix(logits, weights), weights


def mean_weights(log_weights: Tensor) -> Tensor:
    """Logarithm of the mean of the weights ``[rows, models]`` over rows, ``[1, models]``."""
    return torch.logsumexp(log_weights, dim=0, keepdim=True) - math.log(len(log_weights))


def user_weights(support: Tensor, supports: Sequence[int], query: Tensor, queries: Sequence[int]) -> Tensor:
    """Log weights of every query row: the mean over its user's support, or its own where the user has no support.

    Args:
        support: log weights ``[support rows, models]`` of all users, one after the other.
        supports: support rows of each user.
        query: log weights ``[query rows, models]``.
        queries: query rows of each user.
    """
    parts = zip(support.split(list(supports)), query.split(list(queries)), strict=True)
    return torch.cat([mean_weights(rows).expand(len(own), -1) if len(rows) else own for rows, own in parts])
