"""Text files of a public data set, in a zip or a folder, and their lines as a table."""

import zipfile
import zlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import polars as pl

from clickwise.data.sources.download import fetch
from clickwise.errors import InputError


@dataclass(frozen=True)
class LineForm:
    """How a file is written.

    Attributes:
        name: of the file.
        pattern: of a line, with one named group a column.
        layout: the pattern in words, for messages.
        integers: columns to read as whole numbers; the others stay text.
        header: what the first line must be; empty for a file without a header line.
    """

    name: str
    pattern: str
    layout: str
    integers: tuple[str, ...]
    header: str = ""


@dataclass(frozen=True)
class Files:
    """Where the files of a data set lie: in a folder, or in a zip under the folder ``inner``."""

    place: Path
    inner: str

    def label(self, name: str) -> str:
        """How messages call a file."""
        return str(self.place / name) if self.place.is_dir() else f"{self.place}: {self.inner}/{name}"

    @contextmanager
    def stream(self, name: str) -> Iterator[IO[bytes]]:
        """A file, open for reading.

        Raises:
            InputError: it is absent, or turns out while it is read to lie in a damaged zip.
        """
        try:
            with ExitStack() as stack:
                if self.place.is_dir():
                    yield stack.enter_context((self.place / name).open("rb"))
                else:
                    archive = stack.enter_context(zipfile.ZipFile(self.place))
                    yield stack.enter_context(archive.open(f"{self.inner}/{name}"))
        except (FileNotFoundError, KeyError):
            raise InputError(f"{self.label(name)}: absent; the official download of {self.inner} holds it") from None
        except (zipfile.BadZipFile, zlib.error, EOFError) as error:
            raise InputError(f"{self.place}: damaged zip ({error}); fetch it again") from None
        except OSError as error:
            raise InputError(f"{self.label(name)}: cannot read it: {error.strerror or error}") from None

    def read(self, name: str) -> str:
        """The text of a file, latin-1 as the data sets of that age are; errors as for ``stream``."""
        with self.stream(name) as content:
            return content.read().decode("latin-1")


def find_files(root: Path | None, name: str, url: str, md5: str | None, landmark: str) -> Files:
    """The data set ``name`` in ``root``: ``name.zip``, the folder ``name``, or ``root`` itself, else downloaded.

    Args:
        root: a folder, or the zip itself; None for the user's cache.
        landmark: the file whose presence shows that a folder holds the data set.

    Raises:
        InputError: ``root`` does not exist, or the download failed.
    """
    if root is None:
        return Files(fetch(url, md5, None), name)
    if not root.exists():
        raise InputError(f"{root}: no such folder; name one that holds {name}.zip, or create it for the download")
    if root.is_file():
        return Files(root, name)
    if (root / f"{name}.zip").is_file():
        return Files(root / f"{name}.zip", name)
    for folder in (root / name, root):
        if (folder / landmark).is_file():
            return Files(folder, name)
    return Files(fetch(url, md5, root), name)


def parse(files: Files, form: LineForm, unique: str = "") -> pl.DataFrame:
    """One row a line, one column a group of the file's pattern.

    Args:
        unique: a column in which no value may stand twice.

    Raises:
        InputError: an empty file, another header, a line in another layout, or a value that stands twice.
    """
    label = files.label(form.name)
    lines = pl.Series("line", files.read(form.name).replace("\r\n", "\n").removesuffix("\n").split("\n"))
    first = 1
    if form.header:
        if lines[0] != form.header:
            raise InputError(f"{label}: line 1 is {lines[0][:80]!r}; it must be {form.header}")
        lines, first = lines[1:], 2
    columns = lines.str.extract_groups(form.pattern).struct.unnest()
    bad = columns.to_series().is_null()
    if bad.any():
        row = int(bad.arg_true()[0])
        raise InputError(f"{label}: line {first + row} is {lines[row][:80]!r}; a line there is {form.layout}")
    table = columns.with_columns(pl.col(form.integers).cast(pl.Int64))
    if unique and table[unique].is_duplicated().any():
        row = int(table[unique].is_duplicated().arg_true()[-1])
        raise InputError(f"{label}: line {first + row}: {unique} {table[unique][row]} stands twice")
    return table
