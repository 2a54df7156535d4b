"""Values of options that others wrote, checked for their kind before anything relies on it."""

from collections.abc import Iterable, Mapping
from math import inf
from typing import Any

from clickwise.errors import InputError, nearest


def require_text(owner: str, option: str, value: Any) -> None:
    """Raise unless ``value`` is text that UTF-8 can hold; ``owner`` begins the error, for example ``field 'x'``."""
    if not isinstance(value, str):
        raise InputError(f"{owner}: {option} must be text, not {value!r}")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise InputError(f"{owner}: {option} {value!r} holds half a character; write it in UTF-8") from None


def require_whole(owner: str, option: str, value: Any, least: int, most: float = inf) -> None:
    """Raise unless ``value`` is a whole number from ``least`` to ``most``."""
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
        allowed = f"of at least {least}" if most == inf else f"between {least} and {most}"
        raise InputError(f"{owner}: {option} must be a whole number {allowed}, not {value!r}")


def require_number(owner: str, option: str, value: Any, least: float, most: float = inf) -> None:
    """Raise unless ``value`` is a number from ``least`` to ``most``."""
    if not isinstance(value, int | float) or isinstance(value, bool) or not least <= value <= most:
        allowed = f"at least {least}" if most == inf else f"between {least} and {most}"
        raise InputError(f"{owner}: {option} must be {allowed}, not {value!r}")


def require_flag(owner: str, option: str, value: Any) -> None:
    """Raise unless ``value`` is true or false."""
    if not isinstance(value, bool):
        raise InputError(f"{owner}: {option} must be true or false, not {value!r}")


def require_choice(owner: str, option: str, value: Any, known: Iterable[str]) -> None:
    """Raise unless ``value`` is one of the ``known`` ones."""
    known = list(known)
    if value not in known:
        raise InputError(f"{owner}: {option} {value!r} is unknown{nearest(str(value), known)}")


def require_sizes(owner: str, option: str, value: Any) -> None:
    """Raise unless ``value`` maps names to whole numbers of at least 1."""
    if not isinstance(value, Mapping):
        raise InputError(f"{owner}: {option} must be a mapping of names to whole numbers, not {value!r}")
    for name, size in value.items():
        require_text(owner, f"a name in {option}", name)
        require_whole(owner, f"{option} {name!r}", size, 1)
