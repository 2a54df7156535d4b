"""What each of several parts adds on average, and which pairs of them add up, reinforce or cancel each other."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from itertools import combinations
from typing import Any

import numpy as np

from clickwise.array_types import FloatArray
from clickwise.metrics.significance import holm, paired_difference
from clickwise.report.wording import SIGNIFICANT, p_value, signed

Parts = frozenset[str]


def effects(
    parts: Sequence[str], drawn: Callable[[Parts], FloatArray], observed: Callable[[Parts], float]
) -> list[dict[str, Any]]:
    """Main effects and pairwise interactions of a full factorial design.

    The effect of a part is what it adds, averaged over all choices of the others. The interaction of two is what both
    add beyond the sum of what each adds alone, averaged likewise: ``v(both) - v(one) - v(other) + v(neither)``.

    Args:
        parts: their names.
        drawn: bootstrap replicates of the metric with some of the parts, ``[replicates]``, all of the same draws.
        observed: the metric with some of the parts.

    Returns:
        ``parts`` (one or two), ``difference``, ``low``, ``high`` (95 %), ``p``, and ``p_corrected`` (Holm, over the
        effects and over the interactions).
    """
    found: list[dict[str, Any]] = []
    for size in (1, 2):
        chosen = [frozenset(pair) for pair in combinations(parts, size)]
        told = [_contrast(of, parts, drawn, observed) for of in chosen]
        corrected = holm([one["p"] for one in told])
        found += [
            {"parts": [part for part in parts if part in of], **one, "p_corrected": float(p)}
            for of, one, p in zip(chosen, told, corrected, strict=True)
        ]
    return found


def _contrast(
    of: Parts, parts: Sequence[str], drawn: Callable[[Parts], FloatArray], observed: Callable[[Parts], float]
) -> dict[str, float]:
    others = [part for part in parts if part not in of]
    rests = [frozenset(rest) for size in range(len(others) + 1) for rest in combinations(others, size)]
    # A part that is left out turns the sign: over a pair v(both) and v(neither) count for it, the other two against.
    signs = {sub: (-1) ** (len(of) - len(sub)) for sub in map(frozenset, _subsets(of))}
    added = [rest | sub for rest in rests for sub, sign in signs.items() if sign > 0]
    taken = [rest | sub for rest in rests for sub, sign in signs.items() if sign < 0]
    plus, minus = (np.sum([drawn(one) for one in each], axis=0) / len(rests) for each in (added, taken))
    seen = (sum(map(observed, added)) - sum(map(observed, taken))) / len(rests)
    return asdict(paired_difference(plus, minus, seen))


def _subsets(of: Parts) -> list[tuple[str, ...]]:
    return [sub for size in range(len(of) + 1) for sub in combinations(sorted(of), size)]


def sentences(found: Sequence[Mapping[str, Any]], called: Mapping[str, str], metric: str) -> list[str]:
    """Each effect and interaction in words.

    Args:
        found: of ``effects``, for a metric of which more is better.
        called: how sentences call each part.
        metric: its name.
    """
    return [_effect(one, called, metric) if len(one["parts"]) == 1 else _interaction(one, called) for one in found]


def _effect(one: Mapping[str, Any], called: Mapping[str, str], metric: str) -> str:
    shown = one["p_corrected"] < SIGNIFICANT
    verdict = ("adds" if one["difference"] > 0 else "costs") if shown else "adds nothing that is larger than chance"
    return f"{called[one['parts'][0]]}, averaged over what it is combined with, {verdict}: {metric} {_numbers(one)}."


def _interaction(one: Mapping[str, Any], called: Mapping[str, str]) -> str:
    shown = one["p_corrected"] < SIGNIFICANT
    verdict = (
        ("reinforce each other" if one["difference"] > 0 else "take from each other")
        if shown
        else "add up, as far as can be told"
    )
    return f"{' and '.join(called[part] for part in one['parts'])} {verdict}: {_numbers(one)}."


def _numbers(one: Mapping[str, Any]) -> str:
    low, high = signed(one["low"]), signed(one["high"])
    return f"{signed(one['difference'])} [{low}, {high}], corrected {p_value(one['p_corrected'])}"
