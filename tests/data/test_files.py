"""Files of raw tables: plain or in gzip, and read by blocks of whole lines."""

import gzip
import io
from pathlib import Path

import pytest

from clickwise.data.files import line_blocks, open_text

TEXTS = [
    b"",
    b"\n",
    b"a",
    b"a\nbc\n\n",
    b"one line without end " * 9,
    b"".join(b"line %d\n" % n for n in range(50)) + b"x",
]


@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize("size", [1, 7, 1000])
def test_blocks_are_whole_lines_and_say_which(text: bytes, size: int) -> None:
    lines, found = text.splitlines(keepends=True), []
    for first, block in line_blocks(io.BytesIO(text), size, first=3):
        own = block.splitlines(keepends=True)
        assert first == 3 + len(found) and own
        found += own
    assert found == lines


def test_gzip_is_told_by_its_first_bytes_and_not_by_its_name(tmp_path: Path) -> None:
    for name in ("a.csv", "a.csv.gz"):
        for content in (b"a,b\n1,2\n", gzip.compress(b"a,b\n1,2\n")):
            (tmp_path / name).write_bytes(content)
            with open_text(tmp_path / name) as stream:
                assert stream.read() == b"a,b\n1,2\n"
