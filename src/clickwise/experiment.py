"""The main job: train methods and controls on one log for several seeds, and compare them on its test rows.

Each method and seed has a folder below ``out/runs``. A finished one holds the trained model and its predictions, so an
interrupted comparison goes on where it stopped: finished runs are read, the current one resumes from its checkpoint.
"""

import json
import shutil
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from clickwise import folders
from clickwise.claims import claimed, require_stamp, stamp
from clickwise.comparison import PREDICTIONS, REPORT, RESULTS, Comparison, best_model, score
from clickwise.data.splits import leaks_of
from clickwise.data.storage import PreparedLog
from clickwise.errors import InputError
from clickwise.files import clear_halves, is_taken, new_folder, write_json
from clickwise.finished_run import FINISHED, MODEL, Trained, own_modules
from clickwise.growth import GROWS, is_to_grow, require_growth
from clickwise.methods.building import build, options_of, pretraining
from clickwise.methods.catalogue import entry, expand, made_of
from clickwise.methods.method import Method
from clickwise.model_folder import load_model
from clickwise.prediction_table import prediction_table, read_table
from clickwise.provenance import code_commit, label_facts, machine_facts, origin_facts
from clickwise.report.inputs import read_results
from clickwise.run_costs import costs
from clickwise.runs import Plan, refuse_stray, train_run
from clickwise.training import fabric_for, seeded

PLAN, BEFORE = folders.COMPARISON, "model-"
PLAN_VERSION = 2
"""Of plan.json and the runs; 1 counted the steps alone as training."""
COMPARISON = "comparison"


def run_comparison(
    log: PreparedLog,
    plan: Plan,
    out: Path,
    resume: bool = False,
    progress: bool = True,
    told: Callable[[str, int, Mapping[str, Any]], None] | None = None,
) -> Comparison:
    """Train what the plan names, compare it on the test rows, and write everything below ``out``.

    Args:
        log: the encoded log.
        plan: what is trained, and how.
        out: folder of the comparison.
        resume: go on with an interrupted comparison of the same plan, or add methods and seeds to one.
        progress: show progress bars.
        told: is called with method, seed and facts of each run once it is finished, or was before.

    Raises:
        InputError: a method or option that is not known, an ``out`` in use, or a ``resume`` with another plan.
    """
    code_commit()
    started, clock = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), time.monotonic()
    fabric_for(plan.epochs, plan.patience, plan.monitor, plan.device, plan.precision)
    names = expand(plan.methods, log.schema)
    refuse_stray(plan.options, names)
    _require_two_classes(log)
    _try_to_build(log, plan, names)
    _claim(out, _identity(log, plan, names), resume)
    clear_halves(out)
    trusted = own_modules(names)
    trained: dict[str, list[Trained]] = {}
    for name in names:
        trained[name] = []
        for seed in range(1 if entry(name).group == "control" else plan.seeds):  # a control has no randomness
            _reuse_pretraining(plan, out, name, seed, trained)
            models = _models(log, plan, trained, name, seed)
            folder = run_folder(out, name, seed)
            trained[name].append(train_run(log, plan, name, seed, models, folder, progress, trusted))
            if told is not None:
                told(name, seed, trained[name][-1].facts)
    table = prediction_table(
        log.test, {name: [run.test for run in runs] for name, runs in trained.items()}, range(plan.seeds)
    )
    costs_of = {name: costs([run.facts for run in runs]) for name, runs in trained.items()}
    on_valid = {name: of["valid"]["auc"] for name, of in costs_of.items()}
    reference = best_model({name: value for name, value in on_valid.items() if value is not None})
    scored = score(table, reference, plan.replicates, click_from=log.schema.click_from)
    for name, of in costs_of.items():
        scored["methods"][name] |= of
    comparison = Comparison.of(_run_facts(log, plan, started, time.monotonic() - clock), scored, table)
    comparison.save(out)
    return comparison


def finished_comparison(log: PreparedLog, plan: Plan, out: Path, resume: bool = False) -> Comparison | None:
    """What ``run_comparison`` wrote to ``out``; None where it has not come to its end.

    Args:
        log, plan, out: as in ``run_comparison``.
        resume: a comparison that may yet grow into this one has not come to its end.

    Raises:
        InputError: ``out`` holds a comparison of another log or plan.
    """
    if not is_finished(out):
        return None
    identity = _identity(log, plan, expand(plan.methods, log.schema))
    found = claimed(out / PLAN, identity, resume=True, what=COMPARISON, may_differ=GROWS if resume else ())
    if found is not None and is_to_grow(found, identity):
        return None
    return Comparison(dict(read_results(out / RESULTS)), read_table(out / PREDICTIONS))


def is_finished(out: Path) -> bool:
    """True where a comparison came to its end in ``out``; the report is what it writes last."""
    return (out / REPORT).exists()


def _require_two_classes(log: PreparedLog) -> None:
    """What cannot be judged must not surface after an hour."""
    for words, part in (("validation", log.valid), ("test", log.test)):
        if len(part) and (part.label == part.label[0]).all():
            raise InputError(f"all {words} rows have the label {part.label[0]}; take a split with two classes in it")


def _try_to_build(log: PreparedLog, plan: Plan, names: Sequence[str]) -> None:
    """A wrong option must not surface after an hour."""
    made: dict[str, Method] = {}
    for name in names:  # those that others are made of come first
        models = [made[other] for other in made_of(name, names)]
        made[name] = build(name, log.schema, options_of(name, plan.options), models)


def _models(
    log: PreparedLog, plan: Plan, trained: Mapping[str, Sequence[Trained]], name: str, seed: int
) -> list[Method]:
    """The models of a seed that a method is made of; new ones with the same options where it trains them itself."""
    names = made_of(name, trained)
    if names and pretraining(name, options_of(name, plan.options)) is not None:
        return [_untrained(log, plan, other, seed) for other in names]
    models = [trained[other][seed] for other in names]
    if entry(name).of_best:
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
        if made_of(other, trained) != made_of(name, trained):
            continue
        for source in sorted(run_folder(out, other, seed).glob(f"{BEFORE}*")):
            if not is_taken(folder / source.name):
                with new_folder(folder / source.name) as temporary:
                    shutil.copytree(source, temporary, dirs_exist_ok=True)
        return


def _identity(log: PreparedLog, plan: Plan, names: Sequence[str]) -> dict[str, Any]:
    """What must be the same for a folder to be of this comparison, as JSON keeps it."""
    plain: dict[str, Any] = json.loads(json.dumps({"log": log.manifest["key"], **asdict(plan), "methods": names}))
    return plain


def _claim(out: Path, identity: Mapping[str, Any], resume: bool) -> None:
    """Make ``out`` the folder of this comparison, or see that it is one that can be gone on with, or grow into it."""
    found, mark = claimed(out / PLAN, identity, resume, COMPARISON, GROWS), stamp(PLAN_VERSION)
    if found is None:
        write_json(out / PLAN, {**mark, **identity})
        return
    require_stamp(out / PLAN, found, mark)
    if is_to_grow(found, identity):
        require_growth(out, found, identity)
        (out / REPORT).unlink(missing_ok=True)  # from here on the comparison has not come to its end
        write_json(out / PLAN, {**mark, **identity})


def run_folder(out: Path, name: str, seed: int) -> Path:
    """Where the run of a method and a seed lies, with its ``model`` once it is finished."""
    return out / "runs" / f"{name.replace(':', '.')}@{seed}"


def trained_method(out: Path, name: str, seed: int, among: Iterable[str]) -> Method:
    """The trained method of a finished run.

    Args:
        out: folder of the comparison.
        name: the method.
        seed: of its training.
        among: the methods that were compared; one's own classes that they name are trusted.
    """
    return load_model(run_folder(out, name, seed) / MODEL, own_modules(among)).method


def _run_facts(log: PreparedLog, plan: Plan, started: str, seconds: float) -> dict[str, Any]:
    return {
        "source": log.manifest["source"],
        "split": log.manifest["split"],
        "split_leaks": leaks_of(log.manifest["split"], log.schema),
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
