"""Folders of jobs that can be gone on with: whose a folder is, and when another job must not write there."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from clickwise.documents import read_document
from clickwise.errors import InputError
from clickwise.files import clear_leftovers, is_taken
from clickwise.version import __version__


def claimed(
    path: Path, identity: Mapping[str, Any], resume: bool, what: str, may_differ: Sequence[str] = ()
) -> dict[str, Any] | None:
    """What the job in a folder has written of itself; None where the folder is free.

    Args:
        path: the file in which a job says whose its folder is.
        identity: what must stand in it, in values that JSON has.
        resume: whether the job may have been begun already.
        what: how errors call the job, for example ``comparison``.
        may_differ: keys that the caller looks at.

    Raises:
        InputError: the folder holds something else, a job that is not to be gone on with, or another job.
    """
    out = path.parent
    clear_leftovers(path)  # of a process that was killed before it had said whose the folder is
    if not path.exists():
        if is_taken(out):
            raise InputError(f"{out}: exists and holds something else; name another --out")
        return None
    found = read_document(path, f"plan of the {what}")
    if not isinstance(found, dict):
        raise InputError(f"{path}: damaged: it holds no plan of a {what}; name another --out")
    if not resume:
        raise InputError(f"{out}: holds a {what} already; add --resume to go on with it, or name another --out")
    if changed := [key for key in identity if key not in may_differ and found.get(key) != identity[key]]:
        raise InputError(
            f"{out}: was started with another {changed[0]!r}; resume with the same options, or name another --out"
        )
    return found


def stamp(version: int) -> dict[str, Any]:
    """Which clickwise wrote a folder, and in what form: what must be the same to go on, but not to read."""
    return {"version": version, "clickwise": __version__}


def require_stamp(path: Path, found: Mapping[str, Any], wanted: Mapping[str, Any]) -> None:
    """Raise where another version of clickwise began what this one would go on with.

    Args:
        path: the file in which the job says whose its folder is.
        found: what stands there.
        wanted: the ``stamp`` of this version.
    """
    if any(found.get(key) != value for key, value in wanted.items()):
        raise InputError(
            f"{path.parent}: was begun by another version of clickwise; go on with that one, or name another --out"
        )
