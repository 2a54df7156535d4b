"""Artefacts as they are kept: one JSON file each, without paths of the machine that made them."""

import json
import re
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from clickwise.errors import InputError
from clickwise.files import new_file
from clickwise.reproduce import PAPERS
from clickwise.reproduce.result import FORMAT
from clickwise.reproduce.study import EARLIER

ROOT = Path(__file__).resolve().parents[1]
KEPT, PICTURES = ROOT / "findings" / "kept", ROOT / "docs" / "results" / "pictures"
OF_RUN = ("source", "setting", "version", "seeds", "epochs", "replicates", "rows", "users", "split", "commit", "torch")
COMPARED = ("title", "log", "subset", "stage", "update_every", "published", "auc", "logloss")
NAMED = 5
"""Models that are named; where there are more, their number is."""
UNCERTAIN = "dirty|None|unknown|changed"
"""In what is told of a commit that does not say which code ran."""
FOLDERS = re.compile(r"--(data-root|out|cache)[ =]\S+ ?")


@dataclass(frozen=True)
class Finding:
    """One artefact.

    Attributes:
        paper, artefact: as on the command line of ``clickwise reproduce``.
        name: tells apart findings of one artefact: setting, version, data and model.
        run: what it was made from.
        command: without folders.
        seconds: of the command and of the runs that an earlier one had made.
        rows: values to be set side by side with those of other findings.
        headings, cells, notes: of its own table.
        pictures: names of files in ``docs/results/pictures``.
        at_most: whether ``seconds`` may count the command's own runs twice: the artefact does not tell them from
            earlier ones.
    """

    paper: str
    artefact: str
    name: str
    run: Mapping[str, Any]
    command: str
    seconds: float
    rows: Sequence[Mapping[str, Any]]
    headings: Sequence[str]
    cells: Sequence[Sequence[str]]
    notes: Sequence[str]
    pictures: Sequence[str]
    at_most: bool = True  # as artefacts were, when the first ones were kept

    @property
    def seeds(self) -> str:
        """How many there were, in words."""
        return f"{self.run['seeds']} seed" + "s" * (self.run["seeds"] > 1)


def kept() -> list[Finding]:
    """All findings, by paper, artefact and name."""
    found = [Finding(**json.loads(path.read_text(encoding="utf-8"))) for path in sorted(KEPT.glob("*/*.json"))]
    order = {paper: place for place, paper in enumerate(PAPERS)}
    return sorted(found, key=lambda one: (order[one.paper], one.artefact, one.name))


def keep(path: Path, replace: bool = False) -> Path:
    """Keep the artefact of a JSON file that ``clickwise reproduce`` wrote, with the table and the pictures beside it.

    Args:
        path: of the JSON file.
        replace: take the place of what another command made.

    Raises:
        InputError: no such file, another kind of file, one of code that was not committed, or a place that is taken.
    """
    table = path.with_suffix(".md")
    if not path.exists() or not table.exists():
        raise InputError(f"{path}: give the JSON file of an artefact, with its Markdown beside it")
    values = json.loads(path.read_text(encoding="utf-8"))
    if values.get("format") != FORMAT:
        raise InputError(f"{path}: is no artefact of `clickwise reproduce`")
    finding = _finding(values, table.read_text(encoding="utf-8"))
    commits = {str(finding.run["commit"]), str((values["run"]["runs"] or {}).get("commit", ""))}
    if any(re.search(UNCERTAIN, commit) for commit in commits):
        raise InputError(f"{path}: made by code that was not committed, or that changed meanwhile; make it anew")
    for picture, source in _pictures(path, finding).items():
        PICTURES.mkdir(parents=True, exist_ok=True)
        with new_file(PICTURES / picture) as temporary:
            shutil.copyfile(source, temporary)
    finding = Finding(**{**asdict(finding), "pictures": list(_pictures(path, finding))})
    target = KEPT / finding.paper / f"{finding.artefact}-{finding.name}.json"
    if (
        not replace
        and target.exists()
        and (other := json.loads(target.read_text("utf-8"))["command"]) != finding.command
    ):
        raise InputError(
            f"{path}: {target.name} is kept from another command, `{other}`; add --replace to lose that one"
        )
    with new_file(target) as temporary:
        temporary.write_text(json.dumps(asdict(finding), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return target


def _finding(values: Mapping[str, Any], markdown: str) -> Finding:
    run = values["run"]
    of_runs = run["runs"] or {}
    lines = [line for line in markdown.splitlines() if line.startswith("| ")]
    cells = [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines]
    made = {key: run.get(key) for key in OF_RUN} | ({"commit": of_runs["commit"]} if of_runs else {})
    return Finding(
        paper=values["paper"],
        artefact=values["artefact"],
        name=_name(run),
        run=made,
        command=FOLDERS.sub("", run["command"]).replace(" --resume", "").strip(),
        seconds=_seconds(values),
        rows=[{key: row[key] for key in COMPARED if key in row} for row in values["rows"]],
        headings=cells[0] if cells else [],
        cells=cells[2:],
        notes=values["notes"],
        pictures=[],
        at_most=bool(of_runs) and of_runs.get(EARLIER) is None,
    )


def _seconds(values: Mapping[str, Any]) -> float:
    """Of the command and of the runs that an earlier one made: all of them, where the artefact does not tell which."""
    of_runs = values["run"]["runs"] or {}
    earlier = of_runs.get(EARLIER)
    before = of_runs.get("wall_clock_seconds", 0.0) if earlier is None else earlier
    return float(values["run"]["wall_clock_seconds"] + before)


def _name(run: Mapping[str, Any]) -> str:
    """Setting, version and data in few words, with models (of many the number) and labels where they are chosen."""
    command = run["command"] or ""
    models = [match[1].split(",") for match in re.finditer(r"--models[ =](\S+)", command)]
    chosen = ["-".join(each) if len(each) <= NAMED else f"{len(each)}-models" for each in models]
    labels = [match[1] for match in re.finditer(r"source\.label=(\S+)", command)]
    parts = [run["setting"].replace(" ", "-"), run["version"], run["source"], *labels, *chosen]
    return "-".join(dict.fromkeys(parts))


def _pictures(path: Path, finding: Finding) -> dict[str, Path]:
    """The pictures of a figure of a paper by the name that they are kept under; those of tables show no more."""
    if not finding.artefact.startswith("figure"):
        return {}
    found = sorted(path.parent.glob(f"{finding.artefact}*.svg"))
    return {f"{finding.paper}-{finding.name}-{source.name}": source for source in found}
