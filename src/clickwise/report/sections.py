"""The sections of the report, each a piece of HTML from the results and predictions."""

from collections.abc import Iterator
from typing import Any

from clickwise.report import plots
from clickwise.report.inputs import Predictions
from clickwise.report.leaderboard import leaderboard_columns
from clickwise.report.markup import figure, group, paragraph, section, subheading, table
from clickwise.report.reading import Results, ranked, title, verdict
from clickwise.report.wording import STARS, count, decimals, duration, earlier_range, memory, percent

COST_NOTE = (
    "Training is all that a method takes to be trained: its start, with any search in it, what it trains beforehand, "
    "and the steps of all epochs. Validation between epochs is not part of it, nor is the training of the models that "
    "a method made of models takes as they are."
)
LEADERBOARD_NOTE = (
    "Best AUC first; the best single model is in bold. Small print: 95 % intervals, and p-values against the best "
    "single model. A model that is gated or trained on another loss is also held against the same model without "
    f"that. {STARS}."
)


def verdict_section(results: Results) -> str:
    """The verdict in a sentence."""
    return section("verdict", "Verdict", paragraph(verdict(results)), kind="verdict")


def leaderboard_section(results: Results) -> str:
    """Every method with its metrics, best AUC first, and the AUC as a picture."""
    names = ranked(results)
    columns = [c for c in leaderboard_columns(results, joint="\n") if c[0] not in ("Training", "Memory")]
    rows = [[title(results, name, "\n"), *(cells[i] for _, cells in columns)] for i, name in enumerate(names)]
    best = names.index(results["best_single"]) if results["best_single"] in names else None
    return section(
        "leaderboard",
        "Leaderboard",
        table(["Method", *(heading.removesuffix(" [95 %]") for heading, _ in columns)], rows, "Leaderboard", best),
        paragraph(LEADERBOARD_NOTE, note=True),
        group(
            "pair",
            figure(plots.metric_figure(results, "auc"), "auc", "AUC of every method with its interval", "AUC"),
            figure(
                plots.metric_figure(results, "logloss"),
                "logloss",
                "LogLoss of every method with its interval",
                "LogLoss",
            ),
        ),
        paragraph(
            "Lines: 95 % intervals. Hollow marks: controls and the upper bound. An arrow: off the scale.", note=True
        ),
    )


def differences_section(results: Results) -> str:
    """Forest plots of AUC and LogLoss against the best single model."""
    heading = "Differences against the best single model"
    drawings = {metric: plots.difference_figure(results, metric) for metric in ("auc", "logloss")}
    parts = [
        figure(drawing, f"difference-{metric}", f"Difference in {name} from the best single model", name)
        for (metric, drawing), name in zip(drawings.items(), ("AUC", "LogLoss"), strict=True)
        if drawing is not None
    ]
    if not parts:
        return section("differences", heading, paragraph("There is nothing to compare: no difference was tested."))
    reading = (
        "Lines are 95 % intervals, p-values are corrected for the number of comparisons. Filled marks: larger than "
        f"chance (corrected p < 0.05); hollow: not. An arrow: off the scale. {STARS}."
    )
    return section("differences", heading, group("pair", *parts), paragraph(reading, note=True))


def calibration_section(results: Results, predictions: Predictions) -> str:
    """One calibration plot a method."""
    classes = results["run"]["classes"]
    if classes != 2:
        why = f"This section does not apply: the label has {classes} classes, and the curve is drawn for two."
        return section("calibration", "Calibration", paragraph(why))
    drawings = plots.calibration_figures(plots.calibration_curves(results, predictions))
    panels = [
        figure(
            drawing,
            f"calibration-{place}",
            f"Calibration of {title(results, name)}",
            title(results, name),
            _calibration_caption(results["methods"][name]),
        )
        for place, (name, drawing) in enumerate(drawings.items())
    ]
    reading = (
        "Bins of equal mass, with 95 % binomial intervals. On the dashed line, as many clicks come as were predicted."
    )
    return section("calibration", "Calibration", paragraph(reading, note=True), group("panels", *panels))


def _calibration_caption(method: dict[str, Any]) -> str:
    return f"ECE {decimals(method['ece']['mean'])}, PCOC {decimals(method['pcoc']['mean'], 3)}"


def users_section(results: Results, predictions: Predictions) -> str:
    """Density of per-user LogLoss, and users won."""
    density = plots.density_figure(results, plots.user_logloss(results, predictions))
    won = plots.users_won_figure(results)
    parts = []
    if density is not None:
        caption = "Dashed: the best single model. The tick marks the median user."
        parts.append(figure(density, "density", "Density of LogLoss over users", "LogLoss of users", caption))
    else:
        parts.append(paragraph("A density does not apply: every user has the same LogLoss."))
    if won is not None:
        caption = "Outlined bars: controls."
        parts.append(figure(won, "users-won", "Share of users won by each method", "Users won", caption))
    else:
        parts.append(paragraph("No shares of users won were computed."))
    told = (*_weights(results), *_without_support(results), *_newcomers(results))
    return section("users", "Users", group("pair", *parts), *told)


def _newcomers(results: Results) -> Iterator[str]:
    """How many test users were new to a method that makes vectors for them."""
    counts = {title(results, n): results["methods"][n].get("users_served_by_generator") for n in ranked(results)}
    if made := {name: users for name, users in counts.items() if users is not None}:
        listed = "; ".join(f"{name}: {count(users)}" for name, users in made.items())
        yield paragraph(
            f"Test users of unknown id, who get a vector generated from their profile: {listed}. "
            "Other methods give them the vector of the unknown id.",
            note=True,
        )


def _weights(results: Results) -> Iterator[str]:
    """Which model serves whom, for the methods that weigh models."""
    told = {name: results["methods"][name].get("model_weights") for name in ranked(results)}
    rows = {name: weights for name, weights in told.items() if weights}
    if not rows:
        return
    models = list(dict.fromkeys(model for weights in rows.values() for model in weights))
    cells = [
        [title(results, name), *(_weight(weights.get(model)) for model in models)] for name, weights in rows.items()
    ]
    yield subheading("Which model serves whom")
    yield table(["Method", *models], cells, "Mean weight of each model over test users")
    yield paragraph(
        "Mean weight over test users; in brackets, the share of users for whom the model has the highest weight.",
        note=True,
    )


def _without_support(results: Results) -> Iterator[str]:
    """How many test users a method that adapts had nothing to adapt to."""
    counts = {title(results, n): results["methods"][n].get("users_without_support") for n in ranked(results)}
    if lacking := {name: users for name, users in counts.items() if users}:
        listed = "; ".join(f"{name}: {count(users)}" for name, users in lacking.items())
        yield paragraph(f"Test users without support, who get the unadapted prediction: {listed}.", note=True)


def _weight(weight: dict[str, float] | None) -> str:
    return "" if weight is None else f"{decimals(weight['mean'], 3)} ({percent(weight['highest'], 0)})"


def cold_start_section(results: Results) -> str:
    """AUC against the number of earlier interactions: a picture of some methods, a table of all."""
    heading = "Cold start: AUC against earlier interactions"
    drawing = plots.cold_start_figure(results)
    names = [name for name in ranked(results) if results["methods"][name]["cold_start"]]
    if drawing is None:
        return section(
            "cold-start", heading, paragraph("This section does not apply: there are no earlier interactions.")
        )
    buckets = results["methods"][names[0]]["cold_start"]
    head = ["Method", *(earlier_range(bucket) for bucket in buckets)]
    rows = [["Test rows", *(count(bucket["rows"]) for bucket in buckets)]]
    for name in names:
        rows.append([title(results, name), *(decimals(b["auc"]) for b in results["methods"][name]["cold_start"])])
    caption = (
        f"The best single model and the methods with the highest AUC, at most {plots.LINES_DRAWN}; the table has all."
    )
    drawn = figure(drawing, "cold-start", "AUC by number of earlier interactions", caption=caption)
    return section("cold-start", heading, drawn, table(head, rows, "AUC by number of earlier interactions"))


def cost_section(results: Results) -> str:
    """Time, memory and size of each method."""
    head = ["Method", "Training", "Prediction", "Peak memory", "Parameters", "Best epochs"]
    rows = [
        [
            title(results, name),
            duration(method["train_seconds"]),
            duration(method["predict_seconds"]),
            memory(method["peak_memory_bytes"]),
            count(method["parameters"]),
            ", ".join(str(epoch) for epoch in method["epochs"] or []) or "-",
        ]
        for name, method in ((name, results["methods"][name]) for name in ranked(results))
    ]
    return section("cost", "Cost", table(head, rows, "Cost of each method"), paragraph(COST_NOTE, note=True))
