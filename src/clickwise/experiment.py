"""The main job: train methods and controls on one log for several seeds, and compare them on its test rows.

Each method and seed has a folder below ``out/runs``. A finished one holds the trained model and its predictions, so an
interrupted comparison goes on where it stopped: finished runs are read, the current one resumes from its checkpoint.
"""

import json
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from clickwise.comparison import (
    FORMAT,
    FORMAT_VERSION,
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
from clickwise.files import is_taken, new_file
from clickwise.methods.catalogue import build, entry, expand
from clickwise.methods.method import Method
from clickwise.runs import Plan, Trained, costs, train_run
from clickwise.training import fabric_for

PLAN = "plan.json"


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
        if not entry(name).made_of_models:
            build(name, log.schema, plan.options.get(name, {}), [])  # a wrong option must not surface after an hour
    _claim(out, {"log": log.manifest["key"], **asdict(plan), "methods": names}, resume)
    trained: dict[str, list[Trained]] = {}
    for name in names:
        seeds = 1 if entry(name).group == "control" else plan.seeds  # a control has no randomness
        trained[name] = [
            train_run(log, plan, name, seed, _models(trained, name, seed), _run(out, name, seed), progress)
            for seed in range(seeds)
        ]
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


def _models(trained: Mapping[str, Sequence[Trained]], name: str, seed: int) -> list[Method]:
    """The trained models of a seed that a method is made of."""
    found = entry(name)
    if not found.made_of_models:
        return []
    models = [runs[seed] for other, runs in trained.items() if entry(other).group == "model"]
    if found.of_best:
        models = [min(models, key=lambda model: float(model.facts["valid_logloss"]))]
    return [model.method for model in models]


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


def _run(out: Path, name: str, seed: int) -> Path:
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
