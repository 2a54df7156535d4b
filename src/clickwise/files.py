"""Files that are whole or absent: written under a temporary name in the same folder, then renamed."""

import errno
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from clickwise.errors import InputError


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
            isinstance(error, OSError) and error.errno == errno.EROFS
        ):
            raise InputError(f"{where}: cannot write there ({error.strerror}); name another folder") from None
        raise


@contextmanager
def new_file(path: Path) -> Iterator[Path]:
    """A temporary path beside ``path`` that becomes ``path`` when the block succeeds and vanishes when it does not."""
    path = Path(path)
    with _clear_write_errors(path.parent):
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        os.close(handle)
        temporary = Path(name)
        try:
            yield temporary
            temporary.chmod(0o644)
            os.replace(temporary, path)
        finally:
            temporary.unlink(missing_ok=True)


def clear_leftovers(path: Path) -> None:
    """Remove temporary files of ``path`` that a killed process left beside it."""
    for leftover in path.parent.glob(f".{path.name}.*"):
        leftover.unlink(missing_ok=True)


def is_taken(path: Path) -> bool:
    """True where something stands at ``path`` that is not an empty folder."""
    return path.exists() and (not path.is_dir() or any(path.iterdir()))


@contextmanager
def new_folder(path: Path) -> Iterator[Path]:
    """A temporary folder beside ``path`` that becomes ``path`` when the block succeeds and vanishes when it does not.

    Raises:
        InputError: ``path`` exists already and is not an empty folder.
    """
    path = Path(path)
    if is_taken(path):
        raise InputError(f"{path}: exists already; name a new folder or remove it first")
    with _clear_write_errors(path.parent):
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(prefix=f".{path.name}.", dir=path.parent))
        try:
            yield temporary
            temporary.chmod(0o755)
            if path.exists():
                path.rmdir()
            os.replace(temporary, path)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
