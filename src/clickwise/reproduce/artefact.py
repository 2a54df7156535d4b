"""Which artefacts a paper has and what each takes, as data; and the one check of what is asked for against it."""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from clickwise.data.sources import SOURCES
from clickwise.errors import InputError, nearest
from clickwise.reproduce.job import Job
from clickwise.reproduce.result import Result
from clickwise.reproduce.study import Study


def _nothing(study: Study) -> None:
    """Nothing more to check."""


@dataclass(frozen=True)
class Artefact:
    """A table or figure.

    Attributes:
        make: makes it.
        own: groups of its own options, such as ``sweep`` of ``--set sweep.update_every=[1]``.
        source: its data where that is not the paper's.
        split: why it prescribes a split, so that there is no setting to choose.
        simulates: what it simulates on the synthetic log, so that there is no data to choose.
    """

    make: Callable[[Study], Result]
    own: Collection[str] = ()
    source: str = ""
    split: str = ""
    simulates: str = ""


@dataclass(frozen=True)
class Paper:
    """What a paper shows, and what may be chosen.

    Attributes:
        artefacts: by name.
        study: what they are made from, of a job whose source is known.
        options_for: names of methods and rows that take options.
        source: of the data, unless given.
        usual: options of the source, unless given; those that the source does not have play no part.
        models: that ``--models`` may name; none where there is no such choice.
        called: what they are, in ``'fm' is no model with an MLP``.
        tunes: whether ``--trials`` tunes the rows.
        binary: whether its labels are clicks alone.
        check: what else is refused, by ``InputError``.
    """

    artefacts: Mapping[str, Artefact]
    study: Callable[[Job], Study]
    options_for: Callable[[Study], Iterable[str]]
    source: str
    usual: Callable[[str], Mapping[str, Any]] = field(default=lambda source: {})
    models: Collection[str] = ()
    called: str = "model"
    tunes: bool = False
    binary: bool = True
    check: Callable[[Study], None] = _nothing


def checked_study(paper: Paper, job: Job) -> Study:
    """What an artefact is made from.

    Raises:
        InputError: an option that the paper or the artefact does not take.
    """
    artefact = paper.artefacts[job.artefact]
    _check_choices(paper, artefact, job)
    study = study_of(paper, job)
    known = set(paper.options_for(study))
    if stray := [name for name in job.options if name not in known]:
        raise InputError(f"--set {stray[0]}.…: the method is not among the rows{nearest(stray[0], known)}")
    paper.check(study)
    return study


def study_of(paper: Paper, job: Job) -> Study:
    """What an artefact is made from: the source and its usual options stand in for those that were not given."""
    artefact = paper.artefacts[job.artefact]
    source = job.source or artefact.source or ("synthetic" if artefact.simulates else paper.source)
    known = SOURCES[source].options()
    usual = {name: value for name, value in paper.usual(source).items() if name in known}
    return paper.study(replace(job, source=source, source_options={**usual, **job.source_options}))


def _check_choices(paper: Paper, artefact: Artefact, job: Job) -> None:
    if job.trials and not paper.tunes:
        raise InputError("--trials: is for the paper autoloss; leave it out")
    if job.trials and job.version != "tuned":
        raise InputError("--trials: tunes the rows of version 'tuned'; add --version tuned, or leave it out")
    if job.models and not paper.models:
        raise InputError("--models: this paper has no such choice; leave it out")
    if unknown := [name for name in job.models if name not in paper.models]:
        raise InputError(f"--models: {unknown[0]!r} is no {paper.called}{nearest(unknown[0], paper.models)}")
    if stray := [name for name in job.own if name not in artefact.own]:
        raise InputError(f"--set {stray[0]}.…: {job.artefact} has no such option; leave it out")
    if job.setting and artefact.split:
        raise InputError(f"--setting: leave it out for {job.artefact}, {artefact.split}")
    if artefact.simulates and job.source not in ("", "synthetic"):
        raise InputError(
            f"--source {job.source!r}: {job.artefact} is {artefact.simulates} and needs 'synthetic', or no --source"
        )
    if paper.binary and job.source_options.get("label", "binary") != "binary":
        raise InputError("--set source.label: the paper's labels are 'binary'")
