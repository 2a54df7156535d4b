"""The gates by name: UDG and its relatives."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from torch import nn

from clickwise.errors import InputError, nearest
from clickwise.nn.gate_inputs import GateInputs
from clickwise.nn.gates import Gates, LowRankGates, OwnGates, ScalingGates

OPEN = 2.0
"""Bias at which sigmoid gates start near 0.88: from 0.5 each layer halves what it passes on, and learning is slower."""


@dataclass(frozen=True)
class GateKind:
    """One kind of gate.

    Attributes:
        inputs: what it reads unless told otherwise, see ``GateInputs``; nothing for one that reads the MLP alone.
        places: which layers' inputs it scales, see ``ScalingGates``.
        factor: upper end of the gates.
        from_zero: the last weights of its networks start at zero: under the factor 2 it changes nothing at first.
        bias: first value of the last biases of its networks.
        stop_gradient: no gradient flows through it into the base model's embeddings.
        rank: of the matrix it adds to each layer, in place of scaling; 0 for a gate that scales.
    """

    inputs: tuple[str, ...]
    places: str = "all"
    factor: float = 1.0
    from_zero: bool = False
    bias: float = 0.0
    stop_gradient: bool = False
    rank: int = 0

    def make(self, linears: Sequence[nn.Linear], inputs: GateInputs | None, hidden_dims: Sequence[int]) -> Gates:
        """Gates for the fully connected layers of an MLP; without ``inputs`` every layer gates itself."""
        if inputs is None:
            return OwnGates(linears)
        if self.rank:
            return LowRankGates(linears, inputs, hidden_dims, self.rank)
        return ScalingGates(linears, inputs, hidden_dims, self.places, self.factor, self.from_zero, self.bias)


GATES: Mapping[str, GateKind] = {
    "udg": GateKind(("item", "behaviour", "user"), bias=OPEN),
    "udg-code": GateKind(("user", "profile", "category"), bias=OPEN),
    "lhuc": GateKind(("user",), "hidden", 2.0, from_zero=True),
    "ppnet": GateKind(("user", "fields"), "hidden", 2.0, from_zero=True, stop_gradient=True),
    "epnet": GateKind(("user", "fields"), "first", 2.0, from_zero=True, stop_gradient=True),
    "poso": GateKind(("profile", "fullness"), "hidden", 2.0, from_zero=True),
    "gatenet": GateKind((), "hidden"),
    "apg": GateKind(("item", "behaviour", "user"), rank=4),
}
"""Kinds of gates by name. All networks have three fully connected layers, the last one linear before its sigmoid.

``udg``: Yuan et al., Eq. 6: sigmoid gates on the MLP's input and on every hidden layer. The paper does not say what
    they start at.
``udg-code``: the same with the inputs of its authors' published code.
``lhuc``: Swietojanski and Renals 2014: gates of the user on hidden layers. There each user has one free number a hidden
    unit; here a network makes them of the user's vector, as recommenders do that name it.
``ppnet``: Chang et al. 2023 (PEPNet): gates of the user and of all field vectors. There user, item and author have
    vectors of their own, and networks have two layers.
``epnet``: the same paper's gate on embeddings. There it reads the domain, of which a log has one; here the user.
``poso``: Dai et al. 2021: gates of what tells newcomers apart, the profile and how full the histories are. There gates
    mix several copies of a layer; here they scale one, as that paper's version for MLPs does.
``gatenet``: Huang et al. 2020: every hidden layer gates itself; its gates on embeddings are left out. No user.
``apg``: Yan et al. 2022: what is added to a layer is of low rank and made for the row. There it stands in place of the
    layer, U and V are products of larger matrices, and nothing starts at zero.
"""


def find_gate(name: str) -> GateKind:
    """The kind of this name, or ``InputError`` that suggests the nearest one."""
    if name not in GATES:
        raise InputError(f"gate {name!r} is unknown{nearest(str(name), GATES)}")
    return GATES[name]
