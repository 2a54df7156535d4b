"""What is asked for: an artefact of a paper, on which data, in which setting and version; and the runs behind it."""

import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from clickwise.comparison import REPLICATES, Comparison
from clickwise.data.opening import open_source
from clickwise.data.sources import SOURCES
from clickwise.data.storage import PreparedLog
from clickwise.errors import InputError, nearest
from clickwise.experiment import finished_comparison, run_comparison
from clickwise.methods.catalogue import expand
from clickwise.runs import Plan

SETTINGS = {"published": "random-per-user", "honest": "chronological"}
VERSIONS = ("paper", "tuned")


@dataclass(frozen=True)
class Job:
    """An artefact to make, and how.

    Attributes:
        paper, artefact: as on the command line.
        out: folder that the artefact, and the runs that several artefacts share, are written to.
        source: a name in ``clickwise.data.sources.SOURCES``; the artefact's own where empty.
        setting: ``published`` or ``honest``; where empty ``published``, or what the artefact prescribes.
        version: ``paper`` (its hyper-parameters) or ``tuned`` (the defaults of ``clickwise compare``).
        seeds, epochs, patience, device, replicates: as in ``Plan``.
        data_root: folder of the data set's files.
        source_options: the source's own.
        options: by method, in place of those of the version.
        split_seed: seed of the split.
        cache: folder for prepared logs; None for the user's cache.
        trials: trainings that tune each row, of a paper whose rows are tuned; 0 for none.
        models: names in place of the paper's, where it has tables over models.
        own: options of the artefact itself, by group.
        resume: go on with runs that were interrupted.
        started: of this process, on the monotonic clock.
    """

    paper: str
    artefact: str
    out: Path
    source: str = ""
    setting: str = ""
    version: str = "paper"
    seeds: int = 3
    epochs: int = 30
    patience: int = 2
    device: str = "auto"
    replicates: int = REPLICATES
    data_root: Path | None = None
    source_options: Mapping[str, Any] = field(default_factory=dict)
    options: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    split_seed: int = 0
    cache: Path | None = None
    resume: bool = False
    trials: int = 0
    models: Sequence[str] = ()
    own: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    started: float = field(default_factory=time.monotonic)

    def __post_init__(self) -> None:
        for name, value, known in (("setting", self.setting, SETTINGS), ("source", self.source, SOURCES)):
            if value and value not in known:
                raise InputError(f"{name} {value!r} is unknown{nearest(value, known)}")
        if self.version not in VERSIONS:
            raise InputError(f"version {self.version!r} is unknown{nearest(self.version, VERSIONS)}")
        if self.trials < 0:
            raise InputError(f"trials must be at least 0, not {self.trials}")

    @property
    def setting_name(self) -> str:
        """The setting, or the one that stands in for none."""
        return self.setting or "published"

    @property
    def split(self) -> str:
        """Name of the split of the setting."""
        return SETTINGS[self.setting_name]


def open_log(job: Job, source: str, split: str) -> PreparedLog:
    """The encoded log that an artefact is made from."""
    options = dict(job.source_options)
    return open_source(source, None, job.data_root, split, job.split_seed, job.cache, options)


def compared(
    job: Job, log: PreparedLog, methods: Sequence[str], recipe: Mapping[str, Mapping[str, Any]], folder: str
) -> Comparison:
    """The comparison of ``methods`` below ``job.out / folder``: read where it is finished, else run or gone on with.

    Args:
        job: says how.
        log: the encoded log.
        methods: names or groups.
        recipe: options by method; those of methods that are not compared play no part.
        folder: its folder.
    """
    return carried_out(job, log, plan_of(job, log, methods, recipe), folder)


def carried_out(job: Job, log: PreparedLog, plan: Plan, folder: str) -> Comparison:
    """The comparison of a plan below ``job.out / folder``: read where it is finished, else run or gone on with."""
    found = finished_comparison(log, plan, job.out / folder)
    return found or run_comparison(log, plan, job.out / folder, job.resume, progress=sys.stderr.isatty())


def plan_of(job: Job, log: PreparedLog, methods: Sequence[str], recipe: Mapping[str, Mapping[str, Any]]) -> Plan:
    """The plan of a comparison: the recipe, with the job's own options in place of it.

    Raises:
        InputError: the job has options for a method that is not among them.
    """
    names = expand(methods, log.schema)
    if stray := [name for name in job.options if name not in names]:
        raise InputError(f"--set {stray[0]}.…: the method is not among {', '.join(names)}")
    options = {name: {**recipe.get(name, {}), **job.options.get(name, {})} for name in names}
    return Plan(
        names, job.seeds, {name: given for name, given in options.items() if given}, job.epochs, job.patience,
        device=job.device, replicates=job.replicates,
    )  # fmt: skip
