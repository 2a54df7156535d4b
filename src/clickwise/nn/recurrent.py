"""Gated recurrent layers over behaviours of unequal number, step by step on the rows that still have one.

Behaviours lie packed in the order of time: first those of all rows, then the second ones of the rows that have two, and
so on, rows with more behaviours before rows with fewer. The layers are made of plain operations, so they have
derivatives of every order on every device, which cuDNN's have not.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from clickwise.errors import InputError, nearest

CELLS = ("gru", "agru", "augru")


@dataclass(frozen=True)
class Steps:
    """Where packed behaviours stand in their batch.

    Attributes:
        sizes: rows that have a behaviour at each step; falling.
        rows: ``int64 [filled]``, the rows with at least one behaviour, those with more first.
        row: ``int64 [packed]``, the row of each behaviour.
        position: ``int64 [packed]``, its position in that row.
        batch: rows of the batch.
    """

    sizes: tuple[int, ...]
    rows: Tensor
    row: Tensor
    position: Tensor
    batch: int

    @classmethod
    def of(cls, real: Tensor) -> "Steps":
        """Those of ``bool [batch, length]``, whose true values stand at the front of each row."""
        lengths, order = real.sum(1).sort(descending=True, stable=True)
        lasting = torch.arange(real.shape[1], device=real.device).unsqueeze(1) < lengths
        sizes = tuple(size for size in lasting.sum(1).tolist() if size)
        position, place = lasting.nonzero(as_tuple=True)
        return cls(sizes, order[: sizes[0] if sizes else 0], order[place], position, len(real))

    def previous(self) -> Tensor:
        """``int64 [packed - filled]``: where the behaviour before each stands, of all but the first ones of rows."""
        sizes = torch.tensor(self.sizes, dtype=torch.int64)
        back = torch.repeat_interleave(sizes[:-1], sizes[1:]).to(self.row.device)
        return torch.arange(len(self.rows), len(self.row), device=self.row.device) - back


@dataclass(frozen=True)
class Evolution:
    """What a recurrent layer went through.

    Attributes:
        states: after each step, ``[size, hidden_dim]`` each.
        last: ``[filled, hidden_dim]``, of each row after its last behaviour, in the order of ``Steps.rows``.
    """

    states: list[Tensor]
    last: Tensor


class GatedRecurrence(nn.Module):
    """A gated recurrent layer, with or without attention to each input (Zhou et al. 2019, Eq. 2 to 5 and 10 to 13).

    With ``u`` and ``r`` sigmoids of linear maps of input and state, ``c = tanh(W x + b + r * (U h))`` and attention
    ``a``, the next state is ``(1 - w) h + w c`` where ``w`` is

    - ``gru``: ``u``;
    - ``agru``: ``a``, a number in place of the gate;
    - ``augru``: ``a u``.

    Args:
        inputs: length of an input.
        hidden_dim: length of a state.
        cell: one of these.
    """

    def __init__(self, inputs: int, hidden_dim: int, cell: str = "gru") -> None:
        super().__init__()
        if cell not in CELLS:
            raise InputError(f"recurrent cell {cell!r} is unknown{nearest(cell, CELLS)}")
        self.cell = cell
        self.hidden_dim = hidden_dim
        # Reset gate, update gate where there is one, and candidate: their maps in one matrix.
        width = (2 if cell == "agru" else 3) * hidden_dim
        self.of_input = nn.Linear(inputs, width)
        self.of_state = nn.Linear(hidden_dim, width, bias=False)

    def forward(self, inputs: Tensor, sizes: Sequence[int], attention: Tensor | None = None) -> Evolution:
        """From zero, one step for each behaviour.

        Args:
            inputs: ``[packed, inputs]`` in the order of ``Steps``.
            sizes: rows at each step, as of ``Steps``.
            attention: ``[packed]``, for ``agru`` and ``augru``.
        """
        mapped = self.of_input(inputs)
        gates, candidates = (each.split(list(sizes)) for each in mapped.split(self._parts(), dim=1))
        weights = None if attention is None else attention.to(mapped.dtype).unsqueeze(1).split(list(sizes))
        state, states = mapped.new_zeros(sizes[0] if sizes else 0, self.hidden_dim), []
        ended: list[Tensor] = []
        recurrent = self.of_state.weight.t()
        for step, size in enumerate(sizes):
            if size < len(state):
                ended.append(state[size:])
                state = state[:size]
            gate, candidate = (state @ recurrent).split(self._parts(), dim=1)
            opened = (gates[step] + gate).sigmoid()
            reset = opened[:, : self.hidden_dim]
            candidate = tanh(torch.addcmul(candidates[step], reset, candidate))
            state = torch.lerp(state, candidate, self._moved(opened, None if weights is None else weights[step]))
            states.append(state)
        return Evolution(states, torch.cat([state, *reversed(ended)]))

    def _parts(self) -> list[int]:
        """Columns of the gates, and of the candidate."""
        return [self.of_input.out_features - self.hidden_dim, self.hidden_dim]

    def _moved(self, opened: Tensor, attention: Tensor | None) -> Tensor:
        """How far a state moves towards its candidate."""
        if self.cell == "gru":
            return opened[:, self.hidden_dim :]
        assert attention is not None
        return attention if self.cell == "agru" else attention * opened[:, self.hidden_dim :]


def tanh(x: Tensor) -> Tensor:
    """As torch's, whose single precision on a processor takes six times as long as its sigmoid: half of a step."""
    return 2 * (2 * x).sigmoid() - 1 if x.device.type == "cpu" and x.dtype == torch.float32 else x.tanh()
