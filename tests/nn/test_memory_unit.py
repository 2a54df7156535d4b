"""A memory of interests against its equations, one user, one step and one slot at a time."""

from typing import Any

import pytest
import torch
from torch import Tensor
from torch.autograd import gradcheck, gradgradcheck
from torch.func import functional_call
from torch.nn import functional

from clickwise.nn.memory_unit import InterestMemory, Memory, address, utilisation_loss
from clickwise.nn.recurrent import Steps
from clickwise.training import seeded

LENGTHS = torch.tensor([2, 0, 5, 3, 5, 0, 1])
STEPS = Steps.of(torch.arange(6) < LENGTHS.unsqueeze(1))
DIM, SLOTS = 3, 4
KINDS = [(2, True), (2, False), (0, True), (4, True)]
every_kind = pytest.mark.parametrize(("top_k", "rebalanced"), KINDS)


def normal(*shape: int) -> Tensor:
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(0))


def memory_of(top_k: int = 2, rebalanced: bool = True) -> InterestMemory:
    with seeded(0):
        made = InterestMemory(DIM, SLOTS, top_k, rebalanced).double()
        for parameter in made.parameters():
            torch.nn.init.normal_(parameter)
    return made


def run(memory: InterestMemory, inputs: Tensor) -> Memory:
    found: Memory = memory(inputs, STEPS.sizes, STEPS.rows, STEPS.batch)
    return found


def weights_of(slots: list[Tensor], key: Tensor, sharpness: Tensor) -> list[Tensor]:
    scores = [torch.exp((1 + functional.softplus(sharpness)) * torch.cosine_similarity(key, m, dim=0)) for m in slots]
    return [score / torch.stack(scores).sum() for score in scores]


def said(memory: InterestMemory, x: Tensor, read: Tensor) -> tuple[Tensor, ...]:
    h = torch.tanh(memory.of_input.weight @ x + memory.of_input.bias + memory.of_read.weight @ read)
    return (memory.heads.weight @ h + memory.heads.bias).split([len(x)] * 4 + [1, 1])


def channel_after(memory: InterestMemory, channel: Tensor, slot: Tensor, x: Tensor) -> Tensor:
    unit: Any = memory.induction
    given = unit.of_slot.weight @ slot + unit.of_slot.bias + unit.of_behaviour.weight @ x
    (reset, update, new), (of_reset, of_update, of_new) = given.split(DIM), unit.of_channel.weight.split(DIM)
    r, u = torch.sigmoid(reset + of_reset @ channel), torch.sigmoid(update + of_update @ channel)
    return (1 - u) * channel + u * torch.tanh(new + r * (of_new @ channel))


def of_user(memory: InterestMemory, inputs: list[Tensor]) -> Memory:
    """Slots are lists of vectors, and every sum is a loop."""
    slots = list(memory.initial)
    channels = [torch.zeros_like(slot) for slot in slots]
    read, used = torch.zeros_like(slots[0]), [torch.zeros((), dtype=torch.float64)] * SLOTS
    for x in inputs:
        read_key, write_key, erase, add, sharp_read, sharp_write = said(memory, x, read)
        written = weights_of(slots, write_key, sharp_write[0])
        if memory.transfer is not None:
            transfer = (memory.transfer.weight @ torch.stack(used) + memory.transfer.bias).view(SLOTS, SLOTS)
            shares = [transfer[i].softmax(0) for i in range(SLOTS)]
            written = [sum((written[i] * shares[i][j] for i in range(SLOTS)), torch.zeros(())) for j in range(SLOTS)]
        slots = [
            (1 - w * torch.sigmoid(erase)) * slot + w * torch.tanh(add) for w, slot in zip(written, slots, strict=True)
        ]
        weights = weights_of(slots, read_key, sharp_read[0])
        read = sum((w * slot for w, slot in zip(weights, slots, strict=True)), torch.zeros(DIM))
        used = [before + w for before, w in zip(used, written, strict=True)]
        top_k = 0 if memory.induction is None else memory.induction.top_k
        for i in sorted(range(SLOTS), key=lambda i: -weights[i].item())[:top_k]:
            channels[i] = channel_after(memory, channels[i], slots[i], x)
    return Memory(torch.stack(slots), torch.stack(channels), read, torch.stack(used))


@every_kind
def test_memory_is_that_of_each_user_alone(top_k: int, rebalanced: bool) -> None:
    memory, inputs = memory_of(top_k, rebalanced), normal(len(STEPS.row), DIM)
    found = run(memory, inputs)
    for row in range(STEPS.batch):
        expected = of_user(memory, list(inputs[row == STEPS.row]))
        torch.testing.assert_close(found.slots[row], expected.slots)
        torch.testing.assert_close(found.read[row], expected.read)
        torch.testing.assert_close(found.used[row], expected.used)
        if top_k:
            torch.testing.assert_close(found.channels[row], expected.channels)
            assert (expected.channels != 0).any(1).sum() == (0 if not LENGTHS[row] else top_k) or LENGTHS[row] > 1
    torch.testing.assert_close(found.used.sum(1), LENGTHS.double())


def test_looking_up_reads_and_writes_nothing() -> None:
    memory, candidate = memory_of(), normal(STEPS.batch, DIM)
    found = run(memory, normal(len(STEPS.row), DIM))
    before = [part.clone() for part in found]
    looked_up = memory.look_up(candidate, found)
    assert all(torch.equal(part, kept) for part, kept in zip(found, before, strict=True))
    for row in range(STEPS.batch):
        key, *_, sharpness, _ = said(memory, candidate[row], found.read[row])
        weights = torch.stack(weights_of(list(found.slots[row]), key, sharpness[0]))
        torch.testing.assert_close(looked_up[row], weights @ found.slots[row])


def test_a_key_finds_its_slot() -> None:
    slots = torch.eye(4).unsqueeze(0)
    for sharpness, least in ((-50.0, 0.4), (30.0, 0.999)):
        weights = address(slots, slots[:, 2], torch.tensor([sharpness]))
        assert weights.argmax() == 2 and weights.max() > least
    torch.testing.assert_close(address(slots, torch.zeros(1, 4), torch.ones(1)), torch.full((1, 4), 0.25))


def test_loss_on_unequal_use() -> None:
    used = torch.tensor([[1.0, 1.0], [3.0, 1.0], [0.0, 0.0]])
    torch.testing.assert_close(utilisation_loss(used), torch.tensor(2 / 3))


@every_kind
def test_derivatives_of_both_orders(top_k: int, rebalanced: bool) -> None:
    memory = memory_of(top_k, rebalanced)
    names = [name for name, _ in memory.named_parameters()]
    inputs = normal(len(STEPS.row), DIM).requires_grad_()
    values = [p.detach().clone().requires_grad_() for p in memory.parameters()]

    def all_parts(inputs: Tensor, *values: Tensor) -> Tensor:
        given = dict(zip(names, values, strict=True))
        found = functional_call(memory, given, (inputs, STEPS.sizes, STEPS.rows, STEPS.batch))
        return torch.cat([part.flatten() for part in found])

    assert gradcheck(all_parts, (inputs, *values), fast_mode=True)
    assert gradgradcheck(all_parts, (inputs, *values), fast_mode=True)


def test_no_behaviours_at_all() -> None:
    memory = memory_of()
    found = memory(normal(0, DIM), (), STEPS.rows[:0], 3)
    torch.testing.assert_close(found.slots, memory.initial.expand(3, -1, -1))
    assert not found.used.any() and not found.read.any() and not found.channels.any()
