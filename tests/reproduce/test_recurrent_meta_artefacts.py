"""`clickwise reproduce recurrent-meta`, end to end on a tiny log: what it writes, reads again, and refuses."""

from functools import partial
from pathlib import Path

import pytest

from clickwise.reproduce.recurrent_meta import runs
from clickwise.reproduce.study import EARLIER
from tests.commands import listing, refused
from tests.reproduce.artefacts import make, options

LOG = (
    *("--set", "source.impressions=2500", "--set", "source.users=150", "--set", "source.items=30"),
    *("--set", "source.click_rate=0.4", "--set", "source.session_length=5"),
)
FAST = ("--epochs", 1, "--replicates", 100, "--threads", 1, "--seeds", 2, "--device", "cpu")
SYNTHETIC = ("--source", "synthetic", *LOG, *FAST)
made = partial(make, "recurrent-meta")


COLD = options("sessions.published_size=false", "sessions.least=6", "sessions.batch=3", "sessions.warm_users=0.5")
SMALL = options("dnn.hidden_dims=[8]", "meta-interaction.hidden_dims=[8]")
OURS = "meta-interaction+sequential-meta"
MODELS = ("--models", f"dnn,{OURS},meta-interaction+recurrent-meta")


def test_the_published_setting(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out, words = tmp_path / "out", (*SYNTHETIC, *COLD, *SMALL, *MODELS)
    table2 = made(capsys, out, "table2", *words)
    stages = ["before", "FT-A", "FT-B", "FT-C"]
    assert [row["stage"] for row in table2["rows"] if (row["subset"], row["row"]) == ("WC", OURS)] == stages
    assert {row["row"] for row in table2["rows"]} == {"mean-logit", *MODELS[1].split(",")}
    for row in table2["rows"]:
        assert 0 <= row["auc"] <= 1 and row["standard_error"] >= 0 and row["published"] is None
        assert len(row["seeds"]) == (1 if row["row"] == "mean-logit" else 2)
        assert (row["against"] is None) == (row["row"] == "mean-logit")
        assert (row["total_loss"] is not None) == (row["row"] == OURS)
    assert table2["subsets"]["WC"]["test"] == table2["rows"][0]["test_rows"]
    assert set(table2["verdict"]) <= set(table2["notes"])
    before = {path: path.stat().st_mtime_ns for path in (out / "runs").rglob("*.npz")}
    figure4 = made(capsys, out, "figure4", *words)
    assert table2["run"]["runs"][EARLIER] == 0
    assert figure4["run"]["runs"][EARLIER] == table2["run"]["runs"]["wall_clock_seconds"]
    assert {path: path.stat().st_mtime_ns for path in (out / "runs").rglob("*.npz")} == before
    assert {row["part"] for row in figure4["rows"]} == {"WC", "CW"}
    for name in ("figure4-wc-boxes", "figure4-wc-ridges", "figure4-cw-boxes", "figure4-cw-ridges"):
        assert (out / f"{name}.png").read_bytes().startswith(b"\x89PNG")
    of_ours = (*SYNTHETIC, *COLD, *SMALL[-2:], "--models", f"{OURS},meta-interaction-no-lstm")
    table5 = made(capsys, out, "table5", *of_ours)
    ours = [[row["auc"] for row in table["rows"] if row["row"] == OURS] for table in (table2, table5)]
    assert ours[0] == ours[1]
    changed = made(capsys, out, "table2", *words, "--set", "dnn.embedding_dim=3", "--seeds", 1)
    assert len(list((out / "runs").iterdir())) == 8 + 2 + 2
    assert len(changed["rows"][1]["seeds"]) == 1


def test_runs_of_code_that_gave_others_are_not_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    words = (*SYNTHETIC, *COLD, *SMALL[:2], "--models", "dnn", "--seeds", 1)
    made(capsys, tmp_path / "out", "table2", *words)
    earlier = {*(tmp_path / "out" / "runs").rglob("*.npz")}
    monkeypatch.setattr(runs, "RUNS_VERSION", runs.RUNS_VERSION + 1)
    made(capsys, tmp_path / "out", "table2", *words)
    assert len({*(tmp_path / "out" / "runs").rglob("*.npz")} - earlier) == len(earlier) == 4


def test_the_honest_setting(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out, words = tmp_path / "out", (*SYNTHETIC, *SMALL, *MODELS, "--setting", "honest")
    table2 = made(capsys, out, "table2", *words)
    assert table2["run"]["split"] == "chronological"
    rows = {row["row"]: row for row in table2["rows"]}
    assert rows["dnn"]["adaptation"] is None and rows["mean-logit"]["against"] is None
    for name in (OURS, "meta-interaction+recurrent-meta"):
        gained = rows[name]["adaptation"]["auc"]["difference"]
        assert gained == pytest.approx(rows[name]["auc"]["mean"] - rows[name]["not_adapted"]["mean"])
    assert rows["dnn"]["test_rows"] == table2["run"]["rows"]["test"]
    figure4 = made(capsys, out, "figure4", *words)
    assert {row["part"] for row in figure4["rows"]} == {"users"}
    assert (out / "figure4-users-boxes.svg").exists() and (out / "figure4-users-ridges.svg").exists()


def test_without_adaptation_a_session_adapts_to_no_test_row_either(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    name = "meta-interaction+recurrent-meta"
    words = (
        *SYNTHETIC,
        *SMALL,
        "--setting",
        "honest",
        "--models",
        f"dnn,{name}",
        *options(f"{name}.query_size=1", f"{name}.tasks_per_epoch=20"),
    )
    of_user, of_session = (
        next(
            row
            for row in made(capsys, tmp_path / task, "table2", *words, "--set", f"{name}.task={task}")["rows"]
            if row["row"] == name
        )
        for task in ("user", "session")
    )
    assert of_user["not_adapted"] == of_session["not_adapted"]
    assert of_user["auc"]["mean"] != of_session["auc"]["mean"]


def test_table1_counts_what_the_log_holds(
    tmp_path: Path, shared_data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ("--source", "movielens-100k", "--data-root", shared_data)
    found = {row["statistic"]: row["ours"] for row in made(capsys, tmp_path / "out", "table1", *words)["rows"]}
    assert (found["users"], found["items"], found["samples"]) == (943, 1682, 100_000)
    assert found["sparsity"] == pytest.approx(100_000 / (943 * 1682))


def test_a_sample_of_avazu_says_what_is_missing(
    tmp_path: Path, shared_data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = made(capsys, tmp_path / "out", "table4", "--data-root", shared_data)
    assert "no user has 20 rows" in found["missing"] and len(found["rows"]) == 24
    assert found["rows"][0]["published"] == {"loss": 1.3531, "auc": 0.7035}


@pytest.mark.parametrize(
    ("word", "named"),
    [
        ("sessions.least=0", "least, stride and batch must be at least 1"),
        ("sessions.warm_users=7.0", "warm_users must lie between 0 and 1, not 7.0"),
        ("sessions.sessions=al", "sessions 'al' is unknown"),
        ("sessions.least=1000", "no user has 1000 rows"),
        ("source.session_length=500", "no user has 20 rows"),
    ],
)
def test_only_a_sample_leaves_the_published_values_alone(
    word: str, named: str, tmp_path: Path, shared_data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ("recurrent-meta", "table4", "--data-root", shared_data, *options(word), "--out", tmp_path / "out")
    assert named in refused(capsys, "reproduce", *words)
    assert not [name for name in listing(tmp_path) if "table4" in name]


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (("table7",), "did you mean 'table"),
        (("table2", "--trials", 3), "for the paper autoloss"),
        (("table2", "--models", "dnm"), "did you mean 'dnn'"),
        (("table2", *options("source.label=stars")), "the paper's labels are 'binary'"),
        (("table2", *options("sessions.leest=3")), "did you mean 'least'"),
        (("table2", *options("sessions.least=true")), "give a value such as 20"),
        (("table1", *options("sessions.least=3")), "table1 has no such option"),
        (("table2", "--setting", "honest", *options("sessions.least=3")), "of the published setting"),
        (("table2", *options("ffm.dropout=0.1")), "not among the rows"),
        (("table2", *SYNTHETIC, *COLD, *options("dnn.hidden_dim=[3]")), "did you mean 'hidden_dims'"),
        (("figure4", *SYNTHETIC, *COLD, *options("sessions.batch=500")), "0 values of WC show no spread"),
        (("table2", *SYNTHETIC), "give published_size=false, or a smaller batch"),
        (("table2", "--source", "synthetic", *LOG[:-2]), "give the source a session_length"),
    ],
    ids=lambda value: " ".join(map(str, value)) if isinstance(value, tuple) else value,
)
def test_bad_input(words: tuple[object, ...], named: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    if words[-1] == LOG[-3]:
        words = (*words, *options("source.session_length=0"))
    assert named in refused(capsys, "reproduce", "recurrent-meta", *words, "--out", tmp_path / "out")
    assert not [name for name in listing(tmp_path) if ".json" in name or ".npz" in name]
