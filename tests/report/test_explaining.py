"""What the report explains: the words that it uses, and no others."""

from typing import Any

from clickwise.report.explaining import making_section, reading_section
from clickwise.report.run_facts import run_line, run_section


def test_words_are_explained_where_they_are_used(results: dict[str, Any]) -> None:
    assert "<dt>Control</dt>" in reading_section(results) and "<dt>Upper bound</dt>" in reading_section(results)
    assert "<dt>Gap closed</dt>" in making_section(results)
    results["methods"] = {"deepfm": {**results["methods"]["deepfm"], "gap_closed": None}}
    assert "<dt>AUC</dt>" in reading_section(results)
    assert "<dt>Control</dt>" not in reading_section(results) and "<dt>Upper bound</dt>" not in reading_section(results)
    assert "<dt>Gap closed</dt>" not in making_section(results)


def test_the_run_in_a_line(results: dict[str, Any]) -> None:
    line = run_line(results)
    assert line == "chronological split \u00b7 train 80,000, valid 10,000, test 4,000 rows \u00b7 seeds 0, 1, 2"
    results["run"] = {"source": "mine", "classes": 2, "seeds": [3], "split": None}
    assert run_line(results) == "seed 3"


def test_options_are_written_as_people_write_them(results: dict[str, Any]) -> None:
    results["run"]["options"] = {"methods": ["lr", "fm"], "options": {}, "lr.depth": {"a": [1]}, "device": "auto"}
    section = run_section(results)
    for name, value in (("methods", "lr, fm"), ("options", "none"), ("lr.depth", "{&quot;a&quot;: [1]}")):
        assert f"<dt>{name}</dt><dd>{value}</dd>" in section
    results["run"]["options"] = {}
    assert "<h3>" not in run_section(results)
