"""How the tables of the MetaSelector paper are made: from data, runs and what was published."""

from clickwise.comparison import title
from clickwise.data.storage import PreparedLog
from clickwise.report.wording import percent
from clickwise.reproduce import sizes
from clickwise.reproduce.against import Rows
from clickwise.reproduce.metaselector.published import OF_PAPER, TABLE_1, TABLE_2, TABLE_3
from clickwise.reproduce.metaselector.selection_table import selection_cells, selection_rows
from clickwise.reproduce.metaselector.users import share_rows
from clickwise.reproduce.result import Result
from clickwise.reproduce.study import Study

MODELS_ONLY = "models"
"""Folder of the runs of the models alone, below the job's own."""
ELECTRONICS_ROWS = 1_689_188
OTHER_CATEGORY = "Published values are those of Amazon-Electronics; this is another category."
TIES = "Shares are means over seeds, their intervals from a bootstrap of the users; a tie goes to the first model."
CHANCE = "A user has few test rows, so part of every share is chance: equally good models would win about as many each."
COUNTED = f"Items are those that occur; the paper counts ids up to the highest one. {sizes.FEATURES}"
PROTOCOL = (
    "Single models are trained on all training rows. In version paper every selector pre-trains models of its own on "
    "75 % of each user's training rows and learns from the other 25 %, as the paper does; in version tuned it takes "
    "the single models and learns from validation rows."
)
BOUNDS = "Perfect selectors choose among the single models by the test labels: upper bounds that no method can reach."


def table1(study: Study) -> Result:
    """Table 1: the share of users for whom each single model is best."""
    job, log = study.job, study.log()
    comparison, _ = study.whole(log, study.models, MODELS_ONLY)
    rows = share_rows(Rows.of(comparison), study.models, TABLE_1.get(job.source, {}), job.replicates)
    return Result(
        title="Table 1: share of users for whom each model has the lowest LogLoss",
        log=log,
        setting=job.setting_name,
        rows=rows,
        headings=["Model", "Published", "Ours [95 %]"],
        cells=[[title(row["method"]), percent(row["published"], 2), _share(row["share"])] for row in rows],
        notes=[f"{rows[0]['users']:,} users have test rows.", TIES, CHANCE, *_category(study, log)],
        runs=comparison.results["run"],
    )


def _share(share: dict[str, float]) -> str:
    return f"{percent(share['mean'], 2)} [{percent(share['low'])}, {percent(share['high'])}]"


def table2(study: Study) -> Result:
    """Table 2: the size of the data set."""
    log, source = study.log(), study.job.source
    ours = {
        "users": int(log.manifest["users"]),
        "items": sizes.items(study, log),
        "samples": sizes.samples(log),
        "features": sizes.features(log),
    }
    published, notes = TABLE_2.get(source, {}), [COUNTED, *_category(study, log)]
    return sizes.size_table(study, log, f"Table 2: statistics of {source}", ours, published, notes)


def table3(study: Study) -> Result:
    """Table 3: single models, upper bounds, the paper's selectors, rivals and controls."""
    job, log = study.job, study.log()
    comparison, _ = study.whole(log)
    best = comparison.results["best_single"]
    rows = selection_rows(comparison, TABLE_3.get(job.source, {}), OF_PAPER, job.replicates)
    headings, cells = selection_cells(rows, best)
    eq7 = (
        f"RelaImpr is Eq. 7 over {title(best)}, the single model that is best on validation rows; differences are "
        "paired by user, their p-values corrected over the methods (Holm)."
    )
    return Result(
        title=f"Table 3: AUC and LogLoss on {job.source}",
        log=log,
        setting=job.setting_name,
        rows=rows,
        headings=headings,
        cells=cells,
        notes=[PROTOCOL, eq7, BOUNDS, *_category(study, log)],
        facts={"best_single": best},
        runs=comparison.results["run"],
    )


def _category(study: Study, log: PreparedLog) -> list[str]:
    other = study.job.source == "amazon" and sizes.samples(log) != ELECTRONICS_ROWS
    return [OTHER_CATEGORY] if other else []
