"""Published tables and figures, made anew: one module a paper, and what the papers' artefacts are made with.

A paper's module offers ``ARTEFACTS``, functions from a ``Job`` to a ``Result`` by the name on the command line, and
``check``, which raises ``InputError`` for options that an artefact does not take.
"""

from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from clickwise.errors import InputError, nearest

if TYPE_CHECKING:
    from clickwise.reproduce.job import Job

PAPERS = {
    "metaselector": "clickwise.reproduce.metaselector",
    "autoloss": "clickwise.reproduce.autoloss",
    "udg": "clickwise.reproduce.udg",
    "recurrent-meta": "clickwise.reproduce.recurrent_meta",
}


def reproduce(job: "Job") -> list[Path]:
    """Make one artefact of one paper. Returns the files written: JSON, Markdown, and pictures.

    Raises:
        InputError: an unknown paper or artefact, an option that it does not take, or data that cannot be had.
    """
    if job.paper not in PAPERS:
        raise InputError(f"paper {job.paper!r} is unknown{nearest(job.paper, PAPERS)}")
    paper = import_module(PAPERS[job.paper])
    if job.artefact not in paper.ARTEFACTS:
        raise InputError(
            f"artefact {job.artefact!r} of paper {job.paper!r} is unknown{nearest(job.artefact, paper.ARTEFACTS)}"
        )
    paper.check(job)
    from clickwise.reproduce.result import write

    return write(paper.ARTEFACTS[job.artefact](job), job)
