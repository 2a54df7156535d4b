"""Artefacts as `clickwise reproduce` makes them: what tests of all papers ask for, and look at."""

import json
from pathlib import Path
from typing import Any

import pytest

from clickwise.reproduce.study import EARLIER
from tests.commands import run


def options(*texts: str) -> tuple[str, ...]:
    """``--set`` before each."""
    return tuple(word for text in texts for word in ("--set", text))


def make(paper: str, capsys: pytest.CaptureFixture[str], out: Path, artefact: str, *words: object) -> dict[str, Any]:
    """What an artefact's JSON file says, after making it; its Markdown has the table and the caption."""
    outcome = run(capsys, "reproduce", paper, artefact, *words, "--out", out)
    assert outcome.status == 0, outcome.err
    assert str(out / f"{artefact}.json") in outcome.out
    text = (out / f"{artefact}.md").read_text(encoding="utf-8")
    values: dict[str, Any] = json.loads((out / f"{artefact}.json").read_text(encoding="utf-8"))
    caption = text.splitlines()[2]
    for part in ("Setting: ", "split ", "version: ", " seed", "commit ", "made by "):
        assert part in caption, caption
    assert (values["paper"], values["artefact"]) == (paper, artefact)
    assert values["run"]["wall_clock_seconds"] > 0
    if values["run"]["runs"] is not None:
        of_runs = values["run"]["runs"]
        within = of_runs["wall_clock_seconds"] - of_runs[EARLIER]
        assert 0 <= within <= values["run"]["wall_clock_seconds"], "runs of the command are within its time"
        assert (" before it" in caption) == (of_runs[EARLIER] > 0) != (" within it" in caption)
    table = [line for line in text.splitlines() if line.startswith("|")]
    assert len({line.count(" | ") for line in table}) == 1 and len(table) > 3
    return values


def check_pictures(out: Path, *names: str) -> None:
    """Each is there, as PNG and as SVG."""
    for name in names:
        assert (out / f"{name}.png").read_bytes().startswith(b"\x89PNG")
        assert "<svg" in (out / f"{name}.svg").read_text(encoding="utf-8")
