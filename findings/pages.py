"""The pages of ``docs/results``: one a paper, and one over all of them."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from clickwise.errors import InputError
from clickwise.files import new_file
from clickwise.report.wording import duration
from clickwise.reproduce import PAPERS
from clickwise.reproduce.result import table
from findings.side_by_side import side_by_side
from findings.store import ROOT, Finding, kept

PAGES = ROOT / "docs" / "results"
VERDICTS = ROOT / "findings" / "verdicts.yaml"
HOLDS = ("holds", "holds only against weak controls", "does not hold", "cannot be told with this data")
OPEN = "not run yet"
LEFT_OUT = "What is not here, and why"
GENERATED = "<!-- Written by `python -m findings build` from findings/kept and findings/verdicts.yaml; do not edit. -->"
INTRODUCTION = """\
What the four papers report, and what we saw: as published, and in a setting that leaks nothing. Each verdict is one of *holds*, *holds only against weak controls*, *does not hold*, *cannot be told with this data*, or *not run yet*.

Numbers are written by `python -m findings build` from the artefacts of [`clickwise reproduce`](../reproduce-metaselector.md) that are kept in `findings/kept`, and tests see to it that pages and artefacts agree.

Beside the commit of each stands the time of its command and of the runs that earlier commands had made for it; of a comparison that was gone on with, the time since. "At most" stands before a time that may count runs twice: artefacts of then did not tell whether the command itself made them.
"""  # noqa: E501


def verdicts() -> dict[str, dict[str, Any]]:
    """By paper its ``title`` and what is ``left_out``; by artefact ``what`` it is, ``verdict``, and a sentence ``why``.

    Raises:
        InputError: a verdict that is none of those there are.
    """
    found: dict[str, dict[str, Any]] = yaml.safe_load(VERDICTS.read_text(encoding="utf-8"))
    for paper, of_paper in found.items():
        for artefact, one in of_paper["artefacts"].items():
            if one["verdict"] not in (*HOLDS, OPEN):
                raise InputError(f"{VERDICTS.name}: {paper} {artefact}: verdict {one['verdict']!r} is unknown")
    return found


def write_pages(folder: Path = PAGES) -> list[Path]:
    """Write all pages anew; their paths."""
    written = []
    for name, text in all_pages().items():
        with new_file(folder / name) as path:
            path.write_text(text, encoding="utf-8")
        written.append(folder / name)
    return written


def all_pages() -> dict[str, str]:
    """The text of each page by the name of its file."""
    found, told = kept(), verdicts()
    pages = {f"{paper}.md": "\n".join(_paper(paper, told[paper], found)) for paper in PAPERS}
    return {"index.md": "\n".join(_index(told)), **pages}


def _index(told: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    yield from ("# Results", "", GENERATED, "", INTRODUCTION)
    for paper, of_paper in told.items():
        yield from (f"## [{of_paper['title']}]({paper}.md)", "", of_paper["claim"], "")
        cells = [
            [f"[{_called(artefact)}]({paper}.md#{artefact})", one["what"], f"**{one['verdict']}**", one["why"]]
            for artefact, one in of_paper["artefacts"].items()
        ]
        yield from (*_plain_table(["", "What it is", "Verdict", "In one sentence"], cells), "")
    yield from (f"## {LEFT_OUT} {{#left-out}}", "")
    yield from (f"- {of_paper['title']}: {one}" for of_paper in told.values() for one in of_paper["left_out"])
    yield ""


def _paper(paper: str, told: Mapping[str, Any], found: Sequence[Finding]) -> Iterator[str]:
    yield from (f"# {told['title']}", "", GENERATED, "", told["claim"], "")
    for artefact, one in told["artefacts"].items():
        yield from (f"## {_called(artefact)} {{#{artefact}}}", "", f"{one['what']}.", "")
        yield from (f"**Verdict: {one['verdict']}.** {one['why']}", "")
        own = [finding for finding in found if (finding.paper, finding.artefact) == (paper, artefact)]
        yield from side_by_side(own)
        for finding in own:
            yield from _finding(finding)


def _finding(finding: Finding) -> Iterator[str]:
    run = finding.run
    took = "at most " * finding.at_most + duration(finding.seconds)
    yield f'??? note "{finding.name}: {finding.seeds}, commit {run["commit"]}, {took}"'
    yield ""
    lines = ["```text", finding.command, "```", "", *table(finding.headings, finding.cells), ""]
    lines += [f"![{picture}](pictures/{picture})\n" for picture in finding.pictures]
    lines += [f"- {note}" for note in finding.notes]
    yield from (f"    {line}".rstrip() for block in lines for line in block.split("\n"))
    yield ""


def _called(artefact: str) -> str:
    """``Table 2`` of ``table2``."""
    word = artefact.rstrip("0123456789")
    return f"{word.replace('-', ' ').capitalize()} {artefact[len(word) :]}".strip()


def _plain_table(headings: Sequence[str], cells: Sequence[Sequence[str]]) -> list[str]:
    return [f"| {' | '.join(row)} |" for row in (headings, ["---"] * len(headings), *cells)]
