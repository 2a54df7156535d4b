"""An MLP whose fully connected layers are others for each row."""

from typing import Any

from torch import Tensor, nn

from clickwise.data.log import Batch
from clickwise.nn.gates import Gates
from clickwise.nn.mlp import MLP


class GatedMLP(nn.Module):
    """``(h [batch, inputs], batch) -> [batch, outputs]``: the layers of an MLP, gated (UDG paper, Eq. 7).

    Called as the MLP is. It needs the field vectors of the pass, which a forward hook gives to ``take_vectors``.

    Args:
        mlp: the MLP; its layers are used, not copied.
        gates: what changes its fully connected layers.
    """

    def __init__(self, mlp: MLP, gates: Gates) -> None:
        super().__init__()
        self.mlp = mlp
        self.gates = gates
        self.vectors: Tensor | None = None

    def take_vectors(self, module: nn.Module, arguments: Any, vectors: Tensor) -> None:
        """A forward hook of what computes the field vectors ``[batch, fields, dim]``."""
        self.vectors = vectors

    def forward(self, h: Tensor, batch: Batch) -> Tensor:
        vectors, self.vectors = self.vectors, None
        if vectors is None:
            raise RuntimeError("the model called its gated MLP without computing its field vectors first")
        gates = iter(enumerate(self.gates(vectors, batch)))
        for layer in self.mlp.layers:
            if isinstance(layer, nn.Linear):
                place, gate = next(gates)
                h = self.gates.apply_to(place, layer, h, gate)
            else:
                h = layer(h)
        return h
