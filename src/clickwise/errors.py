"""The error a user can mend: it names the file, column, row or option and says what would be right."""

import difflib
from collections.abc import Iterable


class InputError(ValueError):
    """Input that cannot be used. The command prints its one line and exits with status 2."""


def nearest(name: str, known: Iterable[str]) -> str:
    """``"; did you mean 'x'?"`` for the known name closest to ``name``, or the list of known names."""
    known = list(known)
    close = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    return f"; did you mean {close[0]!r}?" if close else f"; known: {', '.join(sorted(known))}"
