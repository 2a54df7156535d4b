"""The error a user can mend: it names the file, column, row or option and says what would be right."""

import difflib
from collections.abc import Iterable


class InputError(ValueError):
    """Input that cannot be used. The command prints its one line and exits with status 2."""


class TrainingDiverged(InputError):
    """A loss or a prediction became NaN or infinite while a method was trained."""


def nearest(name: str, known: Iterable[str]) -> str:
    """``"; did you mean 'x'?"`` for the known name closest to ``name``, or the list of known names.

    Case counts for nothing but the choice between names that differ in nothing else.
    """
    known = list(known)
    folded = difflib.get_close_matches(name.casefold(), [each.casefold() for each in known], n=1, cutoff=0.5)
    if folded:
        same = [each for each in known if each.casefold() == folded[0]]
        close = difflib.get_close_matches(name, same, n=1, cutoff=0.0)
        return f"; did you mean {close[0]!r}?"
    return f"; known: {', '.join(name if name.isprintable() else repr(name) for name in sorted(known))}"


def one_line(error: BaseException) -> str:
    """The first paragraph of an error, on one line."""
    return " ".join(str(error).split("\n\n")[0].split())[:300]
