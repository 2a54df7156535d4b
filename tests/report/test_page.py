"""The report as a reader and a browser meet it."""

import re
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from clickwise.errors import InputError
from clickwise.report.page import CONTENTS, write_report
from clickwise.report.reading import verdict

Write = Callable[[dict[str, Any]], tuple[Path, Path, Path]]
HOSTILE = "<script>alert('$x$')</script>\"&[b]"
VOID = {"meta", "br", "link", "img"}


class Page(HTMLParser):
    """Checks that tags close in order; gathers tags, ids, references and text."""

    def __init__(self, text: str) -> None:
        """Read a whole page."""
        super().__init__()
        self.open: list[str] = []
        self.tags: set[str] = set()
        self.ids: list[str] = []
        self.references: list[str] = []
        self.text = ""
        self.feed(text)
        self.close()
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Record the tag."""
        self.handle_startendtag(tag, attrs)
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Record a tag that closes itself."""
        self.tags.add(tag)
        for name, value in attrs:
            assert not name.startswith("on")
            if name == "id":
                self.ids.append(value or "")
            if name in ("href", "src", "xlink:href", "action"):
                self.references.append(value or "")

    def handle_endtag(self, tag: str) -> None:
        """Close the tag that was opened last."""
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        """Gather the text outside style sheets."""
        if "style" not in self.open:
            self.text += data


def report(results: dict[str, Any], write: Write) -> str:
    paths = write(results)
    write_report(*paths)
    return paths[2].read_text(encoding="utf-8")


def test_the_page_is_whole_and_needs_nothing_else(results: dict[str, Any], write: Write) -> None:
    text = report(results, write)
    page = Page(text)
    assert set(CONTENTS) - {"losses"} <= set(page.ids)
    assert len(page.ids) == len(set(page.ids))
    assert page.tags.isdisjoint({"script", "link", "img", "iframe", "object"})
    assert all(reference.startswith("#") and reference[1:] in page.ids for reference in page.references)
    assert not re.search(r"https?:|src=|@import|url\((?!#)", text)
    assert verdict(results) in page.text
    for words in ("MetaSelector", "0.8172", "[0.8152, 0.8192]", "p < 0.001 ***", "chronological", "123,456", "30.00 %"):
        assert words in page.text
    assert text.count("<svg") == 14  # AUC, LogLoss, 2 differences, 7 calibrations, density, users won, cold start


def test_a_section_on_losses_where_a_controller_weighed_them(results: dict[str, Any], write: Write) -> None:
    weights = {
        "losses": ["focal", "hinge"],
        "epochs": [1],
        "labels": ["no click", "click"],
        "weights": [[[[0.2, 0.8]] * 3] * 2],
    }
    results["methods"]["deepfm"]["loss_weights"] = weights
    text = report(results, write)
    page = Page(text)
    assert set(CONTENTS) == set(CONTENTS) & set(page.ids)
    assert '<a href="#losses">' in text and text.count("<svg") == 15


def test_the_same_input_gives_the_same_bytes(results: dict[str, Any], write: Write) -> None:
    assert report(results, write) == report(results, write)


def test_hostile_names_are_text(results: dict[str, Any], write: Write) -> None:
    for name in list(results["methods"]):
        if name not in ("deepfm", "oracle"):
            del results["methods"][name]
    results["methods"][HOSTILE] = {**results["methods"].pop("oracle"), "title": HOSTILE}
    results["differences"] = []
    results["run"] |= {"source": HOSTILE, "split": HOSTILE, "command": HOSTILE, "options": {HOSTILE: [HOSTILE]}}
    page = Page(report(results, write))
    assert page.tags.isdisjoint({"script", "b"})
    assert f"Comparison on {HOSTILE}" in page.text
    assert page.text.count(HOSTILE) > 8


def test_missing_pieces(results: dict[str, Any], write: Write) -> None:
    keep = {name: results["methods"][name] for name in ("global-rate", "deepfm")}
    for method in keep.values():
        empty = {"mean": None, "low": None, "high": None}
        method |= {metric: dict(empty) for metric in ("auc", "gauc", "rig", "ece", "pcoc")}
        method["logloss"] |= {"low": None, "high": None}
        method |= {"coverage": None, "users_won": None, "relaimpr": None, "gap_closed": None, "cold_start": []}
        method |= {"train_seconds": None, "predict_seconds": None, "peak_memory_bytes": None, "parameters": None}
        method["epochs"] = []
    results |= {"methods": keep, "differences": []}
    results["run"]["seeds"] = [0]
    page = Page(report(results, write))
    assert "No verdict" in page.text
    assert "no difference was tested" in page.text
    assert "there are no earlier interactions" in page.text
    assert "None" not in page.text.replace("None of", "") and "nan" not in page.text


def test_several_classes(results: dict[str, Any], write: Write) -> None:
    results["methods"] = {name: results["methods"][name] for name in ("fm", "deepfm")}
    results["run"]["classes"] = 5
    text = report(results, write)
    assert "This section does not apply: the label has 5 classes" in Page(text).text
    assert 'id="density-' in text
    assert 'id="calibration-0' not in text


def test_the_oracle_may_stand_without_predictions_but_no_method_may(results: dict[str, Any], write: Write) -> None:
    import polars as pl

    results["methods"] = {name: results["methods"][name] for name in ("fm", "deepfm", "oracle")}
    paths = write(results)
    frame = pl.read_parquet(paths[1])
    frame.drop([f"oracle@{seed}" for seed in range(3)]).write_parquet(paths[1])
    write_report(*paths)
    before = paths[2].read_bytes()
    frame.drop([f"fm@{seed}" for seed in range(3)]).write_parquet(paths[1])
    with pytest.raises(InputError, match="no column 'fm@SEED'"):
        write_report(*paths)
    assert paths[2].read_bytes() == before
    assert sorted(path.name for path in paths[2].parent.iterdir()) == sorted(path.name for path in paths)


def test_weights_of_models_are_told(results: dict[str, Any], write: Write) -> None:
    assert "Mean weight" not in report(results, write)
    results["methods"]["metaselector"] |= {
        "model_weights": {"LR": {"mean": 0.25, "highest": 0.1}, "DeepFM": {"mean": 0.75, "highest": 0.9}},
        "users_without_support": 12,
    }
    page = report(results, write)
    assert "0.250 (10 %)" in page and "0.750 (90 %)" in page
    assert "MetaSelector: 12." in page
