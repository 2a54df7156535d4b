"""A loss on recurrent states: each is to tell the behaviour that follows."""

import torch
from torch import Tensor
from torch.nn import functional

from clickwise.nn.behaviours import Behaviours
from clickwise.nn.recurrent import Steps


def behaviour_ids(group: Behaviours, ids: Tensor, steps: Steps) -> Tensor:
    """``[packed, sequences]``: the ids of the behaviours."""
    return torch.stack([ids[:, slots][steps.row, steps.position] for slots in group.slots], dim=1)


def next_behaviour_loss(states: Tensor, behaviours: Tensor, ids: Tensor, steps: Steps) -> Tensor:
    """Each state against the behaviour that follows it and against another one (Zhou et al. 2019, Eq. 6 and 7).

    The other one is drawn from all behaviours of the batch; where it equals the one that follows, it does not count.
    A mean over states, where the paper's sum over a user's states would weigh the loss by the length of histories.

    Args:
        states: ``[packed, dim]``.
        behaviours: ``[packed, dim]``, the vectors that the states have read.
        ids: ``[packed, sequences]``, of the behaviours.
        steps: of the behaviours.

    Returns:
        A scalar; zero where no row has two behaviours.
    """
    first = len(steps.rows)
    if first == len(behaviours):
        return states.new_zeros(())
    before = states.index_select(0, steps.previous())
    drawn = torch.randint(len(behaviours), (len(before),), device=ids.device)
    other = ids.index_select(0, drawn).ne(ids[first:]).any(1)
    follows = functional.softplus(-(before * behaviours[first:]).sum(1)).mean()
    stranger = functional.softplus((before * behaviours.index_select(0, drawn)).sum(1))
    return follows + (stranger * other).sum() / other.sum().clamp(min=1)
