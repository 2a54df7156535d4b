"""What is asked for: an artefact of a paper, on which data, in which setting and version."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from clickwise.comparison import REPLICATES
from clickwise.data.sources import SOURCES
from clickwise.errors import InputError, nearest
from clickwise.provenance import code_commit

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
        resume: go on with runs that were interrupted, and add rows and seeds to those that are finished.
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
        code_commit()
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
