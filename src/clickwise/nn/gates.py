"""Gates: what changes the fully connected layers of an MLP for each row."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from clickwise.data.log import Batch
from clickwise.errors import InputError
from clickwise.nn.gate_inputs import GateInputs
from clickwise.nn.gate_networks import GateNetworks

PLACES = {"all": slice(0, None), "first": slice(0, 1), "hidden": slice(1, None)}


class Gates(nn.Module):
    """``(field vectors, batch) -> one tensor a fully connected layer``, or None for a layer that stays as it is.

    ``apply_to`` computes a layer with what is meant for it.
    """

    def forward(self, vectors: Tensor, batch: Batch) -> list[Tensor | None]:
        raise NotImplementedError

    def apply_to(self, place: int, linear: nn.Linear, h: Tensor, gate: Tensor | None) -> Tensor:
        """What the layer number ``place`` makes of its input ``h [batch, inputs]``."""
        raise NotImplementedError


class ScalingGates(Gates):
    """``linear(g * h)`` with ``g = factor * sigmoid(GN(z))`` (UDG paper, Eq. 6 and 7), a network ``GN`` a gated layer.

    Args:
        linears: the fully connected layers of the MLP.
        inputs: gives ``z``.
        hidden_dims: of the gate networks.
        places: which layers' inputs are gated: ``all``, ``first`` (the MLP's input) or ``hidden`` (the others).
        factor: upper end of the gates.
        from_zero: start the gate networks' last layer at weights of zero; without ``bias``, gates then start at half
            the factor.
        bias: what the gate networks' last layer adds at first.
    """

    def __init__(
        self,
        linears: Sequence[nn.Linear],
        inputs: GateInputs,
        hidden_dims: Sequence[int],
        places: str,
        factor: float,
        from_zero: bool,
        bias: float,
    ) -> None:
        super().__init__()
        self.factor = factor
        self.gated = range(len(linears))[PLACES[places]]
        self.layers = len(linears)
        dims = [linears[place].in_features for place in _some(self.gated)]
        self.inputs = inputs
        self.networks = GateNetworks(inputs.width, hidden_dims, dims, from_zero, bias)

    def forward(self, vectors: Tensor, batch: Batch) -> list[Tensor | None]:
        hidden: list[Tensor | None] = [None] * self.layers
        for place, of_layer in zip(self.gated, self.networks(self.inputs(vectors, batch)), strict=True):
            hidden[place] = of_layer
        return hidden

    def apply_to(self, place: int, linear: nn.Linear, h: Tensor, gate: Tensor | None) -> Tensor:
        if gate is not None:
            scale = self.gate(place, gate)
            # Where nothing is differentiated the product may lie where the gate did.
            h = h * scale if torch.is_grad_enabled() else scale.mul_(h)
        result: Tensor = linear(h)
        return result

    def gate(self, place: int, hidden: Tensor) -> Tensor:
        """The gate ``[batch, inputs of the layer]`` of a layer, from the last hidden layer of its network."""
        gate = self.networks.finish(place - self.gated.start, hidden).sigmoid_()
        return gate if self.factor == 1 else gate * self.factor


class OwnGates(Gates):
    """``linear(sigmoid(W h) * h)`` at every hidden layer: each gates itself, whoever the user is.

    Args:
        linears: the fully connected layers of the MLP.
    """

    def __init__(self, linears: Sequence[nn.Linear]) -> None:
        super().__init__()
        dims = [linear.in_features for linear in linears]
        self.gated = range(len(linears))[PLACES["hidden"]]
        self.own = nn.ModuleList(nn.Linear(dims[place], dims[place]) for place in _some(self.gated))
        self.layers = len(linears)

    def forward(self, vectors: Tensor, batch: Batch) -> list[Tensor | None]:
        return [None] * self.layers

    def apply_to(self, place: int, linear: nn.Linear, h: Tensor, gate: Tensor | None) -> Tensor:
        result: Tensor = linear(self.own[place - 1](h).sigmoid() * h if place in self.gated else h)
        return result


class LowRankGates(Gates):
    """``linear(h) + U S(z) V h`` at every layer, with a matrix ``S [rank, rank]`` of the row. ``U`` starts at zero.

    Args:
        linears: the fully connected layers of the MLP.
        inputs: gives ``z``.
        hidden_dims: of the networks that give ``S``.
        rank: of what is added to a layer's weights.
    """

    def __init__(self, linears: Sequence[nn.Linear], inputs: GateInputs, hidden_dims: Sequence[int], rank: int) -> None:
        super().__init__()
        self.rank = rank
        self.inputs = inputs
        self.networks = GateNetworks(inputs.width, hidden_dims, [rank * rank] * len(linears), from_zero=False)
        self.before = nn.ModuleList(nn.Linear(linear.in_features, rank, bias=False) for linear in linears)
        self.after = nn.ModuleList(nn.Linear(rank, linear.out_features, bias=False) for linear in linears)
        for parameter in self.after.parameters():
            nn.init.zeros_(parameter)

    def forward(self, vectors: Tensor, batch: Batch) -> list[Tensor | None]:
        return list(self.networks(self.inputs(vectors, batch)))

    def apply_to(self, place: int, linear: nn.Linear, h: Tensor, gate: Tensor | None) -> Tensor:
        assert gate is not None  # every layer has one
        matrix = self.networks.finish(place, gate).unflatten(1, (self.rank, self.rank))
        mixed = torch.bmm(matrix, self.before[place](h).unsqueeze(2)).squeeze(2)
        result: Tensor = linear(h) + self.after[place](mixed)
        return result


def _some(gated: Sequence[int]) -> Sequence[int]:
    if not gated:
        raise InputError("this gate scales hidden layers, and the model's MLP has none; give it hidden_dims")
    return gated
