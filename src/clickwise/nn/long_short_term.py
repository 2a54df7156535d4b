"""Long short-term memory over behaviours of unequal number, step by step on the rows that still have one."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from clickwise.nn.recurrent import Evolution, tanh


class LongShortTerm(nn.Module):
    """A layer of long short-term memory (Hochreiter and Schmidhuber 1997; with the forget gate of Gers et al. 2000).

    With ``i``, ``f`` and ``o`` sigmoids of linear maps of input ``x`` and state ``h``, and ``g`` the tanh of one, the
    cell's next value is ``f c + i g`` and the next state ``o tanh(c)``. Like ``GatedRecurrence`` it reads packed
    behaviours, does no work on padding and has derivatives of every order on every device.

    Args:
        inputs: length of an input.
        hidden_dim: length of a state.
    """

    def __init__(self, inputs: int, hidden_dim: int) -> None:
        super().__init__()
        self.hidden_dim = hidden_dim
        # Input, forget and output gate, then what is written: their maps in one matrix, the sigmoids side by side.
        self.of_input = nn.Linear(inputs, 4 * hidden_dim)
        self.of_state = nn.Linear(hidden_dim, 4 * hidden_dim, bias=False)
        with torch.no_grad():
            # A cell that keeps what it has until it learns to forget (Jozefowicz et al. 2015).
            self.of_input.bias[hidden_dim : 2 * hidden_dim] = 1.0

    def forward(self, inputs: Tensor, sizes: Sequence[int]) -> Evolution:
        """From zero, one step for each behaviour.

        Args:
            inputs: ``[packed, inputs]`` in the order of ``Steps``.
            sizes: rows at each step, as of ``Steps``.
        """
        dim = self.hidden_dim
        mapped = self.of_input(inputs)
        state = mapped.new_zeros(sizes[0] if sizes else 0, dim)
        cell, states, ended = state, [], []
        recurrent = self.of_state.weight.t()
        for size, given in zip(sizes, mapped.split(list(sizes)), strict=True):
            if size < len(state):
                ended.append(state[size:])
                state, cell = state[:size], cell[:size]
            gates, written = torch.addmm(given, state, recurrent).split([3 * dim, dim], dim=1)
            take, keep, show = gates.sigmoid().chunk(3, dim=1)
            cell = torch.addcmul(keep * cell, take, tanh(written))
            state = show * tanh(cell)
            states.append(state)
        return Evolution(states, torch.cat([state, *reversed(ended)]))
