"""DIEN's auxiliary loss: what a state says of the behaviour that follows it."""

import pytest
import torch
from torch.nn import functional

from clickwise.errors import InputError
from clickwise.methods.supervised import Supervised
from clickwise.models import DIEN
from clickwise.nn.auxiliary import auxiliary_losses
from clickwise.training import fit, seeded
from tests.logs import first_batch
from tests.models.histories import auxiliary_loss, behaviours_of_row, dien, histories, states_of_user
from tests.models.synthetic_log import synthetic_log


def test_auxiliary_loss() -> None:
    """With the draws made again: of all behaviours of the batch, in the order of time, longest histories first."""
    model, batch = dien(), histories(80)
    table, expected, left_out = model.embedding.slots.table.weight, [], 0
    with seeded(5):
        for group, interest in zip(model.groups, model.interests, strict=True):
            mine = [behaviours_of_row(table, group, batch, row) for row in range(len(batch))]
            states = [states_of_user(interest.extractor, each, each) for each in mine]
            order = sorted(range(len(batch)), key=lambda row: -len(mine[row]))
            places = [(row, t) for t in range(group.length) for row in order if t < len(mine[row])]
            later = [(row, t) for row, t in places if t]
            follows, strangers = [], []
            for (row, t), draw in zip(later, torch.randint(len(places), (len(later),)), strict=True):
                h, after, other = states[row][t - 1], mine[row][t], mine[places[draw][0]][places[draw][1]]
                follows.append(-functional.logsigmoid(h @ after))
                if not torch.equal(after, other):
                    strangers.append(-torch.log(1 - torch.sigmoid(h @ other)))
            left_out += len(follows) - len(strangers)
            expected.append(torch.stack(follows).mean() + torch.stack(strangers).mean())
    assert left_out > 0
    torch.testing.assert_close(auxiliary_loss(model, batch, seed=5), torch.stack(expected).mean())


def test_auxiliary_loss_is_computed_only_where_it_is_asked_for() -> None:
    batch, model = histories(30), dien()
    state = torch.get_rng_state()
    model(batch)
    assert torch.equal(torch.get_rng_state(), state)
    assert model.auxiliary is not None and model.auxiliary.value is None
    assert auxiliary_losses(dien(auxiliary_weight=0.0)) == []
    with pytest.raises(InputError, match="auxiliary_weight must be at least 0"):
        dien(auxiliary_weight=-1.0)


def test_its_states_learn_to_tell_what_follows() -> None:
    """On rows that training does not see; knowing nothing costs two logarithms of two."""
    train, valid, _ = synthetic_log()
    with seeded(0):
        model = DIEN(train.schema, hidden_dims=(8,), initial_deviation=0.1)
    batch = first_batch(valid, 500)
    before = auxiliary_loss(model, batch).item()
    fit(Supervised(model, batch_size=200, learning_rate=0.01), train, epochs=2, progress=False, device="cpu")
    assert abs(before - 1.386) < 0.01
    assert auxiliary_loss(model, batch).item() < before - 0.02
