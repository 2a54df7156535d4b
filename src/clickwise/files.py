"""Files that are whole or absent: written under a temporary name in the same folder, then renamed."""

import errno
import fcntl
import hashlib
import json
import os
import shutil
import tempfile
import zlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from glob import escape
from pathlib import Path
from typing import Any
from urllib.parse import quote

from clickwise.errors import InputError

HALF = ".half"  # ends the name of what is not yet whole
NEW = ".open"  # and of what is not yet locked either; as long, so that both names fit or none
OF_SAFETENSORS = ".tmp??????"  # what safetensors calls a file that is not yet whole
BLOCK = 1 << 22
LONGEST_NAME = 180  # in bytes; file systems allow 255, and the names have more around them


@contextmanager
def _clear_write_errors(where: Path) -> Iterator[None]:
    """Turn a full disk or a folder that cannot be written into an ``InputError`` that names the folder."""
    try:
        yield
    except InputError:
        raise
    except Exception as error:
        # Polars and safetensors report a full disk under errors of their own.
        if getattr(error, "errno", None) in (errno.ENOSPC, errno.EDQUOT) or "No space left" in str(error):
            raise InputError(f"{where}: the disk is full; free some space or name another folder") from None
        if isinstance(error, PermissionError | NotADirectoryError | FileExistsError) or (
            isinstance(error, OSError) and error.errno in (errno.EROFS, errno.ENAMETOOLONG)
        ):
            advice = "use a shorter name" if error.errno == errno.ENAMETOOLONG else "name another folder"
            raise InputError(f"{where}: cannot write there ({error.strerror}); {advice}") from None
        raise


@contextmanager
def new_file(path: Path) -> Iterator[Path]:
    """A temporary path beside ``path`` that becomes ``path`` when the block succeeds and vanishes when it does not."""
    path = Path(path)
    with _clear_write_errors(path.parent):
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(NEW, f".{path.name}.", path.parent)
        os.close(handle)
        with _begun(Path(name)) as temporary:
            yield temporary
            temporary.chmod(0o644)
            os.replace(temporary, path)


def write_json(path: Path, values: Any) -> None:
    """Write plain values as JSON in which no number is infinite or none, whole or not at all."""
    with new_file(path) as temporary:
        temporary.write_text(json.dumps(values, indent=2, allow_nan=False) + "\n", encoding="utf-8")


def clear_leftovers(path: Path) -> None:
    """Remove temporary files of ``path`` that a killed process left beside it."""
    for leftover in [*path.parent.glob(f".{escape(path.name)}.*"), *path.parent.glob(OF_SAFETENSORS)]:
        leftover.unlink(missing_ok=True)


def clear_halves(folder: Path) -> None:
    """Remove all temporary files and folders that a killed process left anywhere below ``folder``."""
    for half in [*folder.rglob(f".*{HALF}"), *folder.rglob(OF_SAFETENSORS)]:
        _remove(half)


def clear_abandoned(folder: Path, pattern: str) -> None:
    """Remove what was begun in ``folder`` under names of ``pattern`` and is written by no living process.

    Where the file system knows no locks, nothing can be told apart and all of it stays.
    """
    for half in folder.glob(f".{pattern}.*{HALF}"):
        if (held := _lock(half)) is not None:
            _remove(half)
            os.close(held)


def _lock(path: Path) -> int | None:
    """What holds a lock until it is closed or the process ends; None where the lock is not to be had."""
    try:
        held = os.open(path, os.O_RDONLY)
    except OSError:
        return None
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(held)
        return None
    return held


def user_cache(name: str = "") -> Path:
    """A folder of the user's cache, or the cache itself."""
    import pooch

    return Path(pooch.os_cache("clickwise")) / name


def name_of_file(text: str) -> str:
    """``text`` as part of a name of a file: one name a text, whatever its letters and its length."""
    quoted = quote(text, safe=" ")
    if len(quoted) <= LONGEST_NAME:
        return quoted
    return f"{quoted[: LONGEST_NAME - 65]}~{hashlib.sha256(text.encode()).hexdigest()}"


def fingerprint(path: Path) -> dict[str, int]:
    """Size and CRC-32 of a file."""
    checksum = 0
    with path.open("rb") as stream:
        while block := stream.read(BLOCK):
            checksum = zlib.crc32(block, checksum)
    return {"bytes": path.stat().st_size, "crc32": checksum}


def fingerprints(folder: Path, besides: Iterable[str] = ()) -> dict[str, dict[str, int]]:
    """Size and checksum of every file below ``folder``, by its path from there, in order."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    names = {path: path.relative_to(folder).as_posix() for path in files}
    return {name: fingerprint(path) for path, name in names.items() if name not in besides}


def is_listing(listed: object) -> bool:
    """Whether ``listed`` has the form that ``fingerprints`` gives."""
    return isinstance(listed, Mapping) and all(
        isinstance(of, Mapping) and isinstance(of.get("bytes"), int) and isinstance(of.get("crc32"), int)
        for of in listed.values()
    )


def is_taken(path: Path) -> bool:
    """True where something stands at ``path`` that is not an empty folder."""
    return os.path.exists(path) and (not path.is_dir() or any(path.iterdir()))


@contextmanager
def new_folder(path: Path) -> Iterator[Path]:
    """A temporary folder beside ``path`` that becomes ``path`` when the block succeeds and vanishes when it does not.

    Raises:
        InputError: ``path`` exists already and is not an empty folder.
    """
    path = Path(path)
    with _clear_write_errors(path.parent):
        if is_taken(path):
            raise InputError(f"{path}: exists already; name a new folder or remove it first")
        path.parent.mkdir(parents=True, exist_ok=True)
        clear_abandoned(path.parent, escape(path.name))
        with _begun(Path(tempfile.mkdtemp(NEW, f".{path.name}.", path.parent))) as temporary:
            yield temporary
            temporary.chmod(0o755)
            _move(temporary, path)


@contextmanager
def _begun(new: Path) -> Iterator[Path]:
    """A new file or folder under the name of what is not yet whole; what is left of it in the end is removed."""
    held = _lock(new)  # before it has the name by which others would take it for abandoned
    half = new.rename(new.with_suffix(HALF))
    try:
        yield half
    finally:
        _remove(half)
        if held is not None:
            os.close(held)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def _move(folder: Path, path: Path) -> None:
    """Rename a folder to ``path``, where an empty folder may stand."""
    try:
        os.replace(folder, path)
    except OSError as error:
        if is_taken(path):
            raise InputError(f"{path}: was written by another process meanwhile; name a new folder") from None
        raise error
