"""Losses whose value for an example depends on the other examples of its batch."""

import torch
from torch import Tensor
from torch.nn import functional
from torch.utils.checkpoint import checkpoint

from clickwise.losses.pointwise import cross_entropy

ALPHA = 0.5
PAIRS_AT_ONCE = 1 << 22


def jrc(logits: Tensor, label: Tensor, alpha: float = ALPHA) -> Tensor:
    """Joint optimisation of ranking and calibration (Sheng et al. 2023): a hybrid of two likelihoods.

    ``-alpha log p(y | x) - (1 - alpha) log (exp z_y(x) / sum_x' exp z_y(x'))``, x' over the context of x. The context
    is the mini-batch: the second part asks which of its examples has this label. A binary logit z is split into the
    class logits (-z/2, z/2), which leaves the first part as it is.

    Args:
        logits: ``[batch]`` or ``[batch, classes]``.
        label: ``[batch]``.
        alpha: share of cross-entropy; the second part is about log(batch) large.

    Returns:
        ``[batch]``.
    """
    of_class = torch.stack([-logits / 2, logits / 2], dim=1) if logits.dim() == 1 else logits
    among_examples = functional.log_softmax(of_class, dim=0).gather(1, label.long().unsqueeze(1)).squeeze(1)
    return alpha * cross_entropy(logits, label) - (1 - alpha) * among_examples


def combined_pair(logits: Tensor, label: Tensor, alpha: float = ALPHA) -> Tensor:
    """Cross-entropy and the logistic loss of all pairs of a click and a non-click (Li et al. 2015, Lin et al. 2024).

    ``alpha CE + (1 - alpha) mean_{i, j} log(1 + exp(z_j - z_i))``, i over the P clicks and j over the N non-clicks of
    the batch. Half of the loss of a pair belongs to each of the two, so that the mean over the batch is this total: a
    click has ``batch / 2P`` times its mean over non-clicks, a non-click ``batch / 2N`` times its mean over clicks.
    Without a pair the second part is 0. It takes time in proportion to P N, and memory for at most about four million
    pairs at once.

    Args:
        logits: ``[batch]``; labels are binary.
        label: ``[batch]``, 0 or 1.
        alpha: share of cross-entropy.

    Returns:
        ``[batch]``.
    """
    losses = alpha * cross_entropy(logits, label)
    clicks, others = label.bool().nonzero().squeeze(1), label.logical_not().nonzero().squeeze(1)
    if not len(clicks) or not len(others):
        return losses
    of_click, of_other = _pair_sums(logits[clicks], logits[others])
    weight = (1 - alpha) * len(logits) / (2 * len(clicks) * len(others))
    return losses.index_add(0, clicks, weight * of_click).index_add(0, others, weight * of_other)


def _pair_sums(clicks: Tensor, others: Tensor) -> tuple[Tensor, Tensor]:
    """Sums of the pairwise loss by click ``[P]`` and by non-click ``[N]``, a bounded number of pairs at once."""
    parts = clicks.split(max(1, PAIRS_AT_ONCE // len(others)))
    if len(parts) == 1:
        return _part_sums(clicks, others)
    # The pairs of a part are computed again in the backward pass, where keeping all would take P N memory.
    sums = [checkpoint(_part_sums, part, others, use_reentrant=False, preserve_rng_state=False) for part in parts]
    return torch.cat([of_click for of_click, _ in sums]), torch.stack([of_other for _, of_other in sums]).sum(dim=0)


def _part_sums(clicks: Tensor, others: Tensor) -> tuple[Tensor, Tensor]:
    losses = -functional.logsigmoid(clicks.unsqueeze(1) - others)
    return losses.sum(dim=1), losses.sum(dim=0)
