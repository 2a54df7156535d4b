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
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from clickwise.comparison import (
    FORMAT,
    FORMAT_VERSION,
    PREDICTIONS,
    REPORT,
    RESULTS,
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
from clickwise.files import is_taken, new_file, new_folder
from clickwise.methods.building import build, options_of, pretraining
from clickwise.methods.catalogue import entry, expand, models_among
from clickwise.methods.method import Method
from clickwise.methods.names import bases
from clickwise.runs import FINISHED, Plan, Trained, costs, train_run
from clickwise.training import fabric_for, seeded

PLAN, BEFORE = "plan.json", "model-"


def run_comparison(log: PreparedLog, plan: Plan, out: Path, resume: bool = False, progress: bool = True) -> Comparison:
    """Train what the plan names, compare it on the test rows, and write everything below ``out``.

    Raises:
        InputError: a method or option that is not known, an ``out`` in use, or a ``resume`` with another plan.
    """
    started, clock = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), time.monotonic()
    fabric_for(plan.epochs, plan.patience, plan.monitor, plan.device, plan.precision)
    names = expand(plan.methods, log.schema)
    taking = {*names, *(base for name in names for base in bases(name))}  # options of a model hold for its variants
    if stray := [name for name in plan.options if name not in taking]:
        raise InputError(f"options are given for {stray[0]!r}, which is not among the methods {', '.join(names)}")
    _try_to_build(log, plan, names)
    _claim(out, _identity(log, plan, names), resume)
    trained: dict[str, list[Trained]] = {}
    for name in names:
        trained[name] = []
        for seed in range(1 if entry(name).group == "control" else plan.seeds):  # a control has no randomness
            _reuse_pretraining(plan, out, name, seed, trained)
            models = _models(log, plan, trained, name, seed)
            trained[name].append(train_run(log, plan, name, seed, models, run_folder(out, name, seed), progress))
    table = prediction_table(
        log.test, {name: [run.test for run in runs] for name, runs in trained.items()}, range(plan.seeds)
    )
    reference = best_model(
        {name: float(np.mean([run.facts["valid_auc"] for run in runs])) for name, runs in trained.items()}
    )
    scored = score(table, reference, plan.replicates)
    for name, runs in trained.items():
        scored["methods"][name] |= costs([run.facts for run in runs])
    facts = _run_facts(log, plan, started, time.monotonic() - clock)
    comparison = Comparison({"format": FORMAT, "version": FORMAT_VERSION, "run": facts, **scored}, table)
    comparison.save(out)
    return comparison


def finished_comparison(log: PreparedLog, plan: Plan, out: Path) -> Comparison | None:
    """What ``run_comparison`` wrote to ``out``; None where it has not come to its end.

    Raises:
        InputError: ``out`` holds a comparison of another log or plan.
    """
    if not (out / REPORT).exists():
        return None
    _claim(out, _identity(log, plan, expand(plan.methods, log.schema)), resume=True)
    results = json.loads((out / RESULTS).read_text(encoding="utf-8"))
    return Comparison(results, pl.read_parquet(out / PREDICTIONS))


def _try_to_build(log: PreparedLog, plan: Plan, names: Sequence[str]) -> None:
    """A wrong option must not surface after an hour."""
    models: list[Method] = []
    of_combinations = models_among(names)
    for name in names:  # those that others are made of come first
        made = build(name, log.schema, options_of(name, plan.options), models if entry(name).made_of_models else [])
        if name in of_combinations:
            models.append(made)


def _models(
    log: PreparedLog, plan: Plan, trained: Mapping[str, Sequence[Trained]], name: str, seed: int
) -> list[Method]:
    """The models of a seed that a method is made of; new ones with the same options where it trains them itself."""
    found = entry(name)
    if not found.made_of_models:
        return []
    names = models_among(trained)
    if pretraining(name, options_of(name, plan.options)) is not None:
        return [_untrained(log, plan, other, seed) for other in names]
    models = [trained[other][seed] for other in names]
    if found.of_best:
        models = sorted(models, key=lambda model: float(model.facts["valid_logloss"]))
    return [model.method for model in models]


def _untrained(log: PreparedLog, plan: Plan, name: str, seed: int) -> Method:
    with seeded(seed):
        return build(name, log.schema, options_of(name, plan.options), [])


def _reuse_pretraining(plan: Plan, out: Path, name: str, seed: int, trained: Mapping[str, Sequence[Trained]]) -> None:
    """Spare a method the pre-training that an earlier one has done on the same rows: copy the checkpoints of it."""
    wanted = pretraining(name, options_of(name, plan.options))
    folder = run_folder(out, name, seed)
    if wanted is None or (folder / FINISHED).exists():
        return
    for other in trained:
        if other == name or pretraining(other, options_of(other, plan.options)) != wanted:
            continue
        for source in sorted(run_folder(out, other, seed).glob(f"{BEFORE}*")):
            if not is_taken(folder / source.name):
                with new_folder(folder / source.name) as temporary:
                    shutil.copytree(source, temporary, dirs_exist_ok=True)
        return


def _identity(log: PreparedLog, plan: Plan, names: Sequence[str]) -> dict[str, Any]:
    return {"log": log.manifest["key"], **asdict(plan), "methods": names}


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
    if is_taken(out):
        raise InputError(f"{out}: exists and holds something else; name another --out")
    with new_file(path) as temporary:
        temporary.write_text(json.dumps(wanted, indent=1) + "\n", encoding="utf-8")


def run_folder(out: Path, name: str, seed: int) -> Path:
    """Where the run of a method and a seed lies, with its ``model`` once it is finished."""
    return out / "runs" / f"{name.replace(':', '.')}@{seed}"


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
        **origin_facts(),
    }


def origin_facts() -> dict[str, str | None]:
    """The command that this process was started by, and the commit of the code; None where there is none."""
    program = Path(sys.argv[0])
    ours = program.stem == "clickwise" or (program.parent.name, program.name) == ("clickwise", "__main__.py")
    command = " ".join(["clickwise", *sys.argv[1:]]) if ours else None
    return {"command": command, "commit": _commit()}


def _commit() -> str | None:
    """Commit of the checkout that clickwise runs from; None for an installed package."""
    here = Path(__file__).resolve().parent
    if not (here.parents[1] / ".git").exists():
        return None
    found = subprocess.run(
        ["git", "-C", str(here), "describe", "--always", "--dirty"], capture_output=True, text=True, check=False
    )
    return found.stdout.strip() or None
