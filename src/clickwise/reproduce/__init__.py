"""Published tables and figures, made anew: one module a paper, one for the four methods together, and what they share.

A paper's module offers ``PAPER``: its artefacts by the name on the command line, and what each of them takes.
"""

from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from clickwise.errors import InputError, nearest

if TYPE_CHECKING:
    from clickwise.reproduce.job import Job

PAPERS = {
    "metaselector": "clickwise.reproduce.metaselector.paper",
    "autoloss": "clickwise.reproduce.autoloss.paper",
    "udg": "clickwise.reproduce.udg.paper",
    "recurrent-meta": "clickwise.reproduce.recurrent_meta.paper",
    "combinations": "clickwise.reproduce.combinations.paper",
}


def reproduce(job: "Job") -> list[Path]:
    """Make one artefact of one paper. Returns the files written: JSON, Markdown, and pictures.

    Raises:
        InputError: an unknown paper or artefact, an option that it does not take, or data that cannot be had.
    """
    if job.paper not in PAPERS:
        raise InputError(f"paper {job.paper!r} is unknown{nearest(job.paper, PAPERS)}")
    paper = import_module(PAPERS[job.paper]).PAPER
    if job.artefact not in paper.artefacts:
        raise InputError(
            f"artefact {job.artefact!r} of paper {job.paper!r} is unknown{nearest(job.artefact, paper.artefacts)}"
        )
    from clickwise.reproduce.artefact import checked_study
    from clickwise.reproduce.result import write

    return write(paper.artefacts[job.artefact].make(checked_study(paper, job)), job)
