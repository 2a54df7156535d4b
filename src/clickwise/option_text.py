"""Options of methods as the command line writes them: ``NAME.OPTION=VALUE``, the value a number or YAML."""

import math
from typing import Any

from clickwise.documents import parse_yaml
from clickwise.errors import InputError


def divided(text: str, flag: str, form: str) -> tuple[str, str, str]:
    """Name, option and value of ``NAME.OPTION=VALUE``; the name may have dots.

    Args:
        text: as it was given.
        flag: what it was given by, for example ``--set``.
        form: how the error tells to write it.
    """
    target, equals, value = text.partition("=")
    name, dot, option = target.rpartition(".")
    if not (equals and dot and name and option):
        raise InputError(f"{flag} {text!r}: {form}")
    return name, option, value


def number_of(text: str) -> int | float | None:
    """The number that ``text`` is, whole where it is written as one; None for other texts."""
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return None


def value_of(text: str, origin: str) -> Any:
    """The value of an option: a finite number, or else what YAML makes of the text.

    Args:
        text: the value.
        origin: what the error names.
    """
    number = number_of(text)  # first, since YAML 1.1 reads 1e-6 as text
    if number is None:
        return parse_yaml(text, origin)
    if not math.isfinite(number):
        raise InputError(f"{origin}: the number must be finite")
    return number
