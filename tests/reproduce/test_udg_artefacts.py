"""`clickwise reproduce udg`, end to end on a tiny log: what it writes, how it goes on, and what it refuses."""

import json
from functools import partial
from pathlib import Path

import pytest

from tests.commands import listing, refused
from tests.reproduce.artefacts import check_pictures, make, options

LOG = ("--set", "source.impressions=2500", "--set", "source.users=40", "--set", "source.items=20")
FAST = ("--epochs", 1, "--replicates", 100, "--threads", 1, "--seeds", 2)
SYNTHETIC = ("--source", "synthetic", *LOG)
NEWCOMERS = ("active_above=15", "new_from=8", "new_to=2500", "batch=2")
made = partial(make, "udg")


SMALL = options("pnn.hidden_dims=[8]", "deepfm.hidden_dims=[8]", "deepfm.batch_size=1000", "pnn.batch_size=1000")
WARM_UP = options(*(f"newcomers.{text}" for text in NEWCOMERS), "meta-embedding.ids_per_step=8")


def test_tables_and_figures_share_their_runs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out, words = tmp_path / "out", (*SYNTHETIC, *FAST, *SMALL, "--models", "pnn")
    table2 = made(capsys, out, "table2", *words, "--setting", "honest")
    assert [row["gate"] for row in table2["rows"]] == ["", "udg", "doubled", "udg-shuffled", "udg-no-user"]
    results = json.loads((out / "comparison" / "results.json").read_text())
    own = {one["method"]: one for one in results["own_model_differences"] if one["metric"] == "auc"}
    for row in table2["rows"][1:]:
        assert row["against"]["base"]["auc"]["difference"] == pytest.approx(own[row["method"]]["difference"])
        assert row["against"]["base"]["auc"]["p_corrected"] == own[row["method"]]["p_corrected"]
    assert len(table2["verdict"]) == 3 and set(table2["verdict"]) <= set(table2["notes"])
    text = (out / "table2.md").read_text()
    assert "| ECE | PCOC |" in text and "split chronological" in text
    stamp = (out / "comparison" / "results.json").stat().st_mtime_ns
    table3 = made(capsys, out, "table3", *words, "--setting", "honest")
    base, doubled, gated = (row["parameters"] for row in table3["rows"])
    assert base < gated and base < doubled < 2 * base
    figure2 = made(capsys, out, "figure2", *words, "--setting", "honest")
    assert [row["method"] for row in figure2["rows"]] == ["pnn", "pnn~udg"]
    assert figure2["rows"][1]["auc"] == table2["rows"][1]["auc"]
    figure3 = made(capsys, out, "figure3", *words, "--setting", "honest")
    assert not (out / "hidden").exists()
    assert {len(points) for points in figure3["points"].values()} == {len(figure3["label"])}
    apart = [row["silhouette"]["mean"] for row in figure3["rows"]]
    assert figure3["rows"][1]["against_base"]["difference"] == pytest.approx(apart[1] - apart[0])
    check_pictures(out, "table2", "figure2", "figure3")
    assert (out / "comparison" / "results.json").stat().st_mtime_ns == stamp
    line = refused(capsys, "reproduce", "udg", "table2", *words, "--setting", "honest", "--out", out, "--patience", 5)
    assert "'patience'" in line


def test_the_published_setting_divides_at_random_and_trains_three_epochs_at_most(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = (*SYNTHETIC, *FAST[2:-2], "--seeds", 1, "--epochs", 30, *SMALL)
    found = made(capsys, tmp_path / "out", "figure3", *words)
    assert found["run"]["split"] == "random-per-user" and (tmp_path / "out" / "hidden").exists()
    assert found["run"]["runs"]["options"]["epochs"] == 3
    assert "| ECE |" not in (tmp_path / "out" / "figure3.md").read_text()


def test_the_ab_test_counts_what_it_shows(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = (*LOG, *FAST, *SMALL, *options("traffic.requests=500"))
    found = made(capsys, tmp_path / "out", "table4", *words)
    assert [row["method"] for row in found["rows"]] == ["deepfm~udg", "deepfm~udg-shuffled"]
    for row in found["rows"]:
        arms = row["arms"]
        assert arms["control"]["impressions"] + arms["treatment"]["impressions"] == found["requests"] == 500
        assert arms["control"]["users"] + arms["treatment"]["users"] == found["users"] <= 40
        lift = arms["treatment"]["rate"] / arms["control"]["rate"] - 1
        assert row["observed"]["lift"] == pytest.approx(lift)
        assert row["of_oracle"]["lift"] > max(0, row["true"]["lift"])
        assert row["sample_size"]["impressions_needed"]["paper"] > 500
    check_pictures(tmp_path / "out", "table4")


def test_new_users_with_the_generator_and_without(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out, words = tmp_path / "out", (*SYNTHETIC, *FAST, *SMALL, *WARM_UP, "--models", "pnn")
    table5 = made(capsys, out, "table5", *words)
    rows = {(row["phase"], row["start"]): row for row in table5["rows"]}
    assert {phase for phase, _ in rows} == {"cold", "a", "b", "c"} and table5["users"] >= 2
    for (phase, start), row in rows.items():
        if start == "generator":
            continue
        for metric in ("auc", "logloss"):
            told = row["generator_minus"][metric]
            assert told["difference"] == pytest.approx(rows[phase, "generator"][metric] - row[metric])
            assert told["p"] <= told["p_corrected"] <= 1
    folders = list((out / "newcomers").iterdir())
    stamp = {path: path.stat().st_mtime_ns for path in folders[0].rglob("*")}
    figure4 = made(capsys, out, "figure4", *words)
    assert figure4["rows"] == table5["rows"]
    check_pictures(out, "figure4-auc", "figure4-logloss")
    assert {path: path.stat().st_mtime_ns for path in folders[0].rglob("*")} == stamp
    assert list((out / "newcomers").iterdir()) == folders


def test_table1_counts_what_the_log_holds(
    tmp_path: Path, shared_data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ("--source", "movielens-100k", "--data-root", shared_data)
    found = {row["statistic"]: row for row in made(capsys, tmp_path / "out", "table1", *words)["rows"]}
    assert (found["users"]["ours"], found["users"]["published"]) == (943, 26_083)
    assert (found["records"]["ours"], found["records"]["published"]) == (100_000, 573_534)


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (("table7",), "did you mean 'table"),
        (("table2", "--trials", 3), "for the paper autoloss"),
        (("table2", "--models", "deepfn"), "did you mean 'deepfm'"),
        (("table2", "--models", "fm"), "no model with an MLP"),
        (("table2", *SYNTHETIC, *options("pnn~udgs.gate_dim=3")), "did you mean 'pnn~udg'"),
        (("table2", *SYNTHETIC, *options("nfm.dropout=0.1")), "not among the rows"),
        (("table2", *SYNTHETIC, *options("pnn~udg.gate_dims=3")), "unknown option 'gate_dims'"),
        (("table2", *options("traffic.requests=3")), "table2 has no such option"),
        (("table2", *options("source.label=stars")), "the paper's labels are 'binary'"),
        (("table4", "--setting", "honest"), "last day"),
        (("table5", "--setting", "published"), "holds users out"),
        (("table4", "--source", "movielens-1m"), "needs 'synthetic'"),
        (("table4", *LOG, *options("traffic.requests=0")), "positive whole number"),
        (("table4", *LOG, *options("traffic.request=9")), "only traffic.requests"),
        (("table5", *SYNTHETIC, *options("newcomers.batches=9")), "did you mean 'batch'"),
        (("table5", *SYNTHETIC, *options("newcomers.batch=true")), "positive whole number"),
        (("table5", *SYNTHETIC, *options("meta-embedding.gama=9")), "did you mean 'gamma'"),
        (
            ("figure4", *SYNTHETIC, *WARM_UP, *options("meta-embedding.gamma=x")),
            "meta-embedding(pnn~udg): gamma must be a number, not 'x'",
        ),
        (("figure4", *SYNTHETIC, *WARM_UP, *options("meta-embedding.pretrain=true")), "is not free here"),
        (("table2", *options("meta-embedding.gamma=0.2")), "not among the rows"),
    ],
    ids=lambda value: " ".join(map(str, value)) if isinstance(value, tuple) else value,
)
def test_bad_input(words: tuple[object, ...], named: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert named in refused(capsys, "reproduce", "udg", *words, "--out", tmp_path / "out")
    assert not [name for name in listing(tmp_path) if ".json" in name]
