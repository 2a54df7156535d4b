"""Every block of the documentation does what it shows."""

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from clickwise.data.sources import SOURCES
from clickwise.losses import LOSSES
from clickwise.methods.entries import METHODS
from tests.docs.pages import MARK, ROOT, blocks, commands, pages, run_page, stands_in

pytestmark = pytest.mark.filterwarnings("ignore:AutoLoss. an epoch has")  # pages run on small logs

KNOWN: tuple[dict[str, Any], ...] = (LOSSES, METHODS, SOURCES)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The current folder of a page: its own, with the examples in it, and a cache of its own.

    What a page adds to the named losses, sources and methods, and the modules that it wrote, are gone after it.
    """
    shutil.copytree(ROOT / "examples", tmp_path / "examples", ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.chdir(tmp_path)
    before = [dict(known) for known in KNOWN]
    yield tmp_path
    for known, names in zip(KNOWN, before, strict=True):
        known.clear()
        known.update(names)
    for name, module in list(sys.modules.items()):
        if (file := getattr(module, "__file__", None)) and Path(file).is_relative_to(tmp_path):
            del sys.modules[name]


@pytest.fixture(scope="session")
def data(request: pytest.FixtureRequest) -> Path | None:
    """The folder of public data sets, or None where it is absent."""
    try:
        found: Path = request.getfixturevalue("shared_data")
    except pytest.skip.Exception:
        return None
    return found


@pytest.mark.parametrize("page", pages(), ids=lambda page: page.stem)
def test_blocks_run(page: Path, folder: Path, data: Path | None) -> None:
    ran = run_page(page, data)
    assert ran == [block for block in blocks(page) if block.runs_with(data)]


@pytest.mark.parametrize("script", sorted((ROOT / "examples").glob("*.py")), ids=lambda path: path.stem)
def test_examples_stand_in_the_documentation(script: Path) -> None:
    """An example that a page runs is tested with that page."""
    names = f"examples/{script.name}", f"examples.{script.stem}"
    shown = [block.text for page in pages() for block in blocks(page) if block.runnable and not block.mark]
    assert any(name in text for text in shown for name in names)


def test_a_page_is_read_as_it_is_written(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(
        "# Title\n<!-- not run: no network -->\n```shell\n# a remark\ncurl \\\n  x\n```\n\n"
        '```yaml title="a.yaml"\nkey: 1\n```\n```console\n$ one\nout ... of\n$ two\n```\n```text\n$ no\n```\n'
    )
    first, second, third, fourth = blocks(page)
    assert (first.line, first.language, first.mark) == (3, "shell", "not run: no network")
    assert list(commands(first.text, "shell")) == [("curl    x", [])]
    assert (second.title, second.text, second.runnable) == ("a.yaml", "key: 1\n", True)
    assert list(commands(third.text, "console")) == [("one", ["out ... of"]), ("two", [])]
    assert not fourth.runnable
    assert stands_in("out ... of", "nothing\n out  2 of \n") and not stands_in("out of", "out 2 of")
    page.write_text("<!-- needs: shared_data -->\n\n```python\n```\n")
    with pytest.raises(AssertionError, match="marks above no block"):
        blocks(page)
    assert MARK.match("<!-- a remark -->") is None
