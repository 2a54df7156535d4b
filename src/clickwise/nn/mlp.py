"""The multi-layer perceptron that deep models share."""

from collections.abc import Sequence

from torch import Tensor, nn

from clickwise.data.log import Batch
from clickwise.errors import InputError, nearest
from clickwise.nn.dice import Dice
from clickwise.nn.dropout import Dropout
from clickwise.nn.normalisation import BatchNorm

ACTIVATIONS = ("relu", "dice")


class MLP(nn.Module):
    """``(h [batch, inputs], batch) -> [batch, outputs]``: fully connected layers, each with activation and dropout.

    A plain MLP ignores ``batch``; a gated one, with the same call, reads it.

    Args:
        inputs: length of ``h``.
        hidden_dims: lengths of the hidden layers.
        outputs: length of the result.
        dropout: probability of dropping a hidden unit.
        batch_norm: normalise each hidden layer before its activation.
        activation: ``relu`` or ``dice``.
    """

    def __init__(
        self,
        inputs: int,
        hidden_dims: Sequence[int],
        outputs: int,
        dropout: float = 0.0,
        batch_norm: bool = False,
        activation: str = "relu",
    ) -> None:
        super().__init__()
        if activation not in ACTIVATIONS:
            raise InputError(f"activation {activation!r} is unknown{nearest(activation, ACTIVATIONS)}")
        layers: list[nn.Module] = []
        for dim in hidden_dims:
            layers.append(nn.Linear(inputs, dim))
            if batch_norm:
                layers.append(BatchNorm(dim))
            layers.append(nn.ReLU() if activation == "relu" else Dice(dim))
            if dropout:
                layers.append(Dropout(dropout))
            inputs = dim
        layers.append(nn.Linear(inputs, outputs))
        self.layers = nn.Sequential(*layers)

    def forward(self, h: Tensor, batch: Batch) -> Tensor:
        logits: Tensor = self.layers(h)
        return logits
