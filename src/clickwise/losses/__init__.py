"""Losses: ``(logits, label) -> [batch]``, one value an example.

``logits`` are ``[batch]`` for binary labels and ``[batch, classes]`` otherwise; ``label`` is ``[batch]``, 0 or 1, or a
class.
"""

from collections.abc import Callable

from torch import Tensor

from clickwise.errors import InputError, nearest
from clickwise.losses.across_batch import combined_pair, jrc
from clickwise.losses.pointwise import cross_entropy, focal, hinge, kl, label_smoothing
from clickwise.losses.tempered import bi_tempered

__all__ = [
    "ACROSS_BATCH",
    "BINARY_ONLY",
    "LOSSES",
    "Loss",
    "bi_tempered",
    "combined_pair",
    "cross_entropy",
    "find_loss",
    "focal",
    "hinge",
    "jrc",
    "kl",
    "label_smoothing",
]

Loss = Callable[[Tensor, Tensor], Tensor]
"""``(logits, label) -> [batch]``."""

LOSSES: dict[str, Loss] = {
    "cross_entropy": cross_entropy,
    "focal": focal,
    "hinge": hinge,
    "kl": kl,
    "label_smoothing": label_smoothing,
    "bi_tempered": bi_tempered,
    "jrc": jrc,
    "combined_pair": combined_pair,
}
"""By name; one's own is added here."""
BINARY_ONLY = {"combined_pair"}
"""Names of losses that need binary labels."""
ACROSS_BATCH = {"jrc", "combined_pair"}
"""Names of losses whose value for an example depends on the other examples of its batch."""


def find_loss(name: str, classes: int) -> Loss:
    """The loss of this name.

    Args:
        name: a key of ``LOSSES``.
        classes: of the label; 2 for binary labels.

    Raises:
        InputError: the name is unknown, or the loss needs binary labels and there are more classes.
    """
    if name not in LOSSES:
        raise InputError(f"loss {name!r} is unknown{nearest(name, LOSSES)}")
    if classes > 2 and name in BINARY_ONLY:
        fitting = ", ".join(other for other in LOSSES if other not in BINARY_ONLY)
        raise InputError(
            f"loss {name!r} needs binary labels, and the schema has {classes} classes; for classes: {fitting}"
        )
    return LOSSES[name]
