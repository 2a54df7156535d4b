"""Tuning: options of a method that are best on validation rows, within a budget. Test rows are never read.

Options are proposed by a tree-structured Parzen estimator, and trainings that fall behind are stopped early (Optuna).
The first trial is the method as it is, so what comes out is never worse than that on the validation rows.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from clickwise.claims import claimed, require_stamp, stamp
from clickwise.data.storage import PreparedLog
from clickwise.documents import read_document
from clickwise.errors import InputError, nearest, one_line
from clickwise.files import new_file, write_json
from clickwise.methods.building import build, options_of, options_taken
from clickwise.methods.catalogue import entry
from clickwise.optuna_study import find_optuna
from clickwise.runs import refuse_stray
from clickwise.training import seeded
from clickwise.tuning_space import Space, default_space
from clickwise.tuning_trials import Budget, Trial, Tuned, next_trial

FORMAT, FORMAT_VERSION = "clickwise-tuning", 1
TRIALS, TUNED = "trials.json", "tuned.yaml"


@dataclass(frozen=True)
class Tuning:
    """What tuning found.

    Attributes:
        method: its name.
        monitor: ``auc`` or ``logloss`` of the validation rows.
        given: options that were fixed.
        trials: in order.
    """

    method: str
    monitor: str
    given: Mapping[str, Any] = field(default_factory=dict)
    trials: tuple[Trial, ...] = ()

    @property
    def best(self) -> Trial:
        """The trial with the best value; the earliest of equal ones."""
        if not any(trial.values for trial in self.trials):
            raise InputError(f"{self.method}: every trial diverged; give a --space with lower learning rates")
        sign = -1 if self.monitor == "auc" else 1
        return min((trial for trial in self.trials if trial.values), key=lambda trial: sign * trial.values[-1])

    @property
    def options(self) -> dict[str, Any]:
        """Those that were fixed, and the best ones."""
        return {**self.given, **self.best.options}


def tune(
    log: PreparedLog,
    name: str,
    out: Path,
    space: Space | None = None,
    options: Mapping[str, Mapping[str, Any]] | None = None,
    budget: Budget | None = None,
    resume: bool = False,
    progress: bool = True,
    told: Callable[[Trial], None] | None = None,
) -> Tuning:
    """Try options of a model, or of a model with a training (``deepfm+autoloss``), and write what was found.

    ``trials.json`` is written anew after each trial, so that an interrupted tuning loses the trial in progress alone;
    ``tuned.yaml``, the best options, is for ``--config`` of ``train`` and ``compare``.

    Args:
        log: the encoded log; its training and validation rows are read.
        name: of the method.
        out: folder of both files.
        space: by option; ``default_space`` where None. An option that is fixed plays no part in that one.
        options: fixed ones, by method as in ``Plan``.
        budget: trials, and how each is trained.
        resume: go on with trials that are there, of the same log, options and space.
        progress: show a progress bar.
        told: is called with each trial that ends.

    Raises:
        InputError: a method without gradient steps, an unknown option, an ``out`` in use, or optuna is missing.
    """
    budget = budget or Budget()
    given = options_of(name, options or {})
    if entry(name).group not in ("model", "variant"):
        raise InputError(f"method {name!r} is not trained by gradient steps of its own; tune a model")
    refuse_stray(options or {}, [name])
    with seeded(budget.seed):
        unchanged = build(name, log.schema, given, [])
    if space is None:
        space = {option: values for option, values in default_space(name, unchanged).items() if option not in given}
    _check(space, name, given)
    find_optuna()
    identity = _identity(log, name, given, space, budget)
    stored = claimed(out / TRIALS, identity, resume, "tuning")
    trials = [] if stored is None else _require_trials(out / TRIALS, stored)
    mark = stamp(FORMAT_VERSION)
    if stored is not None and len(trials) < budget.trials:
        require_stamp(out / TRIALS, stored, mark)
    tuned = Tuned(log, name, given, space, unchanged)
    while len(trials) < budget.trials:
        trials.append(next_trial(tuned, budget, trials, progress))
        whole = {**mark, **identity, "trials": [asdict(one) for one in trials]}
        write_json(out / TRIALS, whole)
        if told is not None:
            told(trials[-1])
    found = Tuning(name, budget.monitor, given, tuple(trials[: budget.trials]))
    with new_file(out / TUNED) as path:
        path.write_text(as_config(found), encoding="utf-8")
    return found


def is_tuned(out: Path, trials: int) -> bool:
    """True where a tuning of at least so many trials came to its end in ``out``."""
    if not (out / TUNED).exists() or not (out / TRIALS).exists():
        return False
    stored = read_document(out / TRIALS, "trials")
    return len(_require_trials(out / TRIALS, stored if isinstance(stored, dict) else {})) >= trials


def as_config(*found: Tuning) -> str:
    """The best options as YAML for ``--config``; what was found stands above each method's in a comment."""
    import yaml

    lines = []
    for one in found:
        first, best = one.trials[0].values, one.best
        before = f", unchanged {first[-1]:.5f}" if first else ""
        told = f"best of {len(one.trials)} trials, validation {one.monitor} {best.values[-1]:.5f}{before}"
        lines.append(f"# {one.method}: {told}")
    words = [f"{one.method}.{key}={json.dumps(value)}" for one in found for key, value in one.options.items()]
    return "\n".join([*lines, yaml.safe_dump({"set": words}, width=1000)])


def _check(space: Space, name: str, given: Mapping[str, Any]) -> None:
    if not space:
        raise InputError(f"{name}: nothing is left to tune; leave out a --set, or give a --space")
    for option in space:
        if option not in options_taken(name):
            raise InputError(f"{name}: unknown option {option!r}{nearest(option, options_taken(name))}")
        if option in given:
            raise InputError(f"{name}.{option}: is given by --set and stands in --space; leave out one of them")


def _identity(log: PreparedLog, name: str, given: Mapping[str, Any], space: Space, budget: Budget) -> dict[str, Any]:
    """What must be the same for trials to be of this tuning; there may be more of them."""
    kept = {key: value for key, value in asdict(budget).items() if key != "trials"}
    told = {option: str(values) for option, values in space.items()}
    whole = {
        "format": FORMAT,
        "log": log.manifest["key"],
        "method": name,
        "options": dict(given),
        "space": told,
        **kept,
    }
    plain: dict[str, Any] = json.loads(json.dumps(whole))
    return plain


def _require_trials(path: Path, stored: Mapping[str, Any]) -> list[Trial]:
    """The trials of a file.

    Raises:
        InputError: it is of another format, or damaged.
    """
    if stored.get("format") != FORMAT or stored.get("version") != FORMAT_VERSION:
        raise InputError(f"{path}: not the trials of this version of clickwise; name another folder")
    try:
        return [Trial(**{**trial, "values": tuple(trial["values"])}) for trial in stored["trials"]]
    except (KeyError, TypeError) as error:
        raise InputError(f"{path}: damaged: a trial lacks something ({one_line(error)}); name another folder") from None
