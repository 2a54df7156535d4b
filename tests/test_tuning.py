"""Tuning: a budget of trials on validation rows, never below the method as it is, and resumed to the digit."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from sklearn.metrics import roc_auc_score

from clickwise import tuning_trials
from clickwise.data.storage import PreparedLog
from clickwise.errors import InputError
from clickwise.methods.building import build
from clickwise.prediction import predict
from clickwise.training import fit, seeded
from clickwise.tuning import TRIALS, TUNED, is_tuned, tune
from clickwise.tuning_space import Choices, Range, default_space, parse_space
from clickwise.tuning_trials import Budget, Trial
from tests.commands import refused, run, write_table

pytest.importorskip("optuna")

SPACE = {"learning_rate": Range(1e-3, 1e-1, log=True), "embedding_dim": Choices((2, 4, 8))}
FAST = Budget(trials=6, epochs=2, monitor="auc", device="cpu")


@pytest.fixture
def unread(prepared: PreparedLog) -> PreparedLog:
    """The log with test rows that cannot be read."""
    return replace(prepared, test=None)  # type: ignore[arg-type]


def test_the_best_trial_is_what_it_says(unread: PreparedLog, tmp_path: Path) -> None:
    told: list[Trial] = []
    found = tune(unread, "fm", tmp_path / "out", SPACE, None, FAST, progress=False, told=told.append)
    assert [trial.number for trial in told] == list(range(6)) and list(found.trials) == told
    assert found.trials[0].options == {}
    assert found.best.values[-1] == max(trial.values[-1] for trial in found.trials) >= found.trials[0].values[-1]
    for trial in found.trials[1:]:
        assert 1e-3 <= trial.options["learning_rate"] <= 1e-1 and trial.options["embedding_dim"] in (2, 4, 8)
        assert list(trial.values) == sorted(trial.values)  # the best so far
    with seeded(0):
        method = build("fm", unread.schema, found.options, [])
    fit(method, unread.train, unread.valid, epochs=2, monitor="auc", device="cpu", progress=False)
    auc = roc_auc_score(unread.valid.label, predict(method, unread.valid))
    assert auc == pytest.approx(found.best.values[-1], abs=1e-9)


def test_an_interrupted_tuning_goes_on_to_the_same_end(
    unread: PreparedLog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = tune(unread, "fm", tmp_path / "whole", SPACE, None, FAST, progress=False)
    train, calls = tuning_trials.fit, []

    def breaking(*given: Any, **options: Any) -> Any:
        calls.append(1)
        if len(calls) == 4:
            raise KeyboardInterrupt
        return train(*given, **options)

    with monkeypatch.context() as patched:
        patched.setattr(tuning_trials, "fit", breaking)
        with pytest.raises(KeyboardInterrupt):
            tune(unread, "fm", tmp_path / "parts", SPACE, None, FAST, progress=False)
    assert not (tmp_path / "parts" / TUNED).exists() and not is_tuned(tmp_path / "parts", 3)
    assert len(json.loads((tmp_path / "parts" / TRIALS).read_text())["trials"]) == 3
    with pytest.raises(InputError, match="add --resume"):
        tune(unread, "fm", tmp_path / "parts", SPACE, None, FAST, progress=False)
    resumed = tune(unread, "fm", tmp_path / "parts", SPACE, None, FAST, resume=True, progress=False)
    assert _without_seconds(resumed.trials) == _without_seconds(whole.trials)
    more = tune(unread, "fm", tmp_path / "parts", SPACE, None, replace(FAST, trials=7), resume=True, progress=False)
    assert _without_seconds(more.trials[:6]) == _without_seconds(whole.trials)
    assert is_tuned(tmp_path / "parts", 7) and not is_tuned(tmp_path / "parts", 8)
    with pytest.raises(InputError, match="another 'epochs'"):
        tune(unread, "fm", tmp_path / "parts", SPACE, None, replace(FAST, epochs=3), resume=True, progress=False)


def _without_seconds(trials: tuple[Trial, ...]) -> list[Trial]:
    return [replace(trial, seconds=0.0) for trial in trials]


def test_trials_that_fall_behind_are_stopped_and_one_that_diverges_is_no_best(
    unread: PreparedLog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    aucs = iter([0.7, 0.71, 0.72, *[0.69 - 0.01 * n for n in range(40)]])

    def scripted(method: Any, *given: Any, after_epoch: Any, **options: Any) -> None:
        if method.learning_rate > 9.0:
            raise tuning_trials.TrainingDiverged("loss became nan")
        for _ in range(3):
            after_epoch({"valid_auc": next(aucs)})

    monkeypatch.setattr(tuning_trials, "fit", scripted)
    budget = Budget(trials=12, epochs=3, monitor="auc", pruner="median", device="cpu")
    space = {"learning_rate": Range(1e-3, 1e-1, log=True)}
    found = tune(unread, "fm", tmp_path / "out", space, None, budget, progress=False)
    states = [trial.state for trial in found.trials]
    assert states[0] == "finished" and "stopped" in states
    assert all(len(trial.values) < 3 for trial in found.trials if trial.state == "stopped")
    assert found.best.number == 0 and found.options == {}
    wild = {"learning_rate": Range(9.5, 10.0)}
    found = tune(unread, "fm", tmp_path / "wild", wild, None, replace(budget, trials=3), progress=False)
    assert [trial.state for trial in found.trials] == ["finished", "diverged", "diverged"]
    assert found.best.number == 0


def test_the_estimator_moves_towards_what_was_good(
    unread: PreparedLog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def planted(method: Any, *given: Any, after_epoch: Any, **options: Any) -> None:
        after_epoch({"valid_logloss": (np.log10(method.learning_rate) + 2.0) ** 2})

    monkeypatch.setattr(tuning_trials, "fit", planted)
    space = {"learning_rate": Range(1e-4, 1.0, log=True)}
    found = tune(unread, "fm", tmp_path / "out", space, None, Budget(trials=40, epochs=1), progress=False)
    rates = np.log10([trial.options["learning_rate"] for trial in found.trials[1:]])
    early, late = np.abs(rates[:5] + 2).mean(), np.abs(rates[-15:] + 2).mean()
    assert late < 0.5 * early and found.best.options["learning_rate"] == pytest.approx(1e-2, rel=0.3)


def test_default_space_has_what_the_method_takes(prepared: PreparedLog) -> None:
    def space(name: str) -> dict[str, Any]:
        return {option: str(v) for option, v in default_space(name, build(name, prepared.schema, {}, [])).items()}

    assert space("fm") == {"learning_rate": "0.0003..0.01,log", "weight_decay": "1e-07..0.001,log"}
    assert space("deepfm+focal") == space("fm") | {"dropout": "0..0.5"}
    assert space("lr")["learning_rate"] == "0.01..1,log"  # FTRL


def test_space_as_it_is_written() -> None:
    texts = [
        "deepfm.learning_rate=1e-4..1e-2,log", "deepfm.dropout=0..0.5", "deepfm.embedding_dim=4..32,log",
        "deepfm.hidden_dims=[64,64]|[128]", "deepfm.batch_norm=true|false", "deepfm.optimizer=adam|adagrad",
        "deepfm.weight_decay=1e-6|0",
    ]  # fmt: skip
    assert parse_space(texts, "deepfm") == {
        "learning_rate": Range(1e-4, 1e-2, log=True),
        "dropout": Range(0, 0.5),
        "embedding_dim": Range(4, 32, log=True),
        "hidden_dims": Choices(([64, 64], [128])),
        "batch_norm": Choices((True, False)),
        "optimizer": Choices(("adam", "adagrad")),
        "weight_decay": Choices((1e-6, 0)),
    }
    assert Range(4, 32).whole and not Range(0, 0.5).whole
    assert parse_space(["fm.batch_size=1_000|2_000"], "fm") == {"batch_size": Choices((1000, 2000))}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("learning_rate=1..2", "NAME.OPTION=LOW..HIGH"),
        ("fm.learning_rate", "NAME.OPTION=LOW..HIGH"),
        ("lr.learning_rate=1..2", "the method is 'fm'"),
        ("fm.learning_rat=1..2", "did you mean 'learning_rate'"),
        ("fm.learning_rate=2..1", "ends must be finite and rise"),
        ("fm.learning_rate=1..inf", "ends must be finite and rise"),
        ("fm.learning_rate=0..1,log", "positive on a logarithmic scale"),
        ("fm.learning_rate=a..b", "NAME.OPTION=LOW..HIGH"),
        ("fm.learning_rate=0.1", "at least two"),
        ("fm.learning_rate=[|]", "not YAML"),
        ("fm.learning_rate=0.1|nan", "the number must be finite"),
    ],
)
def test_a_space_that_cannot_be(text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        parse_space([text], "fm")


def test_an_option_stands_in_the_space_once() -> None:
    with pytest.raises(InputError, match=r"learning_rate stands in two of them"):
        parse_space(["fm.learning_rate=1..2", "fm.learning_rate=2|3"], "fm")


@pytest.mark.parametrize(
    ("name", "given", "message"),
    [
        ("stacking", {}, "not trained by gradient steps"),
        ("global-rate", {}, "not trained by gradient steps"),
        ("fm", {"options": {"fm": {"embedding_dim": 4, "learning_rate": 0.1}}}, "stands in --space"),
        ("fm", {"options": {"lr": {"learning_rate": 0.1}}}, "'lr', which is not among the methods fm"),
        ("fm", {"space": {"dropout": Range(0, 0.5)}}, "unknown option 'dropout'"),
        ("fm", {"space": {}}, "nothing is left to tune"),
    ],
)
def test_what_cannot_be_tuned(
    name: str, given: dict[str, Any], message: str, prepared: PreparedLog, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match=message):
        tune(prepared, name, tmp_path / "out", **{"space": SPACE, "budget": FAST, **given})
    assert not (tmp_path / "out").exists()


def test_a_folder_of_something_else(prepared: PreparedLog, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(InputError, match="holds something else"):
        tune(prepared, "fm", tmp_path, SPACE, None, FAST)
    for text, message in (
        ("{", "not JSON"), ("[]", "damaged"), ("{}", "was started with another 'format'"),
    ):  # fmt: skip
        (tmp_path / TRIALS).write_text(text)
        with pytest.raises(InputError, match=message):
            tune(prepared, "fm", tmp_path, SPACE, None, FAST, resume=True)


def test_trials_that_are_damaged_or_of_another_version(
    unread: PreparedLog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def quick(method: Any, *given: Any, after_epoch: Any, **options: Any) -> None:
        after_epoch({"valid_auc": 0.6})

    monkeypatch.setattr(tuning_trials, "fit", quick)
    path = tmp_path / "out" / TRIALS

    def again(trials: int) -> Any:
        budget = replace(FAST, trials=trials)
        return tune(unread, "fm", tmp_path / "out", SPACE, None, budget, resume=True, progress=False)

    first = again(2)
    stored = json.loads(path.read_text())
    path.write_text(json.dumps({key: value for key, value in stored.items() if key != "clickwise"}))
    assert again(2) == first  # what is finished can be read
    with pytest.raises(InputError, match="was begun by another version of clickwise"):
        again(3)
    for trials in (None, [5], [{"number": 0}], [{**stored["trials"][0], "values": 5}]):
        path.write_text(json.dumps({**stored, "trials": trials}))
        with pytest.raises(InputError, match="damaged: a trial lacks something"):
            is_tuned(tmp_path / "out", 2)


def test_a_meta_training_that_diverges_is_a_trial_like_others(unread: PreparedLog, tmp_path: Path) -> None:
    name = "dnn+recurrent-meta"
    given = {name: {"tasks_per_epoch": 8, "embedding_dim": 2, "hidden_dims": [4]}}
    space = {"inner_learning_rate": Choices((0.1, 1e35))}
    budget = Budget(trials=3, epochs=1, pruner="none", device="cpu")
    found = tune(unread, name, tmp_path / "out", space, given, budget, progress=False)
    states = {trial.options.get("inner_learning_rate", 0.1): trial.state for trial in found.trials}
    assert states == {0.1: "finished", 1e35: "diverged"}


@pytest.fixture
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    yield tmp_path


def test_tune_then_train_with_what_it_found(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file, schema = write_table(work)
    words = ("tune", file, "fm", "--schema", schema, "--trials", 3, "--epochs", 2, "--threads", 1, "--out", "tuned")
    words += ("--space", "fm.embedding_dim=2|4", "--space", "fm.learning_rate=0.02..0.2,log", "--set")
    outcome = run(capsys, *words, "fm.batch_size=100")
    assert outcome.status == 0, outcome.err
    lines = outcome.out.splitlines()
    assert len(lines) == 5 and "as it is" in lines[0] and "tuned/tuned.yaml" in lines[-1]
    stored = json.loads((work / "tuned" / TRIALS).read_text())
    best = min(stored["trials"], key=lambda trial: trial["values"][-1])
    expected = {"batch_size": 100, **best["options"]}
    written = yaml.safe_load((work / "tuned" / TUNED).read_text())
    assert written == {"set": [f"fm.{key}={json.dumps(value)}" for key, value in expected.items()]}
    common = (file, "fm", "--schema", schema, "--epochs", 2, "--threads", 1)
    outcome = run(capsys, "train", *common, "--config", "tuned/tuned.yaml", "--out", "model")
    assert outcome.status == 0, outcome.err
    described = json.loads((work / "model" / "model.json").read_text())["method"]["options"]
    assert described["batch_size"] == 100
    assert described["learning_rate"] == expected.get("learning_rate", described["learning_rate"])
    assert f"valid_logloss {best['values'][-1]:.6g}" in outcome.out  # the trial, over again
    assert "--resume" in refused(capsys, *words, "fm.batch_size=100")
    assert run(capsys, *words, "fm.batch_size=100", "--resume").status == 0


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (("--trials", 0), "trials must be at least 1"),
        (("--pruner", "hyperbant"), "did you mean 'hyperband'"),
        (("--monitor", "gauc"), "did you mean 'auc'"),
        (("--space", "fm.dropout=0..0.5"), "unknown option 'dropout'"),
        (("--set", "fm.dropout=0.5"), "unknown option 'dropout'"),
        (("--loss", "focul"), "did you mean 'focal'"),
    ],
)
def test_bad_options(words: tuple[object, ...], named: str, work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file, schema = write_table(work)
    assert named in refused(capsys, "tune", file, "fm", "--schema", schema, "--out", "out", *words)
    assert not (work / "out").exists()


def test_randomness_outside_is_left_alone(unread: PreparedLog, tmp_path: Path) -> None:
    torch.manual_seed(3)
    expected = torch.rand(1)
    torch.manual_seed(3)
    tune(unread, "fm", tmp_path / "out", SPACE, None, replace(FAST, trials=2, epochs=1), progress=False)
    assert torch.equal(torch.rand(1), expected)
