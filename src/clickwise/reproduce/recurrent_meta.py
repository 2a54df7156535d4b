"""Recurrent meta-learning (Chen et al. 2022, "Recurrent Meta-Learning against Generalized Cold-start Problem in CTR
Prediction"): its tables and figure.

Settings: ``published`` is the paper's protocol, see ``clickwise.data.cold_start``; ``honest`` keeps all users and rows,
divides by time, and lets methods adapt to a user's own earlier rows. Version ``paper`` takes section 4.2 and, where it
is silent, the authors' code, ``tuned`` the defaults of ``clickwise compare``.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from clickwise.data.cold_start import generalised_cold_start
from clickwise.data.sources import SOURCES
from clickwise.errors import InputError, nearest
from clickwise.methods.names import bases
from clickwise.reproduce import recurrent_meta_figure as figure
from clickwise.reproduce import recurrent_meta_published as published
from clickwise.reproduce import recurrent_meta_tables as tables
from clickwise.reproduce.job import Job
from clickwise.reproduce.recurrent_meta_honest import honest_table
from clickwise.reproduce.recurrent_meta_published import AVAZU, BOOK_CROSSING, MOVIELENS, PHASES
from clickwise.reproduce.recurrent_meta_rows import BILEVEL, CONTROL, ROWS
from clickwise.reproduce.recurrent_meta_runs import OWN, Study, cold_log, protocol_of
from clickwise.reproduce.result import Result

SOURCE = {"table3": BOOK_CROSSING, "table4": AVAZU, "figure4": BOOK_CROSSING}
"""Of the artefacts that are of one data set; the others are of MovieLens-1M."""
SESSION_LENGTH = 9
"""Ten items with the target."""
USUAL = {"session_length": SESSION_LENGTH, "shared_vocabulary": True}
USUAL_OF = {
    BOOK_CROSSING: {"time": "file_order", "implicit": "negative"},
    AVAZU: {"user": "device", "item": "C14"},
}
"""Options of sources that have them, unless given."""
MAIN_ROWS = (CONTROL, *published.COMPETITORS, published.OURS, BILEVEL)
ABLATION_ROWS = (CONTROL, published.OURS, BILEVEL, *published.ABLATIONS)


def _study(job: Job, rows: Sequence[str] = MAIN_ROWS) -> Study:
    source = job.source or SOURCE.get(job.artefact, MOVIELENS)
    known = SOURCES[source].options()
    usual = {**{name: value for name, value in USUAL.items() if name in known}, **USUAL_OF.get(source, {})}
    names = tuple(dict.fromkeys((CONTROL, *(job.models or rows))))
    return Study(replace(job, source_options={**usual, **job.source_options}), source, names)


def _table1(job: Job) -> Result:
    return tables.table1(_study(job, ()))


def _table2(job: Job) -> Result:
    return _main(job, 2, PHASES)


def _table3(job: Job) -> Result:
    return _main(job, 3, PHASES[-1:])


def _main(job: Job, number: int, phases: Sequence[str]) -> Result:
    study = _study(job)
    if job.setting == "honest":
        return honest_table(study, number)
    return tables.main_table(study, number, published.MAIN.get(study.source, {}), phases)


def _table4(job: Job) -> Result:
    study = _study(job)
    if job.setting != "honest" and study.source == AVAZU:
        log = cold_log(study)
        try:
            generalised_cold_start(log, **protocol_of(study.job))
        except InputError as error:  # a sample of the first hour, say: no session there has an earlier row
            return tables.without_data(study, log, 4, published.MAIN[AVAZU], str(error))
    return _main(job, 4, PHASES[-1:])


def _table5(job: Job) -> Result:
    study = _study(job, ABLATION_ROWS)
    if job.setting == "honest":
        return honest_table(study, 5)
    return tables.main_table(study, 5, published.TABLE_5.get(study.source, {}), PHASES)


def _figure4(job: Job) -> Result:
    study = _study(job)
    return figure.honest_figure(study) if job.setting == "honest" else figure.published_figure(study)


ARTEFACTS: Mapping[str, Callable[[Job], Result]] = {
    "table1": _table1,
    "table2": _table2,
    "table3": _table3,
    "table4": _table4,
    "table5": _table5,
    "figure4": _figure4,
}
OWN_OPTIONS = {name: (OWN,) for name in ARTEFACTS if name != "table1"}
"""What ``--set`` gives for an artefact and not for a method."""


def check(job: Job) -> None:
    """Raise ``InputError`` for an option that the artefact does not take."""
    if job.trials:
        raise InputError("--trials: is for the paper autoloss; leave it out")
    if stray := [name for name in job.models if name not in ROWS]:
        raise InputError(f"--models: {stray[0]!r} is no row of these tables{nearest(stray[0], ROWS)}")
    for name in job.own:
        if name not in OWN_OPTIONS.get(job.artefact, ()):
            raise InputError(f"--set {name}.…: {job.artefact} has no such option")
        if job.setting == "honest":
            raise InputError(f"--set {name}.…: is of the published setting; leave it out, or --setting honest")
    protocol_of(job)
    if job.source_options.get("label", "binary") != "binary":
        raise InputError("--set source.label: the paper's labels are 'binary'")
    names = {*_study(job, ABLATION_ROWS if job.artefact == "table5" else MAIN_ROWS).names}
    methods = {ROWS[name].method for name in names}
    known = names | methods | {base for name in methods for base in bases(name)}
    if stray := [name for name in job.options if name not in known]:
        raise InputError(f"--set {stray[0]}.…: the method is not among the rows{nearest(stray[0], known)}")
