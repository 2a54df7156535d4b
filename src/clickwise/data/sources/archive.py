"""Text files of a public data set, in a zip or a folder, and their lines as a table."""

import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from clickwise.data.sources.download import fetch
from clickwise.errors import InputError


@dataclass(frozen=True)
class File:
    """How a file is written.

    Attributes:
        name: of the file.
        pattern: of a line, with one named group a column.
        layout: the pattern in words, for messages.
        integers: columns to read as whole numbers; the others stay text.
    """

    name: str
    pattern: str
    layout: str
    integers: tuple[str, ...]


@dataclass(frozen=True)
class Files:
    """Where the files of a data set lie: in a folder, or in a zip under the folder ``inner``."""

    place: Path
    inner: str

    def label(self, name: str) -> str:
        """How messages call a file."""
        return str(self.place / name) if self.place.is_dir() else f"{self.place}: {self.inner}/{name}"

    def read(self, name: str) -> str:
        """The text of a file, latin-1 as the data sets of that age are.

        Raises:
            InputError: it is absent, or the zip is damaged.
        """
        try:
            if self.place.is_dir():
                content = (self.place / name).read_bytes()
            else:
                with zipfile.ZipFile(self.place) as archive:
                    content = archive.read(f"{self.inner}/{name}")
        except (FileNotFoundError, KeyError):
            raise InputError(f"{self.label(name)}: absent; the official download of {self.inner} holds it") from None
        except (zipfile.BadZipFile, zlib.error, EOFError) as error:
            raise InputError(f"{self.place}: damaged zip ({error}); fetch it again") from None
        except OSError as error:
            raise InputError(f"{self.label(name)}: cannot read it: {error.strerror or error}") from None
        return content.decode("latin-1")


def find_files(root: Path | None, name: str, url: str, md5: str, landmark: str) -> Files:
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


def parse(files: Files, file: File, unique: str = "") -> pl.DataFrame:
    """One row a line, one column a group of the file's pattern.

    Args:
        unique: a column in which no value may stand twice.

    Raises:
        InputError: an empty file, a line in another layout, or a value that stands twice.
    """
    label = files.label(file.name)
    lines = pl.Series("line", files.read(file.name).replace("\r\n", "\n").removesuffix("\n").split("\n"))
    columns = lines.str.extract_groups(file.pattern).struct.unnest()
    bad = columns.to_series().is_null()
    if bad.any():
        row = int(bad.arg_true()[0])
        raise InputError(f"{label}: line {row + 1} is {lines[row][:80]!r}; a line there is {file.layout}")
    table = columns.with_columns(pl.col(file.integers).cast(pl.Int64))
    if unique and table[unique].is_duplicated().any():
        row = int(table[unique].is_duplicated().arg_true()[-1])
        raise InputError(f"{label}: line {row + 1}: {unique} {table[unique][row]} stands twice")
    return table
