"""Recurrent meta-learning (Chen et al. 2022, "Recurrent Meta-Learning against Generalized Cold-start Problem in CTR
Prediction"): its tables and figure.

Settings: ``published`` is the paper's protocol, see ``clickwise.data.cold_start``; ``honest`` keeps all users and rows,
divides by time, and lets methods adapt to a user's own earlier rows. Version ``paper`` takes section 4.2 and, where it
is silent, the authors' code, ``tuned`` the defaults of ``clickwise compare``.
"""

from collections.abc import Mapping
from typing import Any

from clickwise.errors import InputError
from clickwise.methods.names import bases
from clickwise.reproduce.artefact import Artefact, Paper
from clickwise.reproduce.job import Job
from clickwise.reproduce.recurrent_meta import tables
from clickwise.reproduce.recurrent_meta.figure import figure4
from clickwise.reproduce.recurrent_meta.published import (
    ABLATIONS,
    AVAZU,
    BOOK_CROSSING,
    COMPETITORS,
    MOVIELENS,
    OURS,
    SESSION_LENGTH,
)
from clickwise.reproduce.recurrent_meta.rows import BILEVEL, CONTROL, ROWS
from clickwise.reproduce.recurrent_meta.runs import OWN, protocol_of
from clickwise.reproduce.study import Study

USUAL = {"session_length": SESSION_LENGTH, "shared_vocabulary": True}
USUAL_OF = {
    BOOK_CROSSING: {"time": "file_order", "implicit": "negative"},
    AVAZU: {"user": "device", "item": "C14"},
}


def _usual(source: str) -> Mapping[str, Any]:
    return {**USUAL, **USUAL_OF.get(source, {})}


def _study(job: Job) -> Study:
    rows = (OURS, BILEVEL, *ABLATIONS) if job.artefact == "table5" else (*COMPETITORS, OURS, BILEVEL)
    return Study(job, tuple(dict.fromkeys((CONTROL, *(job.models or rows)))))


def _options_for(study: Study) -> set[str]:
    methods = {ROWS[name].method for name in study.rows}
    return {*study.rows, *methods, *(base for name in methods for base in bases(name))}


def _check(study: Study) -> None:
    if study.job.own and study.job.setting == "honest":
        raise InputError(f"--set {OWN}.…: is of the published setting; leave it out, or --setting honest")
    protocol_of(study.job)


PAPER = Paper(
    artefacts={
        "table1": Artefact(tables.table1),
        "table2": Artefact(tables.table2, own=(OWN,)),
        "table3": Artefact(tables.table3, own=(OWN,), source=BOOK_CROSSING),
        "table4": Artefact(tables.table4, own=(OWN,), source=AVAZU),
        "table5": Artefact(tables.table5, own=(OWN,)),
        "figure4": Artefact(figure4, own=(OWN,), source=BOOK_CROSSING),
    },
    study=_study,
    options_for=_options_for,
    source=MOVIELENS,
    usual=_usual,
    models=list(ROWS),
    called="row of these tables",
    check=_check,
)
