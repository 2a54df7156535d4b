"""One check of what is asked for, against what papers say they take; sizes of data sets."""

from pathlib import Path
from typing import Any

import pytest

from clickwise.data.prepare import prepare
from clickwise.data.tables import from_frame
from clickwise.errors import InputError
from clickwise.reproduce import PAPERS, sizes
from clickwise.reproduce.artefact import Artefact, Paper, checked_study, study_of
from clickwise.reproduce.job import Job
from clickwise.reproduce.result import Result
from clickwise.reproduce.study import Study


def never(study: Study) -> Result:
    raise AssertionError("nothing is made here")


PAPER = Paper(
    artefacts={
        "plain": Artefact(never),
        "auction": Artefact(never, own=("bids",), split="it sells", simulates="sales"),
    },
    study=lambda job: Study(job, ("lr", "fm")),
    options_for=lambda study: study.rows,
    source="movielens-1m",
    usual=lambda source: {"history_length": 9, "session_length": 3, "users": 50},
    models=["lr", "fm"],
    called="model of ours",
)


def job(artefact: str = "plain", **options: Any) -> Job:
    return Job("ours", artefact, Path("out"), **options)


def test_the_source_and_its_usual_options_are_filled_in() -> None:
    study = checked_study(PAPER, job(source_options={"history_length": 4}))
    assert study.job.source == "movielens-1m"
    assert study.job.source_options == {"history_length": 4, "session_length": 3}  # it has no number of users
    assert study_of(PAPER, job("auction")).job.source == "synthetic"
    assert study_of(PAPER, job(source="amazon")).job.source == "amazon"


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        (job(trials=2), "--trials: is for the paper autoloss"),
        (job(models=("lr", "fn")), "--models: 'fn' is no model of ours; did you mean 'fm'?"),
        (job(own={"bids": {}}), "--set bids.…: plain has no such option"),
        (job("auction", setting="honest"), "--setting: leave it out for auction, it sells"),
        (job("auction", source="amazon"), "--source 'amazon': auction is sales and needs 'synthetic'"),
        (job(source_options={"label": "stars"}), "--set source.label"),
        (job(options={"fmm": {}}), "--set fmm.…: the method is not among the rows; did you mean 'fm'?"),
    ],
)
def test_what_is_not_taken_is_refused(asked: Job, message: str) -> None:
    with pytest.raises(InputError) as raised:
        checked_study(PAPER, asked)
    assert message in str(raised.value)
    checked_study(PAPER, job("auction", own={"bids": {}}, options={"fm": {}}, models=("lr",)))


@pytest.mark.parametrize("name", PAPERS)
def test_every_artefact_of_every_paper_has_a_study(name: str, tmp_path: Path) -> None:
    from importlib import import_module

    paper = import_module(PAPERS[name]).PAPER
    version = "tuned" if name == "combinations" else "paper"
    for artefact in paper.artefacts:
        study = checked_study(paper, Job(name, artefact, tmp_path, version=version))
        assert study.job.source and (study.job.source == "synthetic" or not paper.artefacts[artefact].simulates)


def test_a_missing_item_is_no_item(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import polars as pl

    from clickwise.schema import Field, Schema

    frame = pl.DataFrame(
        {"user": [0, 1] * 30, "item": [None, 1, 2] * 20, "time": range(60), "label": [0, 1, 1, 0] * 15}
    )
    schema = Schema((Field("user", "user"), Field("item", "item")), user="user", item="item", time="time")
    log = prepare(from_frame(frame, "raw"), schema, "chronological", tmp_path / "log")
    monkeypatch.setattr(sizes, "open_table", lambda source, root, **options: (from_frame(frame, "raw"), schema))
    assert sizes.items(Study(job(source="synthetic")), log) == 2 and sizes.samples(log) == 60
