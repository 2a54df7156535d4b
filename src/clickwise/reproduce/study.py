"""What a paper's artefacts are made from: a job, its rows with their options, and the runs that artefacts share."""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from clickwise.comparison import Comparison
from clickwise.configuration import arguments
from clickwise.data.opening import open_source
from clickwise.data.storage import PreparedLog
from clickwise.experiment import finished_comparison, is_finished, run_comparison, trained_method
from clickwise.files import new_file
from clickwise.methods.building import options_of
from clickwise.methods.catalogue import expand
from clickwise.methods.entries import GROUPS, METHODS
from clickwise.methods.method import Method
from clickwise.methods.names import bases
from clickwise.reproduce.job import Job
from clickwise.runs import Plan
from clickwise.tuning import TUNED, Tuning, as_config, is_tuned, tune
from clickwise.tuning_trials import Budget

ALL = "comparison"
"""Folder of the runs that artefacts share, below the job's own."""

EARLIER = "earlier_seconds"
"""Of runs: how many of their seconds an earlier command has spent; the others are within those of this one."""

Options = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True)
class Study:
    """What artefacts are made from.

    Attributes:
        job: what is asked for; its source is known.
        rows: names or groups of all methods that the tables compare.
        models: of the tables, where they go through models.
        recipe: options by method; those of a model hold for its variants too.
        most_epochs: the job's own limit where None.
        monitor: watched by early stopping.
        resolved: write each row's options out with those of what it varies, as rows that are tuned one by one need.
    """

    job: Job
    rows: Sequence[str] = ()
    models: Sequence[str] = ()
    recipe: Options = field(default_factory=dict)
    most_epochs: int | None = None
    monitor: str = "logloss"
    resolved: bool = False

    @property
    def epochs(self) -> int:
        """Passes over the training rows at most."""
        return min(self.job.epochs, self.most_epochs or self.job.epochs)

    def log(self, split: str = "") -> PreparedLog:
        """The encoded log, divided by the setting's split or by a named one."""
        job = self.job
        options = dict(job.source_options)
        return open_source(job.source, None, job.data_root, split or job.split, job.split_seed, job.cache, options)

    def compared(self, log: PreparedLog, names: Sequence[str], folder: str, given: Options | None = None) -> Comparison:
        """The comparison of rows below ``job.out / folder``: read where it is finished, else run or gone on with.

        With ``job.resume`` a finished one grows by the rows and seeds that it lacks. Its ``run`` tells ``EARLIER``.

        Args:
            log: the encoded log.
            names: of the rows.
            folder: its own.
            given: further options by row.
        """
        options = self.options(names, given or {})
        if self.job.trials:
            options = {one.method: one.options for one in self._tuned(log, names, options, folder)}
        plan, out = self.plan(names, options), self.job.out / folder
        earlier = finished_comparison(log, plan, out, self.job.resume)
        found = earlier or run_comparison(log, plan, out, self.job.resume, progress=sys.stderr.isatty())
        seconds = found.results["run"]["wall_clock_seconds"] if earlier else 0.0
        return replace(found, results={**found.results, "run": {**found.results["run"], EARLIER: seconds}})

    def whole(self, log: PreparedLog, names: Sequence[str] = (), folder: str = ALL) -> tuple[Comparison, str]:
        """The comparison of all rows where it is finished and has these; else one of these alone; and its folder."""
        rows = expand(self.rows, log.schema) if {*self.rows} & {*GROUPS} else list(self.rows)
        if folder == ALL or ({*names} <= {*rows} and is_finished(self.job.out / ALL)):
            return self.compared(log, rows, ALL), ALL
        return self.compared(log, names, folder), folder

    def plan(self, names: Sequence[str], options: Options) -> Plan:
        """What is trained for rows with these options."""
        job = self.job
        given = {name: one for name, one in options.items() if one}
        return Plan(
            list(names), job.seeds, given, self.epochs, job.patience, monitor=self.monitor, device=job.device,
            replicates=job.replicates,
        )  # fmt: skip

    def options(self, names: Sequence[str], given: Options | None = None) -> dict[str, dict[str, Any]]:
        """Options of each row: the recipe's, then the job's, then those given; of other rows they play no part."""
        own, more = self.job.options, given or {}
        if self.resolved:
            of_all = dict(own)
            return {n: {**options_of(n, self.recipe), **options_of(n, of_all), **more.get(n, {})} for n in names}
        taking = dict.fromkeys([*(base for name in names for base in bases(name)), *names])
        return {name: {**self.recipe.get(name, {}), **own.get(name, {}), **more.get(name, {})} for name in taking}

    def model(self, folder: str, name: str, seed: int) -> Method:
        """What a finished run trained."""
        return trained_method(self.job.out / folder, name, seed, (*self.rows, name))

    def _tuned(self, log: PreparedLog, names: Sequence[str], options: Options, folder: str) -> list[Tuning]:
        """Every row tuned on validation rows with the same budget; finished tunings are read."""
        job, found = self.job, []
        budget = Budget(job.trials, self.epochs, job.patience, self.monitor, device=job.device)
        for name in names:
            out = job.out / f"{folder}-tuning" / name
            given = {name: options[name]} if options[name] else {}
            resume = job.resume or is_tuned(out, job.trials)
            found.append(tune(log, name, out, None, given, budget, resume, sys.stderr.isatty()))
        with new_file(job.out / f"{folder}-{TUNED}") as path:
            path.write_text(as_config(*found), encoding="utf-8")
        return found


def recipe_of(models: Sequence[str], network: Mapping[str, Any], training: Mapping[str, Any]) -> Options:
    """Options by model: of its network, as far as it has them, and of its training."""
    return {
        name: {**{key: value for key, value in network.items() if key in arguments(METHODS[name].kind)}, **training}
        for name in models
    }
