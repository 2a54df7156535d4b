"""How methods are named: ``MODEL[~GATE][+TRAINING]``, ``din~udg+autoloss`` say."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

Options = Mapping[str, Any]
GATE, TRAINING = "~", "+"


@dataclass(frozen=True)
class Name:
    """The parts of a name; only a model's name has more than the first.

    Attributes:
        model: of the model, or the whole name of another method.
        gate: what follows ``~``, or nothing.
        training: what follows ``+``, or nothing.
    """

    model: str
    gate: str = ""
    training: str = ""

    def __str__(self) -> str:
        gate = GATE + self.gate if self.gate else ""
        training = TRAINING + self.training if self.training else ""
        return self.model + gate + training


def parts(name: str) -> Name:
    """The parts of ``name``; whether they are known is not looked at."""
    rest, _, training = name.partition(TRAINING)
    model, _, gate = rest.partition(GATE)
    return Name(model, gate, training)


def bases(name: str) -> list[str]:
    """What a variant of a model is held against: it without its training, without its gate, without both."""
    whole = parts(name)
    less = [Name(whole.model, whole.gate), Name(whole.model, training=whole.training), Name(whole.model)]
    return [str(one) for one in dict.fromkeys(less) if one != whole]
