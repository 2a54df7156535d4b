"""The runs behind the UDG paper's artefacts: models, the same models gated, and their controls."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from clickwise.comparison import REPORT, Comparison
from clickwise.data.storage import PreparedLog
from clickwise.methods.names import bases
from clickwise.reproduce.job import Job, carried_out
from clickwise.reproduce.udg_published import DOUBLED, UDG, row
from clickwise.runs import Plan

SHUFFLED, NO_USER = "udg-shuffled", "udg-no-user"
CONTROLS = (DOUBLED, SHUFFLED)
"""What a gain must stand above: as many parameters and more, and the gates of other users."""
TABLE = ("", UDG, *CONTROLS, NO_USER)
ALL = "comparison"
"""Folder of the runs that artefacts share, below the job's own."""
EPOCHS_OF_PAPER = 3

Options = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True)
class Study:
    """What the artefacts are made from.

    Attributes:
        job: what is asked for.
        source: name of the data.
        models: of the tables.
        recipe: options by model, which hold for its gated rows too.
    """

    job: Job
    source: str
    models: Sequence[str]
    recipe: Options

    @property
    def rows(self) -> list[str]:
        """Names of all rows of the tables."""
        return [row(model, gate) for model in self.models for gate in TABLE]

    @property
    def epochs(self) -> int:
        """Passes over the training rows at most; the paper's code makes three."""
        return min(self.job.epochs, EPOCHS_OF_PAPER) if self.job.version == "paper" else self.job.epochs

    def compared(self, log: PreparedLog, names: Sequence[str], folder: str) -> Comparison:
        """The comparison of rows below ``job.out / folder``: read where it is finished, else run or gone on with."""
        return carried_out(self.job, log, self.plan(names), folder)

    def plan(self, names: Sequence[str]) -> Plan:
        """What is trained for these rows; options of other rows play no part."""
        job = self.job
        given = {
            name: {**self.recipe.get(name, {}), **job.options.get(name, {})}
            for name in dict.fromkeys([*(base for name in names for base in bases(name)), *names])
        }
        options = {name: one for name, one in given.items() if one}
        return Plan(
            list(names), job.seeds, options, self.epochs, job.patience, device=job.device, replicates=job.replicates
        )

    def whole(self, log: PreparedLog, names: Sequence[str], folder: str) -> tuple[Comparison, str]:
        """The comparison that the tables share where it is finished and has these rows; else one of them alone."""
        if set(names) <= set(self.rows) and (self.job.out / ALL / REPORT).exists():
            return self.compared(log, self.rows, ALL), ALL
        return self.compared(log, names, folder), folder
