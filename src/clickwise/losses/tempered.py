"""The bi-tempered logistic loss: bounded, and with heavy tails (Amid et al. 2019)."""

import torch
from torch import Tensor
from torch.nn import functional

LOSS_TEMPERATURE = 0.8
SOFTMAX_TEMPERATURE = 1.2
ROOT_STEPS = 3


def bi_tempered(
    logits: Tensor,
    label: Tensor,
    loss_temperature: float = LOSS_TEMPERATURE,
    softmax_temperature: float = SOFTMAX_TEMPERATURE,
) -> Tensor:
    """Logistic loss with a tempered logarithm and a tempered softmax, for noisy labels (Amid et al. 2019).

    ``-log_t1 p_y - (1 - sum_c p_c^(2 - t1)) / (2 - t1)`` with ``log_t x = (x^(1 - t) - 1) / (1 - t)`` and p the
    tempered softmax of the logits at t2. It cannot exceed ``1 / (1 - t1)``, so that no outlier dominates. What it fits
    is the tempered p, not the probability of the model. At t1 = t2 = 1 it is cross-entropy.

    Args:
        logits: ``[batch]`` for binary labels, taken as the class logits (0, z); ``[batch, classes]`` otherwise.
        label: ``[batch]``.
        loss_temperature: t1, from 0 to 1; the lower, the lower the bound.
        softmax_temperature: t2, at least 1; the higher, the heavier the tail of the probabilities.

    Returns:
        ``[batch]``.
    """
    if logits.dim() == 1:
        logits = torch.stack([torch.zeros_like(logits), logits], dim=1)
    log_probability = tempered_log_softmax(logits, softmax_temperature)
    given = log_probability.gather(1, label.long().unsqueeze(1)).squeeze(1)
    exponent = 1 - loss_temperature
    tempered_log = given if exponent == 0 else torch.expm1(exponent * given) / exponent
    power_sum = torch.exp((1 + exponent) * log_probability).sum(dim=1)
    return -tempered_log - (1 - power_sum) / (1 + exponent)


def tempered_log_softmax(logits: Tensor, temperature: float) -> Tensor:
    """``log exp_t(z - normaliser)`` with ``exp_t x = (1 + (1 - t) x)^(1 / (1 - t))``, so that each row sums to 1.

    Args:
        logits: ``[batch, classes]``.
        temperature: t, at least 1; 1 is the ordinary log-softmax.
    """
    if temperature == 1:
        return functional.log_softmax(logits, dim=1)
    power = 1 / (temperature - 1)
    with torch.no_grad():
        normaliser = logits.amax(dim=1, keepdim=True)
        for _ in range(ROOT_STEPS):
            normaliser = _closer(normaliser, logits, power)
    # The root found is a constant, so one step from it has the exact gradient only; after two the second is exact too.
    for _ in range(2):
        normaliser = _closer(normaliser, logits, power)
    return -power * torch.log1p((normaliser - logits) / power)


def _closer(normaliser: Tensor, logits: Tensor, power: float) -> Tensor:
    """One Newton step towards ``S = sum_c u_c^-power = 1`` with ``u_c = 1 + (normaliser - z_c) / power``.

    The step is taken on ``S^(-1 / power) = 1``: the left side is concave and nearly linear in the normaliser, so the
    steps rise to the root from the largest logit without passing it. The paper's fixed-point iteration has the same
    root and needs more steps.
    """
    base = 1 + (normaliser - logits) / power
    mass = base.pow(-power)
    total = mass.sum(dim=1, keepdim=True)
    slope = (mass / base).sum(dim=1, keepdim=True)
    return normaliser + power * total * (total.pow(1 / power) - 1) / slope
