"""What is declared of recurrent meta-learning: its numbers, rows and hyper-parameters; its errors and fine-tuning."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import stats

from clickwise.data.cold_start import FINE_TUNING, generalised_cold_start
from clickwise.data.opening import load
from clickwise.data.storage import PreparedLog
from clickwise.errors import InputError
from clickwise.methods.supervised import Supervised
from clickwise.metrics.pointwise import auc, logloss
from clickwise.models import DNN
from clickwise.prediction import predict
from clickwise.reproduce.artefact import study_of
from clickwise.reproduce.job import Job
from clickwise.reproduce.recurrent_meta.errors import components, difference, standard_error
from clickwise.reproduce.recurrent_meta.figure import of_batches, of_users
from clickwise.reproduce.recurrent_meta.fine_tuning import fine_tune, tasks_of, total_loss
from clickwise.reproduce.recurrent_meta.notes import notes_of
from clickwise.reproduce.recurrent_meta.paper import PAPER
from clickwise.reproduce.recurrent_meta.published import (
    ABLATIONS,
    AVAZU,
    BOOK_CROSSING,
    COMPETITORS,
    MAIN,
    MOVIELENS,
    OURS,
    TABLE_1,
    TABLE_2,
    TABLE_3,
    TABLE_4,
    TABLE_5,
)
from clickwise.reproduce.recurrent_meta.rows import BILEVEL, CONTROL, ROWS, make, options_for, trained
from clickwise.reproduce.recurrent_meta.runs import Outcome
from clickwise.reproduce.recurrent_meta.values import of, values, verdict


def test_published_numbers_are_those_of_the_paper() -> None:
    assert TABLE_2[OURS]["WC", "FT-C"] == (0.4730, 0.8167) and TABLE_2[OURS]["CW", "FT-C"] == (0.3001, 0.8480)
    assert TABLE_2["dien"]["CW", "FT-A"] == (4.2122, 0.5689) and TABLE_2["mamo"]["WC", "FT-B"] == (0.6068, 0.6949)
    assert TABLE_3["wide-deep"]["CW", "FT-C"] == (1.7849, 0.6824)
    assert TABLE_4["dnn+melu"]["WC", "FT-C"] == (1.2893, 0.6347)
    best = [max(TABLE_2[name][subset, "FT-C"][1] for name in COMPETITORS) for subset in ("WC", "CW")]
    assert best == [0.7859, 0.8013]  # what the text says of the best competitor
    assert TABLE_5[MOVIELENS]["meta-interaction-no-attention"]["CW", "FT-B"] == (0.2679, 0.9010)


@pytest.mark.parametrize("data", [MOVIELENS, BOOK_CROSSING, AVAZU])
def test_tables_agree(data: str) -> None:
    for place, told in MAIN[data][OURS].items():
        assert TABLE_5[data][OURS][place] == told
    assert set(MAIN[data]) == {*COMPETITORS, OURS} and set(TABLE_5[data]) == {OURS, *ABLATIONS}
    one = TABLE_1[data]
    assert one["samples"] / (one["users"] * one["items"]) == pytest.approx(one["sparsity"], rel=0.1)


def job(tmp_path: Path, **options: Any) -> Job:
    return Job("recurrent-meta", "table2", tmp_path, **{"source": MOVIELENS, **options})


def test_notes_tell_which_rows_have_no_batches_of_the_paper(tmp_path: Path) -> None:
    told = notes_of(study_of(PAPER, job(tmp_path)))
    assert "batches of 128" in told[-2]
    assert told[-1].startswith("Without such batches: MeLU; MAMO; Ours, bilevel. Their steps are of several tasks")
    assert len(notes_of(study_of(PAPER, job(tmp_path, models=("dnn", OURS))))) == 1
    assert notes_of(study_of(PAPER, job(tmp_path, version="tuned")))[-1].endswith("the defaults of clickwise compare.")


def test_the_usual_options_of_sources(tmp_path: Path) -> None:
    study = study_of(PAPER, Job("recurrent-meta", "table2", tmp_path))
    assert study.job.source == "movielens-1m" and study.rows[0] == CONTROL and len(study.rows) == 14
    assert dict(study.job.source_options) == {"session_length": 9, "shared_vocabulary": True}
    given = study_of(PAPER, job(tmp_path, source="avazu", source_options={"item": "C17"}, models=("din",)))
    assert dict(given.job.source_options) == {"session_length": 9, "user": "device", "item": "C17"}
    assert given.rows == (CONTROL, "din")
    books = study_of(PAPER, Job("recurrent-meta", "table3", tmp_path))
    assert books.job.source == BOOK_CROSSING and books.job.source_options["time"] == "file_order"


def test_the_recipe_of_the_paper(tmp_path: Path) -> None:
    paper, tuned = job(tmp_path), job(tmp_path, version="tuned")
    ours = options_for(OURS, paper, "CW")
    assert (ours["learning_rate"], ours["batch_size"], ours["dropout"]) == (0.01, 128, 0.3)
    assert ours["auxiliary_weight"] == pytest.approx(0.3 / 0.7)
    assert options_for(OURS, job(tmp_path, source=BOOK_CROSSING), "WC")["learning_rate"] == 1e-4
    avazu = [options_for(OURS, job(tmp_path, source=AVAZU), subset) for subset in ("WC", "CW")]
    assert [one["learning_rate"] for one in avazu] == [0.01, 0.001]
    assert [one["auxiliary_weight"] for one in avazu] == pytest.approx([0.7 / 0.3, 0.6 / 0.4])
    assert "learning_rate" not in options_for("meta-embedding", paper, "WC")
    assert options_for("meta-interaction-no-lstm", tuned, "WC") == {"recurrent": False}
    given = job(
        tmp_path,
        options={"dnn": {"hidden_dims": [8], "weight_decay": 0.5, "batch_size": 64}, "dnn+melu": {"inner_steps": 2}},
    )
    melu = options_for("dnn+melu", given, "WC")
    assert (melu["hidden_dims"], melu["inner_steps"], melu["weight_decay"]) == ([8], 2, 0.5)
    assert "batch_size" not in melu  # of users' rows there are no mini-batches


def test_delongs_error_is_that_of_resampled_rows() -> None:
    rng = np.random.default_rng(0)
    label = rng.integers(0, 2, 300)
    first = np.round(1 / (1 + np.exp(-(label + rng.normal(size=300)))), 2)  # with ties
    second = 1 / (1 + np.exp(-(label + 2 * rng.normal(size=300))))
    parts = [components(label, [each]) for each in (first, second)]
    for each, (clicks, others) in zip((first, second), parts, strict=True):
        assert clicks.mean() == pytest.approx(auc(label, each)) == pytest.approx(others.mean())
    drawn = []
    for _ in range(500):
        rows = np.concatenate([rng.choice(np.flatnonzero(label == k), (label == k).sum()) for k in (0, 1)])
        drawn.append([auc(label[rows], each[rows]) for each in (first, second)])
    spread = np.array(drawn)
    assert standard_error(parts[0]) == pytest.approx(spread[:, 0].std(), rel=0.12)
    told = difference(parts[0], parts[1])
    error = (spread[:, 0] - spread[:, 1]).std()
    assert told["standard_error"] == pytest.approx(error, rel=0.12)
    assert told["difference"] == pytest.approx(auc(label, first) - auc(label, second))
    assert told["p"] == pytest.approx(2 * stats.norm.sf(told["difference"] / told["standard_error"]))  # type: ignore[operator]
    assert difference(parts[0], parts[0])["p"] is None
    both = components(label, [first, second])
    assert both[0].mean() == pytest.approx((auc(label, first) + auc(label, second)) / 2)
    with pytest.raises(InputError, match="1 clicks and 2 other rows"):
        components(np.array([1, 0, 0]), [first[:3]])


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> PreparedLog:
    return load(
        "synthetic", split="chronological-per-user", cache=tmp_path_factory.mktemp("cache"), users=150, items=30,
        impressions=2500, click_rate=0.4, session_length=5,
    )  # fmt: skip


SMALL = {name: {"hidden_dims": [8], "embedding_dim": 4} for name in ("dnn", "meta-interaction", "mamo")}


@pytest.mark.parametrize("name", [CONTROL, "dnn", "meta-embedding", "dnn+melu", "mamo", OURS, BILEVEL])
def test_fine_tuning_moves_what_learns_by_steps(log: PreparedLog, name: str, tmp_path: Path) -> None:
    rows = generalised_cold_start(log, least=6, published_size=False).subsets["WC"]
    study = job(tmp_path, source="synthetic", options=SMALL, epochs=1, device="cpu")
    methods = [trained(name, study, "WC", rows.train, rows.valid, seed=0) for _ in range(2)]
    before = predict(methods[0], rows.test)
    for method in methods:
        for further in rows.fine_tuning:
            fine_tune(method, further, rows.train, seed=0)
    after = predict(methods[0], rows.test)
    assert np.array_equal(before, after) == (name == CONTROL)
    np.testing.assert_array_equal(after, predict(methods[1], rows.test))
    assert not methods[0].training
    total = total_loss(methods[0], rows.test, seed=0)
    assert (total is not None) == (name == OURS)
    if total is not None:
        assert total > logloss(rows.test.label, after)


def test_rows_without_labels_fine_tune_nothing(log: PreparedLog) -> None:
    with pytest.raises(InputError, match="fine-tuning needs labels, and these rows were encoded without"):
        fine_tune(Supervised(DNN(log.schema)), replace(log.valid, labelled=False), log.train, seed=0)


def test_tasks_of_fine_tuning_rows_are_their_users_training_rows(log: PreparedLog) -> None:
    rows = generalised_cold_start(log, least=6, published_size=False).subsets["WC"]
    tasks = tasks_of(rows.fine_tuning[0], rows.train, 3)
    assert sum(len(task.query) for task in tasks) == len(rows.fine_tuning[0]) == len(tasks)
    for task in tasks:
        own = rows.train.time[rows.train.user == task.user]
        assert list(task.support.time) == sorted(own)[-3:] and max(own) <= int(task.query.time[0])


def test_values_are_of_the_rows_stages_and_seeds_given(log: PreparedLog) -> None:
    found = generalised_cold_start(log, least=6, published_size=False)
    rng, outcomes = np.random.default_rng(0), {}
    for subset, rows in found.subsets.items():
        for name in (CONTROL, "dnn"):
            said = rng.random((2, 4, len(rows.test))).astype(np.float32)
            outcomes[subset, name] = [Outcome(one, np.full(4, np.nan), 1.5) for one in said]
    entries = values(found, outcomes, TABLE_2)
    assert len(entries) == 2 * 2 * 4
    for one in entries:
        label = found.subsets[one["subset"]].test.label
        stage = ("before", *FINE_TUNING).index(one["stage"])
        said = [each.predictions[stage] for each in outcomes[one["subset"], one["row"]]]
        assert one["auc"] == pytest.approx(np.mean([auc(label, each) for each in said]))
        assert one["logloss"] == pytest.approx(np.mean([logloss(label, each) for each in said]))
        told = TABLE_2.get(one["row"], {}).get((one["subset"], one["stage"]))
        assert one["published"] == (None if told is None else {"loss": told[0], "auc": told[1]})
        assert (one["published"] is not None) == (one["row"] == "dnn" and one["stage"] != "before")
        if one["against"]:
            control = of(entries, one["subset"], CONTROL, one["stage"])
            assert one["against"]["difference"] == pytest.approx(one["auc"] - control["auc"])
            assert one["against"]["p_corrected"] == one["against"]["p"]  # Holm over one row
    assert len(verdict(entries)) == 2 and all("FT-C" in sentence for sentence in verdict(entries))


def test_every_row_builds(log: PreparedLog, tmp_path: Path) -> None:
    for name in ROWS:
        make(name, log.schema, job(tmp_path, source="synthetic"), "WC")


def test_spreads_are_of_full_batches_and_of_users_with_both_labels(log: PreparedLog) -> None:
    said = np.random.default_rng(0).random(len(log.test)).astype(np.float32)
    found = of_batches(log.test, said, 50)
    assert found[0] == auc(log.test.label[:50], said[:50]) and len(found) == len(log.test) // 50
    users = of_users(log.test, [said, said])
    counts = [
        (log.test.user == user).sum() >= 10 and len(set(log.test.label[log.test.user == user])) == 2
        for user in np.unique(log.test.user)
    ]
    assert len(users) == sum(counts) and len(FINE_TUNING) == 3
