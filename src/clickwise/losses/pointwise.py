"""Losses of an example that look at that example alone.

Every function takes ``logits`` ``[batch]`` for binary labels and ``[batch, classes]`` otherwise, ``label`` ``[batch]``
(0 or 1, or a class), and returns ``[batch]``. A binary logit z counts as the two class logits (0, z).
"""

import math

import torch
from torch import Tensor
from torch.nn import functional

FOCUSING = 2.0
SMOOTHING = 0.1


def cross_entropy(logits: Tensor, label: Tensor) -> Tensor:
    """Negative natural-log likelihood of the label: ``-log p_y``.

    Args:
        logits: ``[batch]`` for binary labels, ``[batch, classes]`` otherwise.
        label: ``[batch]``, 0 or 1, or a class.

    Returns:
        ``[batch]``.
    """
    if logits.dim() == 1:
        return functional.binary_cross_entropy_with_logits(logits, label.to(logits.dtype), reduction="none")
    return functional.cross_entropy(logits, label.long(), reduction="none")


def focal(logits: Tensor, label: Tensor, gamma: float = FOCUSING) -> Tensor:
    """Cross-entropy that discounts what is already predicted well: ``-(1 - p_y)^gamma log p_y`` (Lin et al. 2017).

    It is never above cross-entropy, and not a proper score: its minimiser draws probabilities towards uniform.

    Args:
        logits: ``[batch]`` or ``[batch, classes]``.
        label: ``[batch]``.
        gamma: 0 is cross-entropy; the larger, the less easy examples count.
    """
    odds = log_odds(logits, label)
    return -torch.exp(gamma * functional.logsigmoid(-odds)) * functional.logsigmoid(odds)


def hinge(logits: Tensor, label: Tensor) -> Tensor:
    """How much the label's logit falls short of a lead of 1: ``max(0, 1 - s z)`` with s = -1 or +1 for label 0 or 1.

    For classes ``max(0, 1 + max_{j != y} z_j - z_y)`` (Crammer and Singer 2001). It is not differentiable at a lead of
    exactly 1 and its second derivative is 0: only the sign of a logit is fitted, not the probability.

    Args:
        logits: ``[batch]`` for binary labels, ``[batch, classes]`` otherwise.
        label: ``[batch]``, 0 or 1, or a class.
    """
    if logits.dim() == 1:
        return functional.relu(1 - signed(logits, label))
    given, others = _given_and_others(logits, label)
    return functional.relu(1 + others.amax(dim=1) - given)


def label_smoothing(logits: Tensor, label: Tensor, smoothing: float = SMOOTHING) -> Tensor:
    """Cross-entropy against a softened label: ``-sum_c t_c log p_c`` (Szegedy et al. 2016).

    The target t is ``1 - smoothing + smoothing / C`` for the label and ``smoothing / C`` for every other class.

    Args:
        logits: ``[batch]`` or ``[batch, classes]``.
        label: ``[batch]``.
        smoothing: 0 is cross-entropy, 1 ignores the label.
    """
    if logits.dim() == 1:
        both = functional.logsigmoid(logits) + functional.logsigmoid(-logits)
        return (1 - smoothing) * cross_entropy(logits, label) - smoothing / 2 * both
    return functional.cross_entropy(logits, label.long(), reduction="none", label_smoothing=smoothing)


def kl(logits: Tensor, label: Tensor, smoothing: float = SMOOTHING) -> Tensor:
    """Divergence of the prediction from a softened label: ``sum_c t_c log(t_c / p_c)``, t as in ``label_smoothing``.

    It equals label smoothing less the entropy of t, a constant: the gradients are the same, and this one is 0 at its
    optimum. Against the unsoftened label it would be cross-entropy.

    Args:
        logits: ``[batch]`` or ``[batch, classes]``.
        label: ``[batch]``.
        smoothing: as in ``label_smoothing``.
    """
    classes = 2 if logits.dim() == 1 else logits.shape[1]
    target = [1 - smoothing + smoothing / classes] + [smoothing / classes] * (classes - 1)
    entropy = -sum(share * math.log(share) for share in target if share > 0)
    return label_smoothing(logits, label, smoothing) - entropy


def signed(logits: Tensor, label: Tensor) -> Tensor:
    """A binary logit ``[batch]`` seen from its label: z where the label is 1, else -z.

    Args:
        logits: ``[batch]``.
        label: ``[batch]``, 0 or 1.
    """
    return logits * (2 * label.to(logits.dtype) - 1)


def log_odds(logits: Tensor, label: Tensor) -> Tensor:
    """``log(p_y / (1 - p_y))``, ``[batch]``; it keeps both probabilities exact where they round to 0 or 1.

    Args:
        logits: ``[batch]`` for binary labels, ``[batch, classes]`` otherwise.
        label: ``[batch]``, 0 or 1, or a class.
    """
    if logits.dim() == 1:
        return signed(logits, label)
    given, others = _given_and_others(logits, label)
    return given - others.logsumexp(dim=1)


def _given_and_others(logits: Tensor, label: Tensor) -> tuple[Tensor, Tensor]:
    """The label's logit ``[batch]``, and all logits ``[batch, classes]`` with that one at minus infinity."""
    index = label.long().unsqueeze(1)
    return logits.gather(1, index).squeeze(1), logits.scatter(1, index, -math.inf)
