"""The runs behind the AutoLoss paper's artefacts: which rows, with which options, tuned or not."""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from clickwise.comparison import REPORT, Comparison
from clickwise.data.storage import PreparedLog
from clickwise.files import new_file
from clickwise.methods.building import options_of
from clickwise.reproduce.job import Job, carried_out
from clickwise.runs import Plan
from clickwise.tuning import TUNED, Tuning, as_config, is_tuned, tune
from clickwise.tuning_trials import Budget

CROSS_ENTROPY = "cross_entropy"
FIXED = ("focal", "kl", "hinge", CROSS_ENTROPY)
TABLE = (*FIXED, "melu-weights", "bohb", "darts", "slf", "autoloss-published", "autoloss")
"""Columns of Table 2, and the sound variant, which is not in the paper."""
ABLATION = ("equal-weights", "autoloss-no-gumbel", "autoloss-published")
TRANSFERRED = ("slf", "autoloss-published", "autoloss")
ALL = "comparison"
"""Folder of the runs that artefacts share, below the job's own."""
MONITOR = "auc"
"""Watched by early stopping and tuning of every row: hinge, for one, has no log loss that means anything."""

Options = Mapping[str, Mapping[str, Any]]


def row(model: str, training: str) -> str:
    """The name of a model with a training in the catalogue; cross-entropy is the model itself."""
    return model if training == CROSS_ENTROPY else f"{model}+{training}"


@dataclass(frozen=True)
class Study:
    """What the artefacts are made from.

    Attributes:
        job: what is asked for.
        source: name of the data.
        models: of the tables.
        recipe: options by model, which hold for its trainings too.
    """

    job: Job
    source: str
    models: Sequence[str]
    recipe: Options

    def compared(self, log: PreparedLog, names: Sequence[str], folder: str, given: Options | None = None) -> Comparison:
        """The comparison of rows below ``job.out / folder``: read where it is finished, else run or gone on with.

        Args:
            log: the encoded log.
            names: of the rows.
            folder: its own.
            given: further options by row, which the job's own ones give way to.
        """
        job, options = self.job, self.options(names, given)
        if job.trials:
            options = {one.method: one.options for one in self._tuned(log, names, options, folder)}
        plan = Plan(
            list(names), job.seeds, {name: one for name, one in options.items() if one}, job.epochs, job.patience,
            monitor=MONITOR, device=job.device, replicates=job.replicates,
        )  # fmt: skip
        return carried_out(job, log, plan, folder)

    def whole(self, log: PreparedLog, names: Sequence[str], folder: str) -> tuple[Comparison, str]:
        """The comparison that the tables share where it is finished and has these rows; else one of them alone."""
        shared = [row(model, training) for model in self.models for training in dict.fromkeys((*TABLE, *ABLATION))]
        if set(names) <= set(shared) and (self.job.out / ALL / REPORT).exists():
            return self.compared(log, shared, ALL), ALL
        return self.compared(log, names, folder), folder

    def options(self, names: Sequence[str], given: Options | None = None) -> dict[str, dict[str, Any]]:
        """Options of each row: the recipe's, then those given for the artefact, then the job's own."""
        whole = dict(self.job.options)
        return {
            name: {**options_of(name, self.recipe), **options_of(name, whole), **(given or {}).get(name, {})}
            for name in names
        }

    def _tuned(self, log: PreparedLog, names: Sequence[str], options: Options, folder: str) -> list[Tuning]:
        """Every row tuned on validation rows with the same budget; finished tunings are read."""
        job, found = self.job, []
        budget = Budget(job.trials, job.epochs, job.patience, MONITOR, device=job.device)
        for name in names:
            out = job.out / f"{folder}-tuning" / name
            given = {name: options[name]} if options[name] else {}
            resume = job.resume or is_tuned(out, job.trials)
            found.append(tune(log, name, out, None, given, budget, resume, sys.stderr.isatty()))
        with new_file(job.out / f"{folder}-{TUNED}") as path:
            path.write_text(as_config(*found), encoding="utf-8")
        return found
