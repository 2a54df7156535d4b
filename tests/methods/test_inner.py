"""A module called with values other than its own, one of its parameters standing in it twice."""

from collections.abc import Mapping

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from clickwise.data.log import Batch
from clickwise.methods.inner import Adaptable
from tests.logs import make_logs

LOG = make_logs(40).train


class Net(nn.Module):
    """Two linear layers over an embedding, ``second`` with the matrix of ``first`` if tied."""

    def __init__(self, tied: bool) -> None:
        super().__init__()
        self.table = nn.Embedding(LOG.schema.size, 3)
        self.first, self.second = nn.Linear(3, 3), nn.Linear(3, 3)
        if tied:
            self.second.weight = self.first.weight

    def forward(self, batch: Batch) -> Tensor:
        vectors: Tensor = self.table(batch.ids).sum(1)
        return self.second(self.first(vectors).tanh()).sum(1)


def by_hand(values: Mapping[str, Tensor], ids: Tensor) -> Tensor:
    hidden = values["table.weight"][ids.long()].sum(1) @ values["first.weight"].T + values["first.bias"]
    second = values.get("second.weight", values["first.weight"])
    return (hidden.tanh() @ second.T + values["second.bias"]).sum(1)


@pytest.mark.parametrize("tied", [False, True])
def test_calls_the_module_with_the_values_given(tied: bool) -> None:
    net = Net(tied)
    adaptable = Adaptable.of(net, LOG.schema.size, lambda _: {}, lambda outputs, _: outputs.mean())
    assert adaptable.tied == tied
    own = dict(net.named_parameters())
    values = {name: value if name == "first.bias" else torch.randn_like(value) for name, value in own.items()}
    batch = Batch.of(LOG, np.arange(6))
    torch.testing.assert_close(adaptable.call(values, batch), by_hand(values, batch.ids))
    assert all(value is own[name] for name, value in net.named_parameters())
    torch.testing.assert_close(net(batch), by_hand(own, batch.ids))
