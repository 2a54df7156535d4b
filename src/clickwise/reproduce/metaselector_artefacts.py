"""How the tables and figures of the MetaSelector paper are made, each from data, runs and what was published."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from clickwise.comparison import title
from clickwise.data.storage import PreparedLog
from clickwise.experiment import run_folder
from clickwise.methods.method import Method
from clickwise.model_folder import load_model
from clickwise.report.selection import ecpm_figure, losses_figure, support_curve_figure
from clickwise.report.wording import MISSING, count, decimals, interval, p_value, percent, signed
from clickwise.reproduce import cold_start as newcomers
from clickwise.reproduce import ecpm
from clickwise.reproduce.job import Job, compared, open_log
from clickwise.reproduce.result import Result
from clickwise.reproduce.selection_table import STACKING, Rows, selection_cells, selection_rows
from clickwise.reproduce.support_curve import curve_rows, curves
from clickwise.reproduce.user_losses import losses_by_user, spread_rows
from clickwise.reproduce.user_shares import share_rows, statistics

Recipe = Mapping[str, Mapping[str, Any]]

ALL, MODELS_ONLY, AUCTION, HELD_OUT = "comparison", "models", "auction", "held-out"
ELECTRONICS_ROWS = 1_689_188
OTHER_CATEGORY = "Published values are those of Amazon-Electronics; this is another category."
OUR_PROTOCOL = (
    "Single models are trained on all training rows; in version paper every selector pre-trains models of its own on "
    "75 % of each user's training rows and learns from the other 25 %, as in the paper."
)


def table1(
    job: Job, source: str, models: Sequence[str], methods: Sequence[str], recipe: Recipe, published: Mapping[str, float]
) -> Result:
    """Table 1: the share of users for whom each single model is best."""
    log = open_log(job, source, job.split)
    whole = (job.out / ALL / "results.json").exists()
    comparison = compared(job, log, methods if whole else models, recipe, ALL if whole else MODELS_ONLY)
    rows = share_rows(Rows.of(comparison), models, published, job.replicates)
    cells = [[title(row["method"]), percent(row["published"], 2), _share(row["share"])] for row in rows]
    return Result(
        "Table 1: share of users for whom each model has the lowest LogLoss", log, _setting(job), rows,
        ["Model", "Published", "Ours [95 %]"], cells,
        [f"{rows[0]['users']:,} users with test rows; shares are means over seeds, intervals from a bootstrap of the users.",
         "A user has few test rows, so part of every share is chance: equally good models would each win about as many.",
         *_category(source, log)],
    )  # fmt: skip


def table2(job: Job, source: str, published: Mapping[str, int]) -> Result:
    """Table 2: the size of the data set."""
    log = open_log(job, source, job.split)
    ours = statistics(job, log, source)
    rows = [{"statistic": name, "published": published.get(name), "ours": value} for name, value in ours.items()]
    cells = [[row["statistic"], count(row["published"]), count(row["ours"])] for row in rows]
    return Result(
        f"Table 2: statistics of {source}", log, _setting(job), rows, ["Statistic", "Published", "Ours"], cells,
        ["Items are those that occur (the paper counts ids up to the highest one); features are values of vocabularies, "
         "which are fitted on training rows alone, without the ids for padding, unknown and missing values.",
         *_category(source, log)],
    )  # fmt: skip


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
    costs = comparison.results["methods"]
    for row in rows:
        row |= (
            {key: costs[row["method"]][key] for key in ("train_seconds", "predict_seconds")}
            if row["method"] in costs
            else {}
        )
    headings, cells = selection_cells(rows, best)
    return Result(
        f"Table 3: AUC and LogLoss on {source}", log, _setting(job), rows, headings, cells,
        [OUR_PROTOCOL,
         f"RelaImpr is Eq. 7 over {title(best)}, the single model that is best on validation rows; p-values are paired "
         "by user and corrected over the methods (Holm).",
         "Perfect selectors choose among the four single models by the test labels: upper bounds that no method can reach.",
         *_category(source, log)],
        facts={"best_single": best, "options": comparison.results["run"]["options"]},
    )  # fmt: skip


def figure2(job: Job, models: Sequence[str], recipe: Recipe) -> Result:
    """Figure 2: eCPM of the models by hour, in a simulated auction."""
    log = open_log(job, "synthetic", "chronological")
    compared(job, log, models, recipe, AUCTION)
    rows, truth = ecpm.candidates(job, log)
    request = rows.extras["session"].astype(np.int64)
    predicted = ecpm.predictions(job, AUCTION, models, rows, truth)
    hourly = ecpm.by_hour(predicted, truth, rows, request)
    daily, best = ecpm.over_the_day(predicted, truth, rows, request, job.replicates), ecpm.best_hours(hourly, models)
    titles = {name: title(name) for name in predicted}
    cells = [
        [titles[name], f"{decimals(daily[name]['mean'], 2)} {interval(daily[name], 2)}", str(best.get(name, MISSING))]
        for name in (*models, ecpm.TRUTH)
    ]
    return Result(
        "Figure 2: eCPM of four models over one day", log, "simulated auction", ecpm.hourly_rows(hourly),
        ["Ranked by", "eCPM [95 %]", "Hours in which it leads"], cells,
        [f"{ecpm.REQUESTS:,} requests of {ecpm.CANDIDATES} candidates; all models face the same requests and bids, and "
         "clicks count by their true probability. The paper divides real users into four groups, one a model.",
         "Averages over seeds; intervals from a bootstrap of the users."],
        {"figure2": ecpm_figure(hourly.filter(hourly["model"] != ecpm.TRUTH), titles)},
        {"over_the_day": daily, "best_hours": best},
    )  # fmt: skip


def figure3(job: Job, source: str, methods: Sequence[str], recipe: Recipe, shown: Sequence[str]) -> Result:
    """Figure 3: the density of the LogLoss of users."""
    log = open_log(job, source, job.split)
    rows = Rows.of(compared(job, log, methods, recipe, ALL))
    losses = losses_by_user(rows, shown)
    entries = spread_rows(losses, shown[0], job.replicates)
    cells = [
        [title(entry["method"]), decimals(entry["mean"]), decimals(entry["deviation"]), *_spread(entry["against"])]
        for entry in entries
    ]
    first = title(shown[0])
    return Result(
        "Figure 3: distribution of LogLoss over users", log, _setting(job), entries,
        ["Method", "Mean", "Standard deviation", f"Mean: {first} minus it", f"Deviation: {first} minus it",
         "Pitman-Morgan p"],
        cells,
        [f"LogLoss of each user's test rows, averaged over seeds, every user counting once: {entries[0]['users']:,} users.",
         "Differences are paired by user under a bootstrap, p corrected over the methods (Holm); the Pitman-Morgan test "
         "assumes normal values and is shown beside it."],
        {"figure3": losses_figure({title(name): values for name, values in losses.items()})},
    )  # fmt: skip


def cold_start(job: Job, source: str, methods: Sequence[str], recipe: Recipe) -> Result:
    """Users who were never trained on, after so many of their rows."""
    log = open_log(job, source, "leave-users-out")
    comparison = compared(job, log, methods, recipe, HELD_OUT)
    best = comparison.results["best_single"]

    def load(name: str, seed: int) -> Method:
        return load_model(run_folder(job.out / HELD_OUT, name, seed) / "model").method

    adapted = [name for name in reversed(methods) if name in SHORT]
    query, predicted = newcomers.predictions(log, [*adapted, best], job.seeds, load)
    rows = curve_rows(query, predicted, STACKING, job.replicates)
    short = {**SHORT, best: title(best)}
    headings = ["Method", *(f"AUC after {size}" for size in newcomers.SUPPORTS), "LogLoss after 0"]
    headings += [f"LogLoss after {newcomers.SUPPORTS[-1]}", f"AUC - stacking after {newcomers.SUPPORTS[-1]}"]
    cells = [_curve_cells(title(name), [row for row in rows if row["method"] == name]) for name in (*adapted, best)]
    users = len(np.unique(query.user))
    return Result(
        "Cold start: held-out users after so many rows", log, "held-out users", rows, headings, cells,
        [f"{users:,} test users with at least {newcomers.SUPPORTS[-1] + newcomers.QUERY} rows, none of them in training; "
         f"the query rows are the last {newcomers.QUERY} of each user and the same for every number of support rows, "
         "which are the user's first ones.",
         "Histories of the query rows hold all of the user's earlier clicks, whatever the support: information that all "
         "methods share. Stacking and the single model adapt to nothing.",
         "Kind and strength of the Hedge weights are chosen on held-out users of the validation part.",
         "Differences are paired by user; p corrected over methods and sizes of the support (Holm)."],
        {f"cold-start-{metric}": support_curve_figure(curves(rows, metric, short), metric) for metric in ("auc", "logloss")},
        {"best_single": best, "users": users, "query_rows": len(query)},
    )  # fmt: skip


SHORT = {
    "metaselector": "MetaSelector",
    "metaselector-simplified": "Simplified",
    "hedge": "Hedge",
    "user-fine-tuning": "Fine-tuned",
    STACKING: "Stacking",
}
"""The methods of the cold-start curve, as its picture calls them."""


def _setting(job: Job) -> str:
    return job.setting or "published"


def _share(share: Mapping[str, float]) -> str:
    return f"{percent(share['mean'], 2)} [{percent(share['low'])}, {percent(share['high'])}]"


def _category(source: str, log: PreparedLog) -> list[str]:
    other = source == "amazon" and sum(log.manifest["rows"].values()) != ELECTRONICS_ROWS
    return [OTHER_CATEGORY] if other else []


def _spread(against: Mapping[str, Any] | None) -> list[str]:
    if against is None:
        return [MISSING] * 3
    each = [
        f"{signed(against[key]['difference'])} {p_value(against[key]['p_corrected'])}" for key in ("mean", "deviation")
    ]
    return [*each, p_value(against["pitman_morgan_p"])]


def _curve_cells(name: str, rows: Sequence[Mapping[str, Any]]) -> list[str]:
    last = rows[-1]
    found = last["against"].get("auc")
    difference = MISSING if found is None else f"{signed(found['difference'])} {p_value(found['p_corrected'])}"
    values = [decimals(row["auc"]["mean"]) for row in rows]
    return [name, *values, decimals(rows[0]["logloss"]["mean"]), decimals(last["logloss"]["mean"]), difference]
