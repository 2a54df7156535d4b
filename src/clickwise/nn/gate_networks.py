"""Several small networks of one input, computed together."""

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn


class SideBySide(nn.Module):
    """``[networks, batch, inputs] -> [networks, batch, outputs]``: one fully connected layer of each network.

    Args:
        networks: how many.
        inputs: of each.
        outputs: of each.
    """

    def __init__(self, networks: int, inputs: int, outputs: int) -> None:
        super().__init__()
        bound = inputs**-0.5  # as torch's Linear
        self.weight = nn.Parameter(torch.empty(networks, inputs, outputs).uniform_(-bound, bound))
        self.bias = nn.Parameter(torch.empty(networks, 1, outputs).uniform_(-bound, bound))

    def forward(self, h: Tensor) -> Tensor:
        return torch.baddbmm(self.bias, h, self.weight)


class GateNetworks(nn.Module):
    """MLPs with ReLU that share nothing but their input ``z [batch, inputs]``.

    A call gives the last hidden layer of each, ``[batch, hidden]``: first layers are one product, the further ones one
    batched product each. ``finish`` gives the result of one network, ``[batch, outputs]``, when it is wanted: memory
    that is still in the processor's cache makes a gated MLP a tenth faster.

    Args:
        inputs: length of ``z``.
        hidden_dims: lengths of the hidden layers of every network, at least one.
        outputs: length of each network's result.
        from_zero: let the weights of the last layers start at zero, so that the results start at ``bias``.
        bias: first value of the last layers' biases.
    """

    def __init__(
        self, inputs: int, hidden_dims: Sequence[int], outputs: Sequence[int], from_zero: bool, bias: float = 0.0
    ) -> None:
        super().__init__()
        self.networks = len(outputs)
        self.first = nn.Linear(inputs, self.networks * hidden_dims[0])
        self.middle = nn.ModuleList(SideBySide(self.networks, *dims) for dims in pairwise(hidden_dims))
        self.last = nn.ModuleList(nn.Linear(hidden_dims[-1], dim) for dim in outputs)
        for name, parameter in self.last.named_parameters():
            if name.endswith("bias"):
                nn.init.constant_(parameter, bias)
            elif from_zero:
                nn.init.zeros_(parameter)

    def forward(self, z: Tensor) -> tuple[Tensor, ...]:
        hidden = self.first(z).relu().unflatten(1, (self.networks, -1)).transpose(0, 1)
        for layer in self.middle:
            hidden = layer(hidden).relu()
        return hidden.unbind(0)

    def finish(self, network: int, hidden: Tensor) -> Tensor:
        """The last layer of one network."""
        result: Tensor = self.last[network](hidden)
        return result
