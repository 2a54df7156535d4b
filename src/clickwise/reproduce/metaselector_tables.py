"""How the tables of the MetaSelector paper are made: from data, runs and what was published."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from clickwise.comparison import title
from clickwise.data.storage import PreparedLog
from clickwise.report.wording import count, percent
from clickwise.reproduce.job import Job, compared, open_log
from clickwise.reproduce.result import Result
from clickwise.reproduce.selection_table import Rows, selection_cells, selection_rows
from clickwise.reproduce.user_shares import share_rows, statistics

Recipe = Mapping[str, Mapping[str, Any]]

ALL, MODELS_ONLY = "comparison", "models"
"""Folders of the runs, below the job's own."""

ELECTRONICS_ROWS = 1_689_188
OTHER_CATEGORY = "Published values are those of Amazon-Electronics; this is another category."
TIES = "Shares are means over seeds, their intervals from a bootstrap of the users; a tie goes to the first model."
CHANCE = "A user has few test rows, so part of every share is chance: equally good models would win about as many each."
COUNTED = (
    "Items are those that occur; the paper counts ids up to the highest one. Features are the values of all "
    "vocabularies, which are fitted on training rows alone, without the ids for padding, unknown and missing values."
)
PROTOCOL = (
    "Single models are trained on all training rows. In version paper every selector pre-trains models of its own on "
    "75 % of each user's training rows and learns from the other 25 %, as the paper does; in version tuned it takes "
    "the single models and learns from validation rows."
)
BOUNDS = "Perfect selectors choose among the single models by the test labels: upper bounds that no method can reach."


def table1(
    job: Job, source: str, models: Sequence[str], methods: Sequence[str], recipe: Recipe, published: Mapping[str, float]
) -> Result:
    """Table 1: the share of users for whom each single model is best.

    Args:
        job: what is asked for.
        source: the data.
        models: between which users are given away.
        methods: those of Table 3, whose runs are read where they are finished.
        recipe: options by method.
        published: shares by model.
    """
    log = open_log(job, source, job.split)
    whole = (job.out / ALL / "results.json").exists()
    comparison = compared(job, log, methods if whole else models, recipe, ALL if whole else MODELS_ONLY)
    rows = share_rows(Rows.of(comparison), models, published, job.replicates)
    return Result(
        title="Table 1: share of users for whom each model has the lowest LogLoss",
        log=log,
        setting=job.setting_name,
        rows=rows,
        headings=["Model", "Published", "Ours [95 %]"],
        cells=[[title(row["method"]), percent(row["published"], 2), _share(row["share"])] for row in rows],
        notes=[f"{rows[0]['users']:,} users have test rows.", TIES, CHANCE, *_category(source, log)],
        runs=comparison,
    )


def table2(job: Job, source: str, published: Mapping[str, int]) -> Result:
    """Table 2: the size of the data set."""
    log = open_log(job, source, job.split)
    ours = statistics(job, log, source)
    return Result(
        title=f"Table 2: statistics of {source}",
        log=log,
        setting=job.setting_name,
        rows=[{"statistic": name, "published": published.get(name), "ours": value} for name, value in ours.items()],
        headings=["Statistic", "Published", "Ours"],
        cells=[[name, count(published.get(name)), count(value)] for name, value in ours.items()],
        notes=[COUNTED, *_category(source, log)],
    )


def table3(
    job: Job,
    source: str,
    methods: Sequence[str],
    recipe: Recipe,
    published: Mapping[str, Mapping[str, float]],
    of_paper: Iterable[str],
) -> Result:
    """Table 3: single models, upper bounds, the paper's selectors, rivals and controls."""
    log = open_log(job, source, job.split)
    comparison = compared(job, log, methods, recipe, ALL)
    best = comparison.results["best_single"]
    rows = selection_rows(comparison, published, of_paper, job.replicates)
    headings, cells = selection_cells(rows, best)
    eq7 = (
        f"RelaImpr is Eq. 7 over {title(best)}, the single model that is best on validation rows; differences are "
        "paired by user, their p-values corrected over the methods (Holm)."
    )
    return Result(
        title=f"Table 3: AUC and LogLoss on {source}",
        log=log,
        setting=job.setting_name,
        rows=rows,
        headings=headings,
        cells=cells,
        notes=[PROTOCOL, eq7, BOUNDS, *_category(source, log)],
        facts={"best_single": best},
        runs=comparison,
    )


def _share(share: Mapping[str, float]) -> str:
    return f"{percent(share['mean'], 2)} [{percent(share['low'])}, {percent(share['high'])}]"


def _category(source: str, log: PreparedLog) -> list[str]:
    other = source == "amazon" and sum(log.manifest["rows"].values()) != ELECTRONICS_ROWS
    return [OTHER_CATEGORY] if other else []
