"""An artefact as data, as a table to read, and as pictures; each file is whole or absent."""

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from clickwise.data.splits import leaks_of
from clickwise.data.storage import PreparedLog
from clickwise.files import new_file
from clickwise.provenance import machine_facts, origin_facts
from clickwise.report.canvas import to_png, to_svg
from clickwise.report.wording import duration
from clickwise.reproduce.job import Job
from clickwise.reproduce.study import EARLIER

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FORMAT, FORMAT_VERSION = "clickwise-reproduction", 1
OF_RUNS = ("command", "commit", "started", "wall_clock_seconds", EARLIER, "options")


@dataclass(frozen=True)
class Result:
    """What an artefact says.

    Attributes:
        title: of the artefact.
        log: what it was made from.
        setting: in words, for the caption.
        rows: of the JSON file: plain values, one entry a row.
        headings, cells: of the table in Markdown.
        notes: sentences below the table.
        figures: by name; the one called as the artefact is the artefact itself.
        facts: further plain values for the JSON file.
        runs: ``OF_RUNS`` of what was trained for it, if anything was; an earlier call may have done so.
    """

    title: str
    log: PreparedLog
    setting: str
    rows: Sequence[Mapping[str, Any]]
    headings: Sequence[str]
    cells: Sequence[Sequence[str]]
    notes: Sequence[str] = ()
    figures: "Mapping[str, Figure]" = field(default_factory=dict)
    facts: Mapping[str, Any] = field(default_factory=dict)
    runs: Mapping[str, Any] | None = None


def write(result: Result, job: Job) -> list[Path]:
    """Write ``artefact.json``, ``artefact.md`` and every figure as PNG and SVG below ``job.out``; their paths."""
    run = run_facts(result, job)
    values = {
        "format": FORMAT, "version": FORMAT_VERSION, "paper": job.paper, "artefact": job.artefact, "run": run,
        "rows": list(result.rows), **result.facts, "notes": list(result.notes),
    }  # fmt: skip
    files: dict[str, bytes] = {
        f"{job.artefact}.json": (json.dumps(values, indent=1, allow_nan=False) + "\n").encode(),
        f"{job.artefact}.md": markdown(result, job, run).encode(),
    }
    for name, figure in result.figures.items():
        files |= {f"{name}.png": to_png(figure), f"{name}.svg": to_svg(figure).encode()}
    for name, content in files.items():
        with new_file(job.out / name) as path:
            path.write_bytes(content)
    return [job.out / name for name in files]


def run_facts(result: Result, job: Job) -> dict[str, Any]:
    """What was run, on what, by which command and commit, and for how long."""
    manifest = result.log.manifest
    return {
        "source": manifest["source"],
        "split": manifest["split"],
        "split_leaks": leaks_of(manifest["split"], result.log.schema),
        "split_seed": manifest["seed"],
        "rows": manifest["rows"],
        "users": manifest["users"],
        "setting": result.setting,
        "version": job.version,
        "seeds": job.seeds,
        "epochs": job.epochs,
        "patience": job.patience,
        "replicates": job.replicates,
        "resumed": job.resume,
        "wall_clock_seconds": time.monotonic() - job.started,
        **origin_facts(),
        **machine_facts(),
        "runs": None if result.runs is None else {key: result.runs.get(key) for key in OF_RUNS},
    }


def markdown(result: Result, job: Job, run: Mapping[str, Any]) -> str:
    """The table, its caption in one sentence, and the notes."""
    lines = [f"# {result.title}", "", _caption(job, run), "", *table(result.headings, result.cells), ""]
    lines += [f"![{name}]({name}.svg)\n" for name in result.figures]
    return "\n".join([*lines, *(f"- {note}" for note in result.notes)]).rstrip() + "\n"


def table(headings: Sequence[str], cells: Sequence[Sequence[str]]) -> list[str]:
    """The lines of a table in Markdown: text on the left, numbers on the right."""
    rule = ["---", *["---:"] * (len(headings) - 1)]
    return [f"| {' | '.join(row)} |" for row in (headings, rule, *cells)]


def _caption(job: Job, run: Mapping[str, Any]) -> str:
    seeds = f"{job.seeds} seed" + ("s" if job.seeds > 1 else "")
    made = f"made by `{run['command'] or 'the Python interface'}` in {duration(run['wall_clock_seconds'])}"
    if run["runs"] is not None:
        since = " since they were last resumed" if job.resume else ""
        whole, earlier = (run["runs"][key] for key in ("wall_clock_seconds", EARLIER))
        made += f", from runs of {duration(whole)}{since} {_when(whole, earlier)} at commit {run['runs']['commit']}"
    return (
        f"Setting: {run['setting']} (split {run['split']} of {run['source']}); version: {job.version}; {seeds}; "
        f"commit {run['commit']}; {made}."
    )


def _when(whole: float, earlier: float) -> str:
    """Whether runs are part of the command's own time."""
    if not earlier:
        return "within it"
    return "before it" if earlier == whole else f"of which {duration(earlier)} before it"
