"""Optimisers that cost what a batch touches, not what a table holds.

All take dense gradients too (every row is then touched). A sparse gradient must be coalesced: one entry a row.
Rows that a batch does not touch keep their weights and their state, which is the difference from the dense optimisers.
"""

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer


class RowSparse(Optimizer):
    """Gathers the touched rows of a parameter and of its state, updates them, and writes them back.

    A subclass says how many state values go with a weight and how one update is made. State values of a row lie side
    by side, so that a touched row costs one gather and one write however many there are.
    """

    values = 1

    def update(self, group: dict[str, Any], step: int, weight: Tensor, gradient: Tensor, state: Tensor) -> None:
        """Update ``weight [rows, ...]`` and ``state [rows, values, ...]`` in place."""
        raise NotImplementedError

    def new_state(self, parameter: Tensor) -> Tensor:
        """State of a parameter before its first step, ``[rows, values, ...]``."""
        return parameter.new_zeros((parameter.shape[0], self.values, *parameter.shape[1:]))

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Apply one update to every parameter that has a gradient.

        Args:
            closure: computes the loss anew and its gradients; called first.

        Returns:
            What ``closure`` returns, None without one.
        """
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is None:
                    continue
                state = self.state[parameter]
                if not state:
                    state["step"], state["rows"] = 0, self.new_state(parameter)
                state["step"] += 1
                self._update_rows(group, state, parameter)
        return loss

    def _update_rows(self, group: dict[str, Any], state: dict[str, Any], parameter: nn.Parameter) -> None:
        gradient = parameter.grad
        assert gradient is not None
        if not gradient.is_sparse:
            gradient = gradient.add(parameter, alpha=group["weight_decay"]) if group["weight_decay"] else gradient
            self.update(group, state["step"], parameter, gradient, state["rows"])
            return
        rows, gradient = gradient.indices()[0], gradient.values()
        weight, values = parameter.index_select(0, rows), state["rows"].index_select(0, rows)
        if group["weight_decay"]:
            gradient = gradient.add(weight, alpha=group["weight_decay"])
        self.update(group, state["step"], weight, gradient, values)
        parameter.index_copy_(0, rows, weight)
        state["rows"].index_copy_(0, rows, values)


class RowSparseAdam(RowSparse):
    """Adam (Kingma and Ba 2015) on touched rows; bias correction counts the steps of the table, as in ``SparseAdam``.

    Args:
        parameters: tables ``[rows, ...]``, or groups of them; a dense gradient counts as one that touches every row.
        learning_rate: step size.
        betas: decay of the averages of gradients and of their squares.
        epsilon: added to the root of the second average, before bias correction, as in ``SparseAdam``.
        weight_decay: L2 penalty, on touched rows only.
    """

    values = 2

    def __init__(
        self,
        parameters: Iterable[nn.Parameter],
        learning_rate: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        epsilon: float = 1e-8,
        weight_decay: float = 0.0,
    ) -> None:
        defaults = {"lr": learning_rate, "betas": betas, "epsilon": epsilon, "weight_decay": weight_decay}
        super().__init__(parameters, defaults)

    def update(self, group: dict[str, Any], step: int, weight: Tensor, gradient: Tensor, state: Tensor) -> None:
        beta1, beta2 = group["betas"]
        mean, square = state.unbind(1)
        mean.lerp_(gradient, 1 - beta1)
        square.mul_(beta2).addcmul_(gradient, gradient, value=1 - beta2)
        rate = group["lr"] * (1 - beta2**step) ** 0.5 / (1 - beta1**step)
        weight.addcdiv_(mean, square.sqrt().add_(group["epsilon"]), value=-rate)


class RowWiseAdagrad(RowSparse):
    """Adagrad with one accumulator a row (the mean of its squared gradients): a state of four bytes a row.

    Args:
        parameters: tables ``[rows, ...]``, or groups of them; a dense gradient counts as one that touches every row.
        learning_rate: step size.
        epsilon: added to the root of the accumulator.
        weight_decay: L2 penalty, on touched rows only.
    """

    def __init__(
        self,
        parameters: Iterable[nn.Parameter],
        learning_rate: float = 1e-2,
        epsilon: float = 1e-10,
        weight_decay: float = 0.0,
    ) -> None:
        super().__init__(parameters, {"lr": learning_rate, "epsilon": epsilon, "weight_decay": weight_decay})

    def new_state(self, parameter: Tensor) -> Tensor:
        return parameter.new_zeros((parameter.shape[0], 1))

    def update(self, group: dict[str, Any], step: int, weight: Tensor, gradient: Tensor, state: Tensor) -> None:
        state.add_(
            gradient.square().flatten(1).mean(1, keepdim=True) if gradient.dim() > 1 else gradient.square()[:, None]
        )
        scale = state.sqrt().add_(group["epsilon"]).view(-1, *[1] * (gradient.dim() - 1))
        weight.addcdiv_(gradient, scale, value=-group["lr"])


class FTRLProximal(RowSparse):
    """FTRL-proximal with per-coordinate rates (McMahan et al. 2013, Algorithm 1), for linear models.

    A coordinate's weight is a function of its state alone, so weights should start at zero.

    Args:
        parameters: tables ``[rows, ...]``, or groups of them; a dense gradient counts as one that touches every row.
        learning_rate: alpha.
        beta: smoothing of the per-coordinate rate.
        l1: absolute penalty; weights whose evidence stays under it are exactly zero.
        l2: squared penalty.
    """

    values = 2

    def __init__(
        self,
        parameters: Iterable[nn.Parameter],
        learning_rate: float = 0.1,
        beta: float = 1.0,
        l1: float = 0.0,
        l2: float = 0.0,
    ) -> None:
        super().__init__(parameters, {"lr": learning_rate, "beta": beta, "l1": l1, "l2": l2, "weight_decay": 0.0})

    def update(self, group: dict[str, Any], step: int, weight: Tensor, gradient: Tensor, state: Tensor) -> None:
        z, n = state.unbind(1)
        root = n.sqrt()
        n.addcmul_(gradient, gradient)
        z.add_(gradient).addcmul_((n.sqrt() - root) / group["lr"], weight, value=-1)
        shrunk = z.sign() * (z.abs() - group["l1"]).clamp_(min=0)
        weight.copy_(-shrunk / ((group["beta"] + n.sqrt()) / group["lr"] + group["l2"]))
