"""The outer update of meta-learning: one step of the optimisers on what the adapted parameters of many tasks lose."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from lightning_fabric import Fabric
from torch import Tensor, nn
from torch.optim import Adam, Optimizer

from clickwise.adaptation import TableGradients, TaskParameters
from clickwise.methods.background import in_background
from clickwise.optim import RowSparseAdam


@dataclass(frozen=True)
class Trained:
    """What the outer update trains.

    Attributes:
        dense: names of the parameters that are not indexed by id.
        tables: id tables by name.
    """

    dense: Collection[str]
    tables: Mapping[str, nn.Parameter]


def outer_optimizers(
    module: nn.Module,
    tables: Mapping[str, nn.Parameter],
    groups: Sequence[Mapping[str, Any]],
    learning_rate: float,
    weight_decay: float,
) -> tuple[dict[str, Optimizer], Trained]:
    """Adam for dense parameters and its row-sparse form for id tables, and what they train.

    Args:
        module: whose parameters are trained.
        tables: its id tables.
        groups: parameter groups as of an optimiser; what needs no gradient stays.
        learning_rate: of groups without their own.
        weight_decay: L2 penalty of groups without their own.
    """
    in_tables = {id(table) for table in tables.values()}
    optimizers: dict[str, Optimizer] = {}
    updated: set[int] = set()
    for name, kind in (("dense", Adam), ("tables", RowSparseAdam)):
        kept: list[Any] = []
        for group in groups:
            own = [p for p in group["params"] if p.requires_grad and (id(p) in in_tables) == (name == "tables")]
            updated |= {id(p) for p in own}
            kept += [{**group, "params": own}] if own else []
        if kept:
            optimizers[name] = kind(kept, learning_rate, weight_decay=weight_decay)
    trained = {name: table for name, table in tables.items() if id(table) in updated}
    dense = {name for name, p in module.named_parameters() if id(p) in updated and name not in trained}
    return optimizers, Trained(dense, trained)


def outer_update(
    fabric: Fabric,
    optimizers: Mapping[str, Optimizer],
    trained: Trained,
    losses: Iterable[tuple[TaskParameters, Tensor]],
) -> Tensor:
    """One step of the optimisers on the sum of the tasks' losses, which is returned.

    Args:
        fabric: computes the backward passes.
        optimizers: of ``trained``.
        trained: what is trained.
        losses: leaves of each task's graph and its loss; the next task is made while one goes backward.
    """
    for optimizer in optimizers.values():
        optimizer.zero_grad(set_to_none=True)
    gradients, found = TableGradients(), []
    # Modules and random numbers are this thread's alone, and tasks add up in their order: bits depend on no timing.
    with in_background(fabric.device) as hand_over:
        for leaves, loss in losses:
            found.append(loss.detach())
            hand_over(partial(_backward, fabric, loss, leaves, trained, gradients))
    gradients.assign(trained.tables)
    for optimizer in optimizers.values():
        optimizer.step()
    return torch.stack(found).sum()


def _backward(
    fabric: Fabric, loss: Tensor, leaves: TaskParameters, trained: Trained, gradients: TableGradients
) -> None:
    inputs = [leaves.values[name] for name in (*trained.dense, *trained.tables)]
    fabric.backward(loss, inputs=inputs)  # what stays as it is costs no second order
    gradients.add(leaves)
