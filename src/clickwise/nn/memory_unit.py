"""The memory of a user's interests: slots that behaviours write to, and channels that follow what is read there."""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from clickwise.nn.recurrent import tanh

OWN_SLOT = 3.0  # rebalancing starts here, in logits, from leaving what is written to a slot in that slot


class Memory(NamedTuple):
    """What is remembered of each row.

    Attributes:
        slots: ``[rows, slots, dim]``.
        channels: ``[rows, slots, dim]``, of the induction unit; of length 0 without one.
        read: ``[rows, dim]``, what was read last.
        used: ``[rows, slots]``, how much was written to each slot, all steps together.
    """

    slots: Tensor
    channels: Tensor
    read: Tensor
    used: Tensor

    def first(self, rows: int) -> "Memory":
        """That of the first rows."""
        return Memory(*(part[:rows] for part in self))

    def after(self, rows: int) -> "Memory":
        """That of the rows after those."""
        return Memory(*(part[rows:] for part in self))


class Induction(nn.Module):
    """Interest channels, of which those whose slots were read most follow a behaviour (Pi et al. 2019, Eq. 9).

    One gated recurrent unit, as of ``GatedRecurrence``, serves all channels. It is made of plain operations, as torch's
    has no second derivatives on a GPU.

    Args:
        dim: length of a behaviour, a slot and a channel.
        top_k: channels that take a step.
    """

    def __init__(self, dim: int, top_k: int) -> None:
        super().__init__()
        self.top_k = top_k
        self.of_slot = nn.Linear(dim, 3 * dim)
        self.of_behaviour = nn.Linear(dim, 3 * dim, bias=False)
        self.of_channel = nn.Linear(dim, 3 * dim, bias=False)

    def forward(self, channels: Tensor, slots: Tensor, weights: Tensor, behaviour: Tensor) -> Tensor:
        """Channels ``[rows, slots, dim]`` after the step.

        Args:
            channels: ``[rows, slots, dim]``, before the step.
            slots: ``[rows, slots, dim]``, of the memory.
            weights: ``[rows, slots]``, of the slots as read.
            behaviour: ``[rows, dim]``.
        """
        dim = channels.shape[2]
        chosen = weights.detach().topk(self.top_k, dim=1).indices.unsqueeze(2).expand(-1, -1, dim)
        before = channels.gather(1, chosen)
        given = self.of_slot(slots.gather(1, chosen)) + self.of_behaviour(behaviour).unsqueeze(1)
        kept = self.of_channel(before)
        reset, update = (given[..., : 2 * dim] + kept[..., : 2 * dim]).sigmoid().chunk(2, dim=2)
        candidate = tanh(torch.addcmul(given[..., 2 * dim :], reset, kept[..., 2 * dim :]))
        after = before + update * (candidate - before)
        return channels.scatter(1, chosen, after.to(channels.dtype))


class InterestMemory(nn.Module):
    """A neural Turing machine with utilisation regularisation and memory induction (Pi et al. 2019, Eq. 1 to 9).

    At each behaviour ``x`` a controller ``h = tanh(W [x, r] + b)`` sees what was read last, ``r``. It writes: with
    weights ``w`` over slots, softmax of the sharpened cosine of a key and each slot, ``M <- (1 - w e) M + w a``. It
    reads: ``r = w' M`` with weights of a second key. The ``k`` channels that read most take one step of one gated
    recurrent unit each, ``S(i) <- GRU(S(i), [M(i), x])``. Rebalancing sends what is meant for one slot to others,
    ``w <- w softmax(W_g g + B)``, by how much ``g`` each slot has been written to so far.

    The paper leaves open the controller, the sharpness of addresses (here learned, as in Graves et al. 2014) and where
    memory starts (here learned too). ``B`` is added: without it the first write, of ``g = 0``, would ignore its key.

    Args:
        dim: length of a behaviour, a slot and a channel.
        slots: number of slots.
        top_k: channels that take a step at a behaviour; 0 for no induction unit.
        rebalanced: let writes be sent from slots that are used much to others.
    """

    def __init__(self, dim: int, slots: int, top_k: int, rebalanced: bool) -> None:
        super().__init__()
        self.dim = dim
        self.initial = nn.Parameter(torch.randn(slots, dim) / dim**0.5)
        self.of_input = nn.Linear(dim, dim)
        self.of_read = nn.Linear(dim, dim, bias=False)
        self.heads = nn.Linear(dim, 4 * dim + 2)  # key to read, key to write, erased, added; the keys' sharpness
        self.transfer = nn.Linear(slots, slots * slots) if rebalanced else None
        if self.transfer is not None:
            with torch.no_grad():
                self.transfer.bias.copy_(OWN_SLOT * torch.eye(slots).flatten())
        self.induction = Induction(dim, top_k) if top_k else None

    def forward(self, inputs: Tensor, sizes: Sequence[int], rows: Tensor, batch: int) -> Memory:
        """From the initial memory, one step for each behaviour.

        Args:
            inputs: ``[packed, dim]`` in the order of ``Steps``.
            sizes: rows at each step, as of ``Steps``.
            rows: as of ``Steps``.
            batch: rows of the batch.

        Returns:
            The memory of each row of the batch, in their order.
        """
        unused = self.empty(batch)
        memory, ended = self.empty(len(rows)), []
        mapped = self.of_input(inputs).split(list(sizes))
        for size, given, behaviour in zip(sizes, mapped, inputs.split(list(sizes)), strict=True):
            if size < len(memory.read):
                ended.append(memory.after(size))
                memory = memory.first(size)
            memory = self.step(given, behaviour, memory)
        parts = zip(unused, *(memory, *reversed(ended)), strict=True)
        return Memory(*(start.index_copy(0, rows, torch.cat(found).to(start.dtype)) for start, *found in parts))

    def empty(self, rows: int) -> Memory:
        """The memory of rows without behaviours: its initial slots, of which nothing was read."""
        slots = self.initial.expand(rows, -1, -1)
        zeros = self.initial.new_zeros(rows, len(self.initial), self.dim)
        return Memory(slots, zeros[:, :, : self.dim if self.induction is not None else 0], zeros[:, 0], zeros[:, :, 0])

    def step(self, mapped: Tensor, behaviour: Tensor, memory: Memory) -> Memory:
        """Memory after one behaviour of each row.

        Args:
            mapped: ``[rows, dim]``, what the controller makes of the behaviours alone.
            behaviour: ``[rows, dim]``.
            memory: of those rows.
        """
        read_key, write_key, erased, added, sharpness = self.speak(mapped, memory.read)
        written = address(memory.slots, write_key, sharpness[:, 1])
        if self.transfer is not None:
            moved = self.transfer(memory.used).unflatten(1, (-1, len(self.initial))).softmax(2)
            written = torch.bmm(written.unsqueeze(1), moved.to(written.dtype)).squeeze(1)
        slots = memory.slots * (1 - written.unsqueeze(2) * erased.sigmoid().unsqueeze(1))
        slots = slots + written.unsqueeze(2) * tanh(added).unsqueeze(1)
        weights = address(slots, read_key, sharpness[:, 0])
        channels = memory.channels
        if self.induction is not None:
            channels = self.induction(channels, slots, weights, behaviour)
        return Memory(slots, channels, weighted(weights, slots), memory.used + written)

    def speak(self, mapped: Tensor, read: Tensor) -> list[Tensor]:
        """What the controller says: keys to read and to write, what is erased and added, ``[rows, 2]`` sharpness."""
        said: Tensor = self.heads(tanh(mapped + self.of_read(read)))
        return list(said.split([self.dim] * 4 + [2], dim=1))

    def look_up(self, candidate: Tensor, memory: Memory) -> Tensor:
        """``[rows, dim]``: what is read of each row's memory for ``candidate [rows, dim]``, and nothing is written."""
        key, _, _, _, sharpness = self.speak(self.of_input(candidate), memory.read)
        return weighted(address(memory.slots, key, sharpness[:, 0]), memory.slots)


def address(slots: Tensor, key: Tensor, sharpness: Tensor) -> Tensor:
    """``[rows, slots]``: softmax of the cosine of key and slot times ``1 + softplus(sharpness)``.

    Args:
        slots: ``[rows, slots, dim]``.
        key: ``[rows, dim]``.
        sharpness: ``[rows]``.
    """
    # The small term keeps derivatives of a vector of zeros finite.
    lengths = (slots.square().sum(2) + 1e-8) * (key.square().sum(1, keepdim=True) + 1e-8)
    cosine = (slots * key.unsqueeze(1)).sum(2) * lengths.rsqrt()
    return ((1 + functional.softplus(sharpness)).unsqueeze(1) * cosine).softmax(1)


def weighted(weights: Tensor, slots: Tensor) -> Tensor:
    """``[rows, dim]``: the sum of slots ``[rows, slots, dim]``, each times its weight ``[rows, slots]``."""
    return (weights.unsqueeze(2) * slots).sum(1)


def utilisation_loss(used: Tensor) -> Tensor:
    """The squared distance of what was written to each slot from the mean over slots (Eq. 8), a mean over rows.

    Args:
        used: ``[rows, slots]``.
    """
    return (used - used.mean(1, keepdim=True)).square().sum(1).mean()
