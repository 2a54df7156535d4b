"""The one large text file of a public data set: found as it is, or unpacked once from the archive it came in."""

import gzip
import hashlib
import shutil
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO

from clickwise.data.files import is_gzip, open_text
from clickwise.errors import InputError, nearest
from clickwise.files import clear_abandoned, new_file, user_cache

COPY_BYTES = 1 << 22
DAMAGE = (zipfile.BadZipFile, gzip.BadGzipFile, tarfile.TarError, zlib.error, EOFError)


@dataclass(frozen=True)
class Official:
    """What to look for.

    Attributes:
        source: name of the source, and of a folder of the data root that may hold the file.
        names: of the file, and of the file in gzip.
        archives: glob patterns of archives that hold one of them.
        advice: what to download from where.
    """

    source: str
    names: tuple[str, ...]
    archives: tuple[str, ...]
    advice: str


def find_file(official: Official, root: Path | None, file: str | None, unpacked: Path | str | None) -> Path:
    """The text file of a data set below ``root``.

    Args:
        root: folder that holds the file or an archive of it, or has a folder named after the source that does; or the
            file or archive itself.
        file: name of the file or archive in ``root``, for a folder that holds several or has names of its own.
        unpacked: folder that receives what is unpacked; None for the user's cache. An archive is unpacked once.

    Raises:
        InputError: nothing is found, or several things are, or an archive is damaged or holds something else.
    """
    if root is None:
        raise InputError(f"source {official.source!r}: name the folder of its file (--data-root); {official.advice}")
    if not root.exists():
        raise InputError(f"{root}: no such file or folder; {official.advice}")
    if file is not None:
        found = root / str(file)
        if not found.is_file():
            others = [path.name for path in root.iterdir() if path.is_file()] if root.is_dir() else []
            raise InputError(f"{found}: no such file for the option 'file'{nearest(str(file), others)}")
    else:
        found = root if root.is_file() else _only(official, root)
    return _unpack(official, found, unpacked) if _is_packed(found) else found


def _only(official: Official, root: Path) -> Path:
    """The plain file where there is one, else the only archive."""
    folders = [folder for folder in (root, root / official.source) if folder.is_dir()]
    for patterns in (*((name,) for name in official.names), official.archives):
        found = sorted({path for folder in folders for pattern in patterns for path in folder.glob(pattern)})
        if len(found) > 1:
            names = ", ".join(str(path.relative_to(root)) for path in found)
            raise InputError(f"{root}: holds {names}; choose one with the option 'file'")
        if found:
            return found[0]
    raise InputError(f"{root}: holds no {official.names[0]}; {official.advice}")


def _is_packed(path: Path) -> bool:
    with path.open("rb") as stream:
        return is_gzip(path) or stream.read(4) == b"PK\x03\x04"


def _unpack(official: Official, path: Path, folder: Path | str | None) -> Path:
    folder = user_cache("unpacked") if folder is None else Path(folder)
    state = path.stat()
    key = hashlib.sha256(f"{path.resolve()}|{state.st_size}|{state.st_mtime_ns}".encode()).hexdigest()[:16]
    target = folder / f"{official.source}-{key}-{official.names[0]}"
    if not target.is_file():
        clear_abandoned(folder, f"{official.source}-*")
        with new_file(target) as temporary, temporary.open("wb") as stream:
            try:
                with _content(official, path) as packed:
                    shutil.copyfileobj(packed, stream, COPY_BYTES)
            except DAMAGE as error:
                raise InputError(f"{path}: damaged archive ({error}); {official.advice}") from None
    return target


@contextmanager
def _content(official: Official, path: Path) -> Iterator[IO[bytes]]:
    """The text in a zip, a tar in gzip, or gzip alone; a file in gzip within a zip is unpacked too."""
    if is_gzip(path) and not path.name.endswith((".tar.gz", ".tgz")):
        with open_text(path) as stream:
            yield stream
    elif is_gzip(path):
        with tarfile.open(path, "r|gz") as archive:
            member = next((one for one in archive if one.isfile() and _is_it(official, one.name)), None)
            stream_of_member = archive.extractfile(member) if member else None
            if stream_of_member is None:
                raise InputError(f"{path}: holds no {official.names[0]}; {official.advice}")
            yield stream_of_member
    else:
        with zipfile.ZipFile(path) as archive_of_zip:
            name = next((one for one in archive_of_zip.namelist() if _is_it(official, one)), None)
            if name is None:
                raise InputError(f"{path}: holds no {official.names[0]}; {official.advice}")
            with archive_of_zip.open(name) as packed:
                if name.endswith(".gz"):
                    with gzip.open(packed) as unpacked:
                        yield unpacked  # type: ignore[misc]
                else:
                    yield packed


def _is_it(official: Official, name: str) -> bool:
    return PurePosixPath(name).name in official.names
