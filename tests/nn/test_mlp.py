"""The activations of an MLP."""

import pytest
import torch

from clickwise.errors import InputError
from clickwise.nn.dice import Dice
from clickwise.nn.mlp import MLP
from clickwise.nn.normalisation import BatchNorm
from tests.logs import first_batch, make_logs
from tests.models.by_row import randomised
from tests.models.sessions import dice_mlp_of_row


def test_dice_in_place_of_relu() -> None:
    batch = first_batch(make_logs(60).train, 9)
    mlp = MLP(3, (5, 4), 2, dropout=0.5, activation="dice").double()
    h = torch.randn(9, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    mlp(h, batch)  # running means other than the initial ones
    found = randomised(mlp)(h, batch)
    for row in range(9):
        torch.testing.assert_close(found[row], dice_mlp_of_row(mlp.layers, h[row]))


def test_order_of_layers() -> None:
    mlp = MLP(3, (5,), 1, dropout=0.5, batch_norm=True, activation="dice")
    assert [type(layer) for layer in mlp.layers][1:3] == [BatchNorm, Dice]
    assert not any(isinstance(module, Dice) for module in MLP(3, (5,), 1).modules())


def test_an_activation_that_does_not_exist() -> None:
    with pytest.raises(InputError, match="activation 'dise' is unknown; did you mean 'dice'"):
        MLP(3, (5,), 1, activation="dise")
