"""``report.html``: one page that needs no network, no script and no other file."""

from html import escape
from importlib.resources import files
from pathlib import Path

from clickwise.files import new_file
from clickwise.report import sections
from clickwise.report.explaining import making_section, reading_section
from clickwise.report.inputs import read_predictions, read_results
from clickwise.report.loss_section import losses_section
from clickwise.report.markup import paragraph
from clickwise.report.reading import Results
from clickwise.report.run_facts import run_line, run_section

CONTENTS = {
    "verdict": "Verdict",
    "reading": "How to read this",
    "leaderboard": "Leaderboard",
    "differences": "Differences",
    "calibration": "Calibration",
    "users": "Users",
    "losses": "Losses",
    "cold-start": "Cold start",
    "cost": "Cost",
    "run": "The run",
    "making": "How the numbers are made",
}


def write_report(results_path: Path, predictions_path: Path, out: Path) -> None:
    """Write the report of a comparison to ``out``.

    Args:
        results_path: ``results.json`` of the comparison.
        predictions_path: its ``predictions.parquet``.
        out: the HTML file; it appears complete or not at all.

    Raises:
        InputError: when a file cannot be read or is not what it should be, or ``out`` cannot be written.
    """
    results = read_results(results_path)
    predictions = read_predictions(predictions_path)
    body = (
        sections.verdict_section(results),
        reading_section(results),
        sections.leaderboard_section(results),
        sections.differences_section(results),
        sections.calibration_section(results, predictions),
        sections.users_section(results, predictions),
        losses_section(results),
        sections.cold_start_section(results),
        sections.cost_section(results),
        run_section(results),
        making_section(results),
    )
    with new_file(out) as temporary:
        temporary.write_text(_page(results, body), encoding="utf-8")


def _page(results: Results, body: tuple[str, ...]) -> str:
    source = escape(str(results["run"]["source"]))
    style = files("clickwise.report").joinpath("style.css").read_text(encoding="utf-8")
    there = {
        identifier: text
        for identifier, text in CONTENTS.items()
        if any(f'<section id="{identifier}"' in part for part in body)
    }
    links = "\n".join(f'<a href="#{identifier}">{escape(text)}</a>' for identifier, text in there.items())
    return "\n".join(
        (
            "<!DOCTYPE html>",
            '<html lang="en">',
            "<head>",
            '<meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<title>clickwise: {source}</title>",
            f"<style>\n{style}</style>",
            "</head>",
            "<body>",
            "<header>",
            f"<h1>Comparison on {source}</h1>",
            paragraph(run_line(results), note=True),
            f'<nav aria-label="Contents">\n{links}\n</nav>',
            "</header>",
            "<main>",
            *body,
            "</main>",
            "</body>",
            "</html>",
            "",
        )
    )
