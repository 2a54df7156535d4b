"""The inner step of one user's task, on the touched rows of any module."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn
from torch.func import functional_call

from clickwise.adaptation import Parameters, TaskParameters, adapt
from clickwise.data.log import Batch
from clickwise.nn.auxiliary import AuxiliaryLoss, asked_for, total_of
from clickwise.nn.tables import id_tables

Rates = Callable[[TaskParameters], Mapping[str, Tensor | float]]


@dataclass(frozen=True)
class Adaptable:
    """A module whose parameters can adapt to a user.

    Attributes:
        module: maps a batch to whatever ``loss`` takes.
        dense: its parameters that are not indexed by id, by name.
        tables: its id tables, by name.
        rates: the inner learning rate of each parameter that adapts, for one task.
        loss: mean loss of the support: ``(output of the module for a batch, batch) -> scalar``.
        steps: gradient steps.
        prior_rows: the loss of n rows of support counts ``n / (n + prior_rows)``, so that little evidence moves little.
        auxiliary: further losses that the module tells of as it computes; the support's are added to ``loss``.
        tied: some parameter stands in the module under several names, of which the first one counts.
    """

    module: nn.Module
    dense: Mapping[str, nn.Parameter]
    tables: Mapping[str, nn.Parameter]
    rates: Rates
    loss: Callable[[Any, Batch], Tensor]
    steps: int = 1
    prior_rows: float = 0.0
    auxiliary: Sequence[AuxiliaryLoss] = ()
    tied: bool = True

    @classmethod
    def of(
        cls,
        module: nn.Module,
        size: int,
        rates: Rates,
        loss: Callable[..., Tensor],
        steps: int = 1,
        prior_rows: float = 0.0,
        auxiliary: Sequence[AuxiliaryLoss] = (),
    ) -> "Adaptable":
        """With the parameters of ``module``, whose id tables have ``size`` rows."""
        tables, parameters = id_tables(module, size), dict(module.named_parameters())
        dense = {name: parameter for name, parameter in parameters.items() if name not in tables}
        tied = len(parameters) < sum(1 for _ in module.named_parameters(remove_duplicate=False))
        return cls(module, dense, tables, rates, loss, steps, prior_rows, auxiliary, tied)

    def call(self, values: Parameters, batch: Batch) -> Any:
        """What the module says of ``batch`` with these values of its parameters."""
        changed = {name: value for name, value in values.items() if value is not self.dense.get(name)}
        return functional_call(self.module, changed, (batch,), tie_weights=self.tied)

    def adapt(
        self, support: Batch, query: Batch, second_order: bool = False, outer: Collection[str] = ()
    ) -> tuple[TaskParameters, dict[str, Tensor], Batch]:
        """The inner step (MetaSelector paper, Eq. 4).

        Args:
            support: rows of one user to adapt to; without any nothing adapts.
            query: other rows of that user.
            second_order: keep the graph of the inner step, so that outer gradients flow through it.
            outer: names of the dense parameters that the result will be differentiated in.

        Returns:
            The leaves of the task's graph, the adapted parameters, and the query with its ids as these number them.
        """
        dense: Parameters = {
            name: parameter if name in outer else parameter.detach().requires_grad_()
            for name, parameter in self.dense.items()
        }
        leaves, (of_support, of_query) = TaskParameters.gather(dense, self.tables, [support.ids, query.ids])
        support = support.with_ids(of_support)

        evidence = len(support) / (len(support) + self.prior_rows) if len(support) else 0.0

        def loss(values: Parameters) -> Tensor:
            with asked_for(self.auxiliary) as told:
                of_labels = self.loss(self.call(values, support), support)
            return evidence * total_of(of_labels, told)[0]

        steps = self.steps if len(support) else 0
        return leaves, adapt(leaves.values, self.rates(leaves), loss, steps, second_order), query.with_ids(of_query)
