"""How the figures of the MetaSelector paper, and the cold-start curve of its claim, are made."""

from collections.abc import Mapping, Sequence
from typing import Any

from clickwise.comparison import title
from clickwise.report.selection import ecpm_figure, losses_figure, support_curve_figure
from clickwise.report.wording import MISSING, decimals, estimate, minus, p_value
from clickwise.reproduce import ecpm
from clickwise.reproduce.against import Rows
from clickwise.reproduce.metaselector.cold_start import QUERY, SUPPORTS, Newcomers, curve_rows, curves, predictions
from clickwise.reproduce.metaselector.published import COLD_START
from clickwise.reproduce.metaselector.selection_table import STACKING
from clickwise.reproduce.metaselector.users import losses_by_user, spread_rows
from clickwise.reproduce.result import Result
from clickwise.reproduce.study import Study

AUCTION, HELD_OUT = "auction", "held-out"
"""Folders of the runs, below the job's own."""

AUCTION_RULES = (
    f"{ecpm.REQUESTS:,} requests of {ecpm.CANDIDATES} candidates. All models face the same requests and bids, and "
    "clicks count by their true probability; the paper divides real users into four groups, one a model."
)
OVER_SEEDS = "Values are means over seeds, their intervals from a bootstrap of the users."
PAIRED = (
    "Differences are paired by user under a bootstrap, p corrected over the methods (Holm). The Pitman-Morgan test, "
    "which assumes normal values, stands beside it."
)
HISTORIES = (
    "Histories of the query rows hold all of the user's earlier clicks, whatever the support: information that all "
    "methods share. Stacking and the single model adapt to nothing."
)
STRENGTH = "Kind and strength of the Hedge weights are chosen on held-out users of the validation part."
CORRECTED = "Differences are paired by user; p corrected over methods and numbers of support rows (Holm)."

SHORT = {
    "metaselector": "MetaSelector",
    "metaselector-simplified": "Simplified",
    "hedge": "Hedge",
    "user-fine-tuning": "Fine-tuned",
    STACKING: "Stacking",
}
"""The methods of the cold-start curve, as its picture calls them."""
SPREAD = ("metaselector", "deepfm", "stacking")
"""Methods whose losses by user are shown; the first is held against the others."""


def figure2(study: Study) -> Result:
    """Figure 2: eCPM of the models by hour, in a simulated auction."""
    job, models, log = study.job, study.models, study.log("chronological")
    comparison = study.compared(log, models, AUCTION)
    auction = ecpm.Auction.on(job, log)
    predicted = ecpm.predictions(study, AUCTION, models, auction)
    hourly, daily = ecpm.by_hour(predicted, auction), ecpm.over_the_day(predicted, auction, job.replicates)
    best, titles = ecpm.best_hours(hourly, models), {name: title(name) for name in predicted}
    return Result(
        title="Figure 2: eCPM of four models over one day",
        log=log,
        setting="simulated auction",
        rows=hourly.sort("model", "hour").to_dicts(),
        headings=["Ranked by", "eCPM [95 %]", "Hours in which it leads"],
        cells=[
            [titles[name], estimate(daily[name], 2), str(best.get(name, MISSING))] for name in (*models, ecpm.TRUTH)
        ],
        notes=[AUCTION_RULES, OVER_SEEDS],
        figures={"figure2": ecpm_figure(hourly.filter(hourly["model"] != ecpm.TRUTH), titles)},
        facts={"over_the_day": daily, "best_hours": best},
        runs=comparison.results["run"],
    )


def figure3(study: Study) -> Result:
    """Figure 3: the density of the LogLoss of users."""
    job, log = study.job, study.log()
    comparison, _ = study.whole(log)
    losses = losses_by_user(Rows.of(comparison), SPREAD)
    rows = spread_rows(losses, SPREAD[0], job.replicates)
    headings = ["Method", "Mean", "Standard deviation"]
    headings += [f"{what}: {title(SPREAD[0])} minus it" for what in ("Mean", "Deviation")]
    users = (
        f"LogLoss of each user's test rows, averaged over seeds, every user counting once: {rows[0]['users']:,} users."
    )
    return Result(
        title="Figure 3: distribution of LogLoss over users",
        log=log,
        setting=job.setting_name,
        rows=rows,
        headings=[*headings, "Pitman-Morgan p"],
        cells=[
            [title(row["method"]), decimals(row["mean"]), decimals(row["deviation"]), *_spread(row["against"])]
            for row in rows
        ],
        notes=[users, PAIRED],
        figures={"figure3": losses_figure({title(name): values for name, values in losses.items()})},
        runs=comparison.results["run"],
    )


def _spread(against: Mapping[str, Any] | None) -> list[str]:
    if against is None:
        return [MISSING] * 3
    return [*(minus(against[key], "p_corrected") for key in ("mean", "deviation")), p_value(against["pitman_morgan_p"])]


def cold_start(study: Study) -> Result:
    """Users who were never trained on, after so many of their rows."""
    job, log = study.job, study.log("leave-users-out")
    newcomers, others = Newcomers.of(log.test), Newcomers.of(log.valid)  # too few rows must not surface after an hour
    comparison = study.compared(log, COLD_START, HELD_OUT)
    best = comparison.results["best_single"]
    shown = [*SHORT, best]
    predicted = predictions(newcomers, others, shown, job.seeds, lambda name, seed: study.model(HELD_OUT, name, seed))
    rows = curve_rows(newcomers.queries, predicted, STACKING, job.replicates)
    users, least, most = len(newcomers.query), SUPPORTS[-1] + QUERY, SUPPORTS[-1]
    who = (
        f"{users:,} test users with at least {least} rows, none of them in training; the query rows are the last "
        f"{QUERY} of each and the same for every number of support rows, which are the user's first ones."
    )
    headings = ["Method", *(f"AUC after {size}" for size in SUPPORTS), f"AUC - stacking after {most}"]
    drawn = {
        f"cold-start-{metric}": support_curve_figure(curves(rows, metric, {**SHORT, best: title(best)}), metric)
        for metric in ("auc", "logloss")
    }
    return Result(
        title=f"Cold start on {job.source}: held-out users after so many rows",
        log=log,
        setting="held-out users",
        rows=rows,
        headings=[*headings, *(f"LogLoss after {size}" for size in (0, most))],
        cells=[_curve_cells(title(name), [row for row in rows if row["method"] == name]) for name in shown],
        notes=[who, HISTORIES, STRENGTH, CORRECTED],
        figures=drawn,
        facts={"best_single": best, "users": users, "query_rows": newcomers.query.size},
        runs=comparison.results["run"],
    )


def _curve_cells(name: str, rows: Sequence[Mapping[str, Any]]) -> list[str]:
    aucs = [decimals(row["auc"]["mean"]) for row in rows]
    losses = [decimals(row["logloss"]["mean"]) for row in (rows[0], rows[-1])]
    return [name, *aucs, minus(rows[-1]["against"].get("auc"), "p_corrected"), *losses]
