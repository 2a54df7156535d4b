"""The main job: train methods and controls on one log for several seeds, and compare them on its test rows.

Each method and seed has a folder below ``out/runs``. A finished one holds the trained model and its predictions, so an
interrupted comparison goes on where it stopped: finished runs are read, the current one resumes from its checkpoint.
"""

import json
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from clickwise.comparison import (
    FORMAT,
    FORMAT_VERSION,
    REPLICATES,
    Comparison,
    best_model,
    label_facts,
    machine_facts,
    prediction_table,
    score,
)
from clickwise.data.splits import SPLITS
from clickwise.data.storage import PreparedLog
from clickwise.errors import InputError
from clickwise.files import new_file
from clickwise.memory import PeakMemory
from clickwise.methods.catalogue import build, entry, expand
from clickwise.methods.method import Method
from clickwise.metrics.pointwise import auc, logloss
from clickwise.model_folder import load_model, save_model
from clickwise.prediction import predict
from clickwise.runlog import HISTORY
from clickwise.training import Progression, fabric_for, fit, seeded

PLAN, RUNS, FINISHED, MODEL = "plan.json", "runs", "finished.json", "model"


@dataclass(frozen=True)
class Plan:
    """What is trained, and how. Two comparisons with equal plans on equal logs give equal results.

    Attributes:
        methods: names or groups, as in ``clickwise.methods.catalogue``.
        seeds: number of training seeds, 0 to ``seeds - 1``.
        options: by method, options of its constructor and of ``Supervised``.
        epochs, patience, monitor, device, precision: as in ``fit``.
        replicates: bootstrap resamples of the users.
    """

    methods: Sequence[str]
    seeds: int = 1
    options: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    epochs: int = 30
    patience: int = 2
    monitor: str = "logloss"
    device: str = "auto"
    precision: str = "32-true"
    replicates: int = REPLICATES

    def __post_init__(self) -> None:
        if self.seeds < 1:
            raise InputError(f"seeds must be at least 1, not {self.seeds}")
        if self.replicates < 100:
            raise InputError(f"replicates must be at least 100, not {self.replicates}")


@dataclass(frozen=True)
class Trained:
    """One method trained with one seed."""

    method: Method
    test: npt.NDArray[np.float32]
    facts: dict[str, Any]


def run_comparison(log: PreparedLog, plan: Plan, out: Path, resume: bool = False, progress: bool = True) -> Comparison:
    """Train what the plan names, compare it on the test rows, and write everything below ``out``.

    Raises:
        InputError: a method or option that is not known, an ``out`` in use, or a ``resume`` with another plan.
    """
    started, clock = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), time.monotonic()
    fabric_for(plan.epochs, plan.patience, plan.monitor, plan.device, plan.precision)
    names = expand(plan.methods, log.schema)
    if stray := [name for name in plan.options if name not in names]:
        raise InputError(f"options are given for {stray[0]!r}, which is not among the methods {', '.join(names)}")
    for name in names:
        if entry(name).group != "combination":
            build(name, log.schema, plan.options.get(name, {}), [])  # a wrong option must not surface after an hour
    _claim(out, {"log": log.manifest["key"], **asdict(plan), "methods": names}, resume)
    trained: dict[str, list[Trained]] = {}
    for name in names:
        random = entry(name).group != "control"
        trained[name] = [
            _train(
                log,
                plan,
                name,
                seed,
                [trained[m][seed].method for m in trained if entry(m).group == "model"],
                out,
                progress,
            )
            for seed in range(plan.seeds if random else 1)
        ]
    table = prediction_table(
        log.test, {name: [run.test for run in runs] for name, runs in trained.items()}, range(plan.seeds)
    )
    reference = best_model(
        {name: float(np.mean([run.facts["valid_auc"] for run in runs])) for name, runs in trained.items()}
    )
    scored = score(table, reference, plan.replicates)
    for name, runs in trained.items():
        scored["methods"][name] |= _costs([run.facts for run in runs])
    facts = _run_facts(log, plan, started, time.monotonic() - clock)
    comparison = Comparison({"format": FORMAT, "version": FORMAT_VERSION, "run": facts, **scored}, table)
    comparison.save(out)
    return comparison


def _claim(out: Path, plan: dict[str, Any], resume: bool) -> None:
    """Make ``out`` the folder of this comparison, or see that it is."""
    wanted = json.loads(json.dumps(plan))
    path = out / PLAN
    if path.exists():
        if not resume:
            raise InputError(f"{out}: holds a comparison already; add --resume to go on with it, or name another --out")
        found = json.loads(path.read_text(encoding="utf-8"))
        if changed := [key for key in wanted if found.get(key) != wanted[key]]:
            raise InputError(
                f"{out}: was started with another {changed[0]!r}; resume with the same options, or name another --out"
            )
        return
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise InputError(f"{out}: exists and holds something else; name another --out")
    with new_file(path) as temporary:
        temporary.write_text(json.dumps(wanted, indent=1) + "\n", encoding="utf-8")


def _train(
    log: PreparedLog, plan: Plan, name: str, seed: int, models: list[Method], out: Path, progress: bool
) -> Trained:
    folder = out / RUNS / f"{name.replace(':', '.')}@{seed}"
    if (folder / FINISHED).exists():
        trusted = [name.partition(":")[0]] if ":" in name else []
        facts = json.loads((folder / FINISHED).read_text(encoding="utf-8"))
        return Trained(
            load_model(folder / MODEL, trusted).method, np.load(folder / "test.npy", allow_pickle=False), facts
        )
    with seeded(seed):
        method = build(name, log.schema, plan.options.get(name, {}), models)
    clock = time.monotonic()
    with PeakMemory() as memory:
        progression = fit(
            method, log.train, log.valid, epochs=plan.epochs, patience=plan.patience, monitor=plan.monitor, seed=seed,
            device=plan.device, precision=plan.precision, folder=folder, resume=True, progress=progress,
        )  # fmt: skip
        seconds = sum(row["seconds"] for row in progression.history) or time.monotonic() - clock
        valid = predict(method, log.valid)
        clock = time.monotonic()
        test = predict(method, log.test)
    facts = {
        "train_seconds": seconds,
        "predict_seconds": time.monotonic() - clock,
        "peak_memory_bytes": memory.bytes,
        "best_epoch": progression.best_epoch or None,
        "parameters": sum(parameter.numel() for parameter in method.parameters()),
        "valid_auc": auc(log.valid.label, valid),
        "valid_logloss": logloss(log.valid.label, valid),
    }
    shutil.rmtree(folder / MODEL, ignore_errors=True)
    save_model(method, folder / MODEL, log)
    with new_file(folder / "test.npy") as path, path.open("wb") as file:
        np.save(file, test, allow_pickle=False)
    with new_file(folder / FINISHED) as path:
        path.write_text(json.dumps(facts, indent=1) + "\n", encoding="utf-8")
    return Trained(method, test, facts)


def train_one(
    log: PreparedLog,
    name: str,
    options: Mapping[str, Mapping[str, Any]],
    out: Path,
    *,
    seed: int,
    resume: bool,
    **fit_options: Any,
) -> Progression:
    """Train one method and write its model folder ``out``; until it is whole, the run lives in ``out`` + ``.training``.

    Args:
        log: the encoded log.
        name: a name of the catalogue that needs no trained models.
        options: as in ``Plan``.
        out: the model folder; must not exist, or be empty.
        seed: of weights, order and dropout.
        resume: go on with an interrupted run.
        fit_options: of ``fit``.

    Raises:
        InputError: an option that is not known, an ``out`` in use, or a run to resume that is not there.
    """
    if entry(name).group == "combination":
        raise InputError(f"method {name!r} combines trained models; `clickwise compare` trains it beside them")
    if stray := [other for other in options if other != name]:
        raise InputError(f"options are given for {stray[0]!r}; the method is {name!r}")
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise InputError(f"{out}: exists already; name a new folder for the model")
    folder = out.with_name(out.name + ".training")
    if folder.exists() and not resume:
        raise InputError(f"{folder}: an unfinished run is there; add --resume to go on with it, or remove it")
    with seeded(seed):
        method = build(name, log.schema, options.get(name, {}), [])
    progression = fit(method, log.train, log.valid, seed=seed, folder=folder, resume=True, **fit_options)
    save_model(method, out, log)
    if (folder / HISTORY).exists():
        shutil.move(folder / HISTORY, out / HISTORY)
    shutil.rmtree(folder, ignore_errors=True)
    return progression


def _costs(facts: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Costs over the seeds of one method: mean seconds, largest memory, best epoch of each seed."""

    def mean(key: str) -> float:
        return float(np.mean([fact[key] for fact in facts]))

    return {
        "train_seconds": mean("train_seconds"),
        "predict_seconds": mean("predict_seconds"),
        "peak_memory_bytes": max(fact["peak_memory_bytes"] for fact in facts),
        "epochs": [fact["best_epoch"] for fact in facts if fact["best_epoch"] is not None],
        "parameters": facts[0]["parameters"],
        "valid": {"auc": mean("valid_auc"), "logloss": mean("valid_logloss")},
    }


def _run_facts(log: PreparedLog, plan: Plan, started: str, seconds: float) -> dict[str, Any]:
    return {
        "source": log.manifest["source"],
        "split": log.manifest["split"],
        "split_leaks": SPLITS[log.manifest["split"]].leaks,
        "split_seed": log.manifest["seed"],
        "seeds": list(range(plan.seeds)),
        "options": json.loads(json.dumps(asdict(plan))),
        "rows": log.manifest["rows"],
        "users": log.manifest["users"],
        **label_facts(log.test),
        **machine_facts(),
        "started": started,
        "wall_clock_seconds": seconds,
        "command": " ".join(["clickwise", *sys.argv[1:]]) if Path(sys.argv[0]).stem == "clickwise" else None,
        "commit": _commit(),
    }


def _commit() -> str | None:
    """Commit of the checkout that clickwise runs from; None for an installed package."""
    here = Path(__file__).resolve().parent
    if not (here.parents[1] / ".git").exists():
        return None
    found = subprocess.run(
        ["git", "-C", str(here), "describe", "--always", "--dirty"], capture_output=True, text=True, check=False
    )
    return found.stdout.strip() or None
