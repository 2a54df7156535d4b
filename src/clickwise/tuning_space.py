"""What tuning may change: ranges and choices of a method's options, and how they read on the command line."""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from clickwise.errors import InputError, nearest
from clickwise.methods.building import options_taken
from clickwise.methods.method import Method
from clickwise.option_text import divided, number_of, value_of

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution

FORM = "write it as NAME.OPTION=LOW..HIGH, with ,log behind it for a logarithmic scale, or as NAME.OPTION=A|B|C"


@dataclass(frozen=True)
class Range:
    """Numbers from ``low`` to ``high``, ends included; whole ones where both ends are whole."""

    low: float
    high: float
    log: bool = False

    def __post_init__(self) -> None:
        if not -math.inf < self.low < self.high < math.inf or (self.log and self.low <= 0):
            raise InputError(f"range {self}: the ends must be finite and rise, and be positive on a logarithmic scale")

    def __str__(self) -> str:
        return f"{self.low:g}..{self.high:g}{',log' if self.log else ''}"

    @property
    def whole(self) -> bool:
        """True for a range of whole numbers."""
        return isinstance(self.low, int) and isinstance(self.high, int)

    def distribution(self) -> "BaseDistribution":
        """The range in the terms of a study."""
        from optuna.distributions import FloatDistribution, IntDistribution

        if self.whole:
            return IntDistribution(int(self.low), int(self.high), log=self.log)
        return FloatDistribution(self.low, self.high, log=self.log)

    def param(self, value: Any) -> float | None:
        """A study's term for ``value``: the number of the range that lies nearest; None where that is no number."""
        if isinstance(value, bool) or not isinstance(value, int | float):
            return None
        return min(max(value, self.low), self.high)

    def value(self, param: Any) -> Any:
        """The reverse of ``param``."""
        return param


@dataclass(frozen=True)
class Choices:
    """Two values or more, of any kind that ``--set`` takes."""

    values: tuple[Any, ...]

    def __post_init__(self) -> None:
        if len(self.values) < 2:
            raise InputError(f"choices {self}: give at least two")

    def __str__(self) -> str:
        return "|".join(str(value) for value in self.values)

    def distribution(self) -> "BaseDistribution":
        """The choices in the terms of a study: their places, because it takes no lists."""
        from optuna.distributions import CategoricalDistribution

        return CategoricalDistribution(tuple(range(len(self.values))))

    def param(self, value: Any) -> int | None:
        """A study's term for ``value``; None where it is none of the choices."""
        plain = list(value) if isinstance(value, tuple) else value
        return self.values.index(plain) if plain in self.values else None

    def value(self, param: Any) -> Any:
        """The reverse of ``param``."""
        return self.values[param]


Space = Mapping[str, Range | Choices]

LEARNING_RATE, FTRL_RATE = Range(3e-4, 1e-2, log=True), Range(1e-2, 1.0, log=True)
WEIGHT_DECAY, DROPOUT = Range(1e-7, 1e-3, log=True), Range(0.0, 0.5)


def default_space(name: str, method: Method) -> dict[str, Range | Choices]:
    """Learning rate, weight decay, and dropout where the method or its model takes it.

    Args:
        name: of the method in the catalogue.
        method: the same, built.
    """
    ftrl = getattr(method, "optimizer", "") == "ftrl"  # its rates are stated for another scale
    space = {"learning_rate": FTRL_RATE if ftrl else LEARNING_RATE, "weight_decay": WEIGHT_DECAY, "dropout": DROPOUT}
    known = options_taken(name)
    return {option: value for option, value in space.items() if option in known}


def parse_space(texts: Sequence[str], name: str) -> dict[str, Range | Choices]:
    """``["fm.embedding_dim=8|16", "fm.learning_rate=1e-4..1e-2,log"]`` by option.

    Raises:
        InputError: another form, another method than ``name``, or an option that it does not take or that stands twice.
    """
    space: dict[str, Range | Choices] = {}
    for text in texts:
        method, option, value = divided(text, "--space", FORM)
        if method != name:
            raise InputError(f"--space {text!r}: the method is {name!r}")
        if option not in options_taken(name):
            raise InputError(f"--space {text!r}: unknown option {option!r}{nearest(option, options_taken(name))}")
        if option in space:
            raise InputError(f"--space {text!r}: {option} stands in two of them; keep one")
        space[option] = _parse(text, value)
    return space


def _parse(text: str, value: str) -> Range | Choices:
    if found := re.fullmatch(r"([^.,|]+(?:\.\d+)?[^.,|]*)\.\.([^,|]+?)(,log)?", value):
        low, high = number_of(found[1]), number_of(found[2])
        if low is None or high is None:
            raise InputError(f"--space {text!r}: {FORM}")
        return Range(low, high, bool(found[3]))
    return Choices(tuple(value_of(part, f"--space {text!r}") for part in value.split("|")))
