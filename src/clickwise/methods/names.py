"""How methods are named: ``MODEL[~GATE][+LOSS][+META]``, ``din~udg+autoloss`` say, or ``METHOD(MODEL,...)``."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import Any

from clickwise.errors import InputError

Options = Mapping[str, Any]
GATE, TRAINING = "~", "+"


@dataclass(frozen=True)
class Name:
    """The parts of a name; only a model's name has a gate or trainings.

    Attributes:
        model: of the model, or the name of another method.
        gate: what follows ``~``, or nothing.
        trainings: what follows each ``+``, the inner one first.
        candidates: the models in parentheses that a method is made of.
    """

    model: str
    gate: str = ""
    trainings: tuple[str, ...] = ()
    candidates: tuple[str, ...] = ()

    def __str__(self) -> str:
        gate = GATE + self.gate if self.gate else ""
        candidates = f"({','.join(self.candidates)})" if self.candidates else ""
        return self.model + candidates + gate + "".join(TRAINING + each for each in self.trainings)


def parts(name: str) -> Name:
    """The parts of ``name``; whether they are known is not looked at."""
    if name.endswith(")") and "(" in name:
        method, _, inside = name[:-1].partition("(")
        return Name(method, candidates=tuple(divided(inside)))
    rest, *trainings = name.split(TRAINING)
    model, _, gate = rest.partition(GATE)
    return Name(model, gate, tuple(trainings))


def bases(name: str) -> list[str]:
    """What a variant of a model is held against: it with one less of its gate and trainings, two less, and so on.

    Of a method with candidates of its own, that method.
    """
    whole = parts(name)
    if whole.candidates:
        return [whole.model]
    added = [(GATE, whole.gate)] * bool(whole.gate) + [(TRAINING, training) for training in whole.trainings]
    fewer = (kept for count in reversed(range(len(added))) for kept in combinations(added, count))
    return [whole.model + "".join(sign + each for sign, each in kept) for kept in fewer]


def divided(names: str) -> list[str]:
    """Names between commas; those within parentheses do not divide.

    Raises:
        InputError: parentheses that do not match.
    """
    found, depth = [""], 0
    for letter in names:
        depth += (letter == "(") - (letter == ")")
        if depth < 0:
            break
        if letter == "," and depth == 0:
            found.append("")
        else:
            found[-1] += letter
    if depth:
        raise InputError(f"{names!r}: the parentheses do not match; write 'METHOD(MODEL,MODEL)'")
    return [name.strip() for name in found]
