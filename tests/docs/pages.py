"""Fenced blocks of the documentation, and how each is run.

A ``python`` block is executed; of a ``console`` block the lines after ``$`` are run as commands and the others must
stand in what those print (``...`` stands for anything); every line of a ``shell`` block is a command. A block with a
``title="name"`` is written to that file instead. Directly above a block, ``<!-- not run: reason -->`` leaves it out,
``<!-- needs: shared_data -->`` runs it only where the public data sets are present, and ``<!-- file: clicks.csv -->``
puts the example's click log there first.
"""

import contextlib
import io
import os
import re
import shlex
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from clickwise.cli import main

ROOT = Path(__file__).resolve().parents[2]
DATA = "../shared/data"
RUNNABLE = ("python", "console", "shell", "bash", "sh")
FENCE = re.compile(r"^(?P<indent> *)```(?P<language>[a-z]*)(?P<rest>.*)$")
MARK = re.compile(r"^ *<!-- (?P<mark>(not run|needs|file): .+?) -->$")


@dataclass(frozen=True)
class Block:
    """One fenced block.

    Attributes:
        page, line: where its fence opens.
        language: what follows the fence.
        text: its lines.
        title: name of the file that it shows, or nothing.
        mark: ``not run: reason``, ``needs: shared_data``, ``file: clicks.csv``, or nothing.
    """

    page: str
    line: int
    language: str
    text: str
    title: str
    mark: str

    @property
    def runnable(self) -> bool:
        """True where there is something to run or to write."""
        return self.language in RUNNABLE or bool(self.title)

    def runs_with(self, data: Path | None) -> bool:
        """True where the block is to run, with or without the public data sets."""
        wants_data = self.mark.startswith("needs")
        return self.runnable and not self.mark.startswith("not run") and not (wants_data and data is None)


def pages() -> list[Path]:
    """README, CONTRIBUTING, and every page of the site."""
    return [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]


def blocks(page: Path) -> list[Block]:
    """The fenced blocks of a page, in order. A mark that stands above no block is an error."""
    found, lines = [], page.read_text(encoding="utf-8").splitlines()
    marks = {number: match["mark"] for number, line in enumerate(lines) if (match := MARK.match(line))}
    number = 0
    while number < len(lines):
        opening = FENCE.match(lines[number])
        if not opening:
            number += 1
            continue
        end = next(n for n in range(number + 1, len(lines)) if lines[n].strip() == "```")
        text = textwrap.dedent("\n".join(lines[number + 1 : end])) + "\n"
        title = re.search(r'title="([^"]+)"', opening["rest"])
        name = title[1] if title else ""
        found.append(Block(page.name, number + 1, opening["language"], text, name, marks.pop(number - 1, "")))
        number = end + 1
    assert not marks, f"{page.name}: marks above no block: {marks}"
    return found


def run_page(page: Path, data: Path | None) -> list[Block]:
    """Run the blocks of a page in order, in the current folder. Returns those that ran."""
    namespace: dict[str, Any] = {"__name__": "__main__"}
    ran = []
    for block in blocks(page):
        if not block.runs_with(data):
            continue
        text = block.text.replace(DATA, str(data)) if data else block.text
        if block.mark.startswith("file: "):
            run_command("python examples/make_clicks.py")
            assert Path(block.mark.removeprefix("file: ")).exists()
        if block.title:
            Path(block.title).write_text(text, encoding="utf-8")
        elif block.language == "python":
            exec(compile(text, f"{block.page}:{block.line}", "exec"), namespace)
        else:
            for command, shown in commands(text, block.language):
                printed = run_command(command)
                missing = [line for line in shown if not stands_in(line, printed)]
                assert not missing, f"{block.page}:{block.line}: {command!r} did not print {missing}, but:\n{printed}"
        ran.append(block)
    return ran


def commands(text: str, language: str) -> Iterator[tuple[str, list[str]]]:
    """Each command of a block, with the lines of output that are shown below it."""
    if language != "console":
        yield from ((line, []) for line in text.replace("\\\n", " ").splitlines() if line and line[0] != "#")
        return
    command = ""
    shown: list[str] = []
    for line in text.replace("\\\n", " ").splitlines():
        if line.startswith("$ "):
            if command:
                yield command, shown
            command, shown = line[2:], []
        elif line.strip():
            shown.append(line)
    yield command, shown


def run_command(command: str) -> str:
    """Run a command, ``clickwise`` in this process. Returns what it printed."""
    words = shlex.split(command, comments=True)
    if words[0] == "clickwise" and not set(words) & {"|", ">", "&&", ";"}:
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
            try:
                status = main(words[1:])
            except SystemExit as ended:
                status = int(ended.code or 0)
        assert status == 0, f"{command!r} ended with {status}:\n{printed.getvalue()}"
        return printed.getvalue()
    environment = os.environ | {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 0, f"{command!r} ended with {done.returncode}:\n{done.stdout}{done.stderr}"
    return done.stdout + done.stderr


def stands_in(line: str, printed: str) -> bool:
    """True when the line, apart from spaces, is one of those printed; ``...`` stands for anything."""
    pattern = ".*".join(re.escape(" ".join(part.split())) for part in line.split("..."))
    return any(re.fullmatch(pattern, " ".join(each.split())) for each in printed.splitlines())
