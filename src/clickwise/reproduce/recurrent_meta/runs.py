"""The runs behind the artefacts of recurrent meta-learning; a finished one is read, whichever artefact asks for it."""

import hashlib
import json
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from clickwise.array_types import FloatArray
from clickwise.claims import stamp
from clickwise.configuration import arguments
from clickwise.data.cold_start import (
    FINE_TUNING,
    SUBSETS,
    GeneralisedColdStart,
    SessionParts,
    check_options,
    generalised_cold_start,
)
from clickwise.data.storage import PreparedLog
from clickwise.errors import InputError, nearest
from clickwise.files import new_file
from clickwise.methods.bilevel import Bilevel
from clickwise.methods.catalogue import entry
from clickwise.methods.sequential_meta import SequentialMeta
from clickwise.prediction import predict
from clickwise.provenance import code_commit
from clickwise.reproduce.job import Job
from clickwise.reproduce.recurrent_meta.errors import components
from clickwise.reproduce.recurrent_meta.fine_tuning import fine_tune, total_loss
from clickwise.reproduce.recurrent_meta.rows import CONTROL, ROWS, make, options_for, trained
from clickwise.reproduce.study import EARLIER, Study

UNKNOWN = "unknown"
"""Commit of runs that were kept before they told it."""
RUNS, OWN = "runs", "sessions"
"""Folder of the runs, below the job's own; the group of the protocol's options."""
BEFORE = "before"
STAGES = (BEFORE, *FINE_TUNING)
COLD_SPLIT = "chronological-per-user"
RUNS_VERSION = 2
"""Raise it whenever code gives other runs of the same options: a run that is there is read and not made again, and one
table would hold rows of both codes. 1 was nowhere written, and bilevel rows took no inner steps on auxiliary losses."""
PROTOCOL = ("least", "warm_users", "warm_items", "stride", "published_size", "batch", "sessions")


@dataclass(frozen=True)
class Outcome:
    """One run.

    Attributes:
        predictions: probabilities ``[stages, rows]``.
        totals: the minimised loss of each stage, NaN where it is the log loss.
        seconds: of training.
        commit: of the code that trained it.
        earlier: whether an earlier command made it.
    """

    predictions: npt.NDArray[np.float32]
    totals: FloatArray
    seconds: float
    commit: str = field(default_factory=lambda: str(code_commit()))
    earlier: bool = False


def protocol_of(job: Job) -> dict[str, Any]:
    """Options of ``generalised_cold_start``, as given or by default.

    Raises:
        InputError: an option that is none of them, or a value that cannot be.
    """
    given = job.own.get(OWN, {})
    if stray := [name for name in given if name not in PROTOCOL]:
        raise InputError(f"--set {OWN}.{stray[0]}: is unknown{nearest(stray[0], PROTOCOL)}")
    known = arguments(generalised_cold_start)
    found = {name: given.get(name, known[name].default) for name in PROTOCOL}
    for name, value in found.items():
        wanted = (int, float) if isinstance(known[name].default, float) else (type(known[name].default),)
        if not isinstance(value, wanted) or (isinstance(value, bool) and bool not in wanted):
            raise InputError(f"--set {OWN}.{name}: give a value such as {known[name].default!r}, not {value!r}")
    shares = {name: found[name] for name in ("warm_users", "warm_items")}
    check_options(found["least"], found["stride"], found["batch"], shares, found["sessions"])
    return {**found, "seed": job.split_seed}


def cold_log(study: Study) -> PreparedLog:
    """The log of the published protocol, whose ids are those of nearly all of a user's earlier rows."""
    return study.log(COLD_SPLIT)


def cold_outcomes(study: Study, log: PreparedLog, found: GeneralisedColdStart) -> dict[tuple[str, str], list[Outcome]]:
    """By subset and row, the runs of all seeds: what they say of the test rows, before fine-tuning and after each set.

    Raises:
        InputError: an option that a row does not take, or too few test rows of a label.
    """
    _try_to_build(study, log, tuple(SUBSETS))
    for rows in found.subsets.values():
        clicked = rows.test.label >= rows.test.schema.click_from
        components(clicked, [np.zeros(len(rows.test))])  # too few of a label must not surface after an hour
    outcomes: dict[tuple[str, str], list[Outcome]] = {}
    for subset, rows in found.subsets.items():
        identity = {"subset": subset, "protocol": protocol_of(study.job), "rows": len(rows.test)}
        for name in study.rows:
            run = partial(_fine_tuned, study, rows, name, subset)
            outcomes[subset, name] = _outcomes(study, log, name, subset, identity, run)
    return outcomes


def _fine_tuned(study: Study, rows: SessionParts, name: str, subset: str, seed: int) -> Outcome:
    clock = time.monotonic()
    method = trained(name, study.job, subset, rows.train, rows.valid, seed)
    seconds = time.monotonic() - clock
    predictions, totals = [predict(method, rows.test)], [total_loss(method, rows.test, seed)]
    for further in rows.fine_tuning:
        fine_tune(method, further, rows.train, seed)
        predictions.append(predict(method, rows.test))
        totals.append(total_loss(method, rows.test, seed))
    return Outcome(np.stack(predictions), np.array(totals, dtype=np.float64), seconds)


def honest_outcomes(study: Study, log: PreparedLog) -> dict[str, list[Outcome]]:
    """By row, the runs of all seeds; stages are without adaptation and, of a method that adapts, with it.

    Methods are trained on the training part and chosen on the validation part; a bilevel method then remembers the rows
    of both, ``SequentialMeta`` goes on with local and global steps on the validation rows.
    """
    _try_to_build(study, log, ("",))
    return {
        name: _outcomes(study, log, name, "", {"honest": True}, partial(_adapted, study, log, name))
        for name in study.rows
    }


def _adapted(study: Study, log: PreparedLog, name: str, seed: int) -> Outcome:
    clock = time.monotonic()
    method = trained(name, study.job, "", log.train, log.valid, seed)
    seconds, stages = time.monotonic() - clock, []
    if isinstance(method, Bilevel):
        method.remember()
        # Rows without labels teach nothing: a session's weights would adapt to earlier test rows too.
        stages.append(predict(method, replace(log.test, labelled=False)))
        method.remember(log.train, log.valid)
    elif isinstance(method, SequentialMeta):
        stages.append(predict(method, log.test))
        fine_tune(method, log.valid, log.train, seed)
    stages.append(predict(method, log.test))
    return Outcome(np.stack(stages), np.full(len(stages), np.nan), seconds)


def _try_to_build(study: Study, log: PreparedLog, subsets: Sequence[str]) -> None:
    """A wrong option must not surface after an hour."""
    for name in study.rows:
        for subset in subsets:
            make(name, log.schema, study.job, subset)


def _outcomes(
    study: Study,
    log: PreparedLog,
    name: str,
    subset: str,
    identity: Mapping[str, Any],
    run: Callable[[int], Outcome],
) -> list[Outcome]:
    """The runs of a row: read where the same has been run, else made and kept."""
    job = study.job
    whole = {
        **identity, "log": log.manifest["key"], "row": name, "options": options_for(name, job, subset),
        "models": {other: job.options.get(other, {}) for other in entry(ROWS[name].method).candidates},
        "version": job.version, "epochs": job.epochs, "patience": job.patience, "device": job.device,
        "code": stamp(RUNS_VERSION),
    }  # fmt: skip
    digest = hashlib.sha256(json.dumps(whole, sort_keys=True).encode()).hexdigest()[:12]
    folder = job.out / RUNS / "-".join(part for part in (name, subset, digest) if part)
    seeds = 1 if name == CONTROL else job.seeds  # a control has no randomness
    return [_kept(folder / f"seed-{seed}.npz", seed, run) for seed in range(seeds)]


def _kept(path: Path, seed: int, run: Callable[[int], Outcome]) -> Outcome:
    if not (earlier := path.exists()):
        made = run(seed)
        with new_file(path) as temporary, temporary.open("wb") as file:
            np.savez(
                file, predictions=made.predictions, totals=made.totals, seconds=np.float64(made.seconds),
                commit=np.str_(made.commit),
            )  # fmt: skip
    with np.load(path, allow_pickle=False) as arrays:
        commit = str(arrays["commit"]) if "commit" in arrays else UNKNOWN
        return Outcome(arrays["predictions"], arrays["totals"], float(arrays["seconds"]), commit, earlier)


def facts_of(outcomes: Iterable[Sequence[Outcome]]) -> dict[str, Any]:
    """Commits and seconds of all runs, as ``Result.runs``."""
    every = [one for runs in outcomes for one in runs]
    return {
        "commit": ", ".join(sorted({one.commit for one in every})),
        "wall_clock_seconds": sum(one.seconds for one in every),
        EARLIER: sum(one.seconds for one in every if one.earlier),
    }
