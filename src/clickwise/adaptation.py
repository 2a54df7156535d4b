"""The inner step of meta-learning as a pure function, over the rows of the id tables that a task touches.

``adapt`` maps parameters to adapted parameters and changes nothing. ``TaskParameters`` holds what one task needs of a
module: its dense parameters as they are, and only those rows of its id tables that the task names. All other rows
have a zero inner gradient and no outer one, so the result is exactly that of the whole tables (MAML, Finn et al. 2017;
Meta-SGD, Li et al. 2017) at a cost that does not grow with them.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor, nn

from clickwise.nn.tables import sparse_gradient, touched_rows

Parameters = Mapping[str, Tensor]


def adapt(
    parameters: Parameters,
    rates: Mapping[str, Tensor | float],
    loss: Callable[[Parameters], Tensor],
    steps: int = 1,
    second_order: bool = True,
) -> dict[str, Tensor]:
    """``theta_u = theta - alpha * grad L_S(theta)`` (MetaSelector paper, Eq. 4), ``steps`` times.

    Args:
        parameters: by name; those without a rate stay as they are.
        rates: inner learning rate of each adapted parameter: a number, or a tensor of the parameter's shape or one
            that broadcasts to it.
        loss: mean loss of the support as a function of the parameters.
        steps: gradient steps.
        second_order: let outer gradients flow through the inner gradient. Otherwise it counts as constant, which is
            first-order MAML: outer gradients of rates are still exact for one step.

    Returns:
        All parameters by name, differentiable in ``parameters`` and ``rates``.
    """
    adapted = dict(parameters)
    for _ in range(steps):
        gradients = torch.autograd.grad(
            loss(adapted), [adapted[name] for name in rates], create_graph=second_order, materialize_grads=True
        )
        for (name, rate), gradient in zip(rates.items(), gradients, strict=True):
            adapted[name] = adapted[name] - rate * gradient
    return adapted


@dataclass(frozen=True)
class TaskParameters:
    """The parameters of a module that one task can touch, as leaves of the task's graph.

    Attributes:
        values: by name: a dense parameter itself, or the touched rows of an id table.
        rows: ``int [touched]``, the rows of the id tables, ascending; the first one is padding.
        tables: names of ``values`` that hold rows of tables.
    """

    values: dict[str, Tensor]
    rows: Tensor
    tables: Sequence[str]

    @classmethod
    def gather(cls, dense: Parameters, tables: Parameters, ids: Sequence[Tensor]) -> tuple[Self, list[Tensor]]:
        """The rows that ``ids`` name, and the same ids numbered within those rows.

        Args:
            dense: parameters that are not indexed by id.
            tables: id tables ``[size, ...]``.
            ids: one or several ``int [batch, width]`` of equal width, for example support and query.

        Returns:
            The parameters, and local ids for each of ``ids``, padding still 0.
        """
        rows, local = touched_rows(torch.cat(list(ids)))
        gathered = {
            name: table.detach().index_select(0, rows).requires_grad_(table.requires_grad)
            for name, table in tables.items()
        }
        return cls({**dense, **gathered}, rows, list(tables)), list(local.split([len(part) for part in ids]))


class TableGradients:
    """Sums the gradients of gathered rows over tasks, and hands them to the tables as row-sparse gradients."""

    def __init__(self) -> None:
        self.rows: list[Tensor] = []
        self.values: dict[str, list[Tensor]] = {}

    def add(self, task: TaskParameters) -> None:
        """Take over what ``backward`` left in the gathered rows of a task."""
        self.rows.append(task.rows)
        for name in task.tables:
            if not task.values[name].requires_grad:
                continue
            gradient = task.values[name].grad
            self.values.setdefault(name, []).append(
                torch.zeros_like(task.values[name]) if gradient is None else gradient
            )

    def assign(self, tables: Mapping[str, nn.Parameter]) -> None:
        """Set ``grad`` of every table to the coalesced sum over the tasks."""
        rows, place = torch.unique(torch.cat(self.rows), return_inverse=True)
        for name, table in tables.items():
            gradient = table.new_zeros((len(rows), *table.shape[1:]))
            gradient.index_add_(0, place, torch.cat(self.values[name]))
            table.grad = sparse_gradient(table, rows, gradient)
