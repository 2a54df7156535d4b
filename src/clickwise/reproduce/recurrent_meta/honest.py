"""The same methods in the honest setting: all users and rows, divided by time, adaptation from a user's own past."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from clickwise.data.storage import PreparedLog
from clickwise.metrics.significance import holm
from clickwise.metrics.summary import COMPARED, Predictions, summarise
from clickwise.provenance import label_facts
from clickwise.report.wording import SIGNIFICANT, decimals, estimate, minus, p_value, signed
from clickwise.reproduce.against import Rows, is_gain
from clickwise.reproduce.recurrent_meta.notes import notes_of
from clickwise.reproduce.recurrent_meta.published import BOOK_CROSSING
from clickwise.reproduce.recurrent_meta.rows import CONTROL, ROWS
from clickwise.reproduce.recurrent_meta.runs import COLD_SPLIT, Outcome, facts_of, honest_outcomes
from clickwise.reproduce.result import Result
from clickwise.reproduce.study import Study

HOW = (
    "Training, validation and test rows follow one another in time; all users and rows are kept and each test row is "
    "scored once. A session holds all of the user's earlier rows that its slots can. MeLU, MAMO and ours, bilevel, "
    "adapt to the user's own training and validation rows (with task=session also to earlier test rows); ours, as "
    "published, takes its local and global steps on the validation rows. Without adaptation the same trained "
    "parameters predict as they are."
)
BOOKS = "Of Book-Crossing's order of file each user is divided alone: by time whole users would be test rows."
TESTS = (
    "Intervals and p: bootstrap of the users, and of seeds where there are several; p corrected (Holm) over the rows, "
    "and over those that adapt."
)


def honest_log(study: Study) -> PreparedLog:
    """The log of the honest setting."""
    return study.log(COLD_SPLIT if study.job.source == BOOK_CROSSING else "chronological")


def honest_predictions(outcomes: Mapping[str, Sequence[Outcome]]) -> tuple[dict[str, Any], dict[str, Any]]:
    """By row, the test rows' probabilities of all seeds; and the same without adaptation, of rows that adapt."""
    adapted = {name: [one.predictions[-1] for one in runs] for name, runs in outcomes.items()}
    plain = {name: [one.predictions[0] for one in runs] for name, runs in outcomes.items() if len(runs[0].totals) > 1}
    return adapted, plain


def honest_table(study: Study, number: int) -> Result:
    """Tables 2 to 5 in the honest setting."""
    log = honest_log(study)
    outcomes = honest_outcomes(study, log)
    adapted, plain = honest_predictions(outcomes)
    rows = honest_rows(log, adapted, plain, study.job.replicates)
    return Result(
        title=f"Table {number}: {'ablations' if number == 5 else 'methods'} on {study.job.source}, all users and rows",
        log=log,
        setting="honest",
        rows=rows,
        headings=["Model", "Log loss [95 %]", "AUC [95 %]", "GAUC", "AUC - control (p)", "AUC: adapted - not (p)"],
        cells=[_cells(one) for one in rows],
        notes=[
            *verdict(rows), HOW, TESTS, *([BOOKS] if study.job.source == BOOK_CROSSING else []), *notes_of(study),
        ],
        facts={"verdict": verdict(rows), **label_facts(log.test)},
        runs=facts_of(outcomes.values()),
    )  # fmt: skip


def honest_rows(log: PreparedLog, adapted: Predictions, plain: Predictions, replicates: int) -> list[dict[str, Any]]:
    """One entry a row: metrics with intervals, and paired differences.

    ``against`` is the row minus the control, ``adaptation`` the row minus itself without adaptation: by metric, with
    ``p_corrected`` over all rows.

    Args:
        log: its test rows are those predicted.
        adapted, plain: by row, probabilities of each seed; ``plain`` of the rows that adapt.
        replicates: bootstrap resamples of the users.
    """
    test, users = log.test, len(np.unique(log.test.user))
    off = {name: f"{name}, not adapted" for name in plain}
    tested = Rows(test.label, test.user, {**adapted, **{off[name]: each for name, each in plain.items()}})
    drawn = tested.draw(replicates)
    found = summarise(test.label, test.user, tested.predictions, replicates=drawn)
    against = tested.minus(adapted, CONTROL, drawn)
    gained = {name: tested.minus([name], off[name], drawn)[name] for name in plain}
    for metric in COMPARED:
        corrected = holm([one[metric]["p"] for one in gained.values()])
        for one, p in zip(gained.values(), corrected, strict=True):
            one[metric]["p_corrected"] = float(p)
    return [
        {
            "row": name,
            "title": ROWS[name].title,
            **{metric: found[name][metric] for metric in ("auc", "logloss", "gauc", "ece", "pcoc")},
            "not_adapted": found[off[name]]["auc"] if name in plain else None,
            "against": against.get(name),
            "adaptation": gained.get(name),
            "test_rows": len(test),
            "users": users,
        }
        for name in adapted
    ]


def verdict(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Which rows beat the control, and whether adaptation itself adds anything."""
    tested = [one for one in rows if one["against"]]
    beat = [one["title"] for one in tested if is_gain(one["against"]["auc"], "p_corrected")]
    sentences = [
        f"AUC above the control with p < {SIGNIFICANT} corrected, of {len(tested)} rows: {', '.join(beat) or 'none'}."
    ]
    for one in rows:
        if one["adaptation"]:
            auc = one["adaptation"]["auc"]
            added = f"{signed(auc['difference'])} AUC ({p_value(auc['p_corrected'])})"
            sentences.append(f"{one['title']}: adaptation itself adds {added}.")
    return sentences


def _cells(one: Mapping[str, Any]) -> list[str]:
    return [
        one["title"],
        *(estimate(one[metric]) for metric in ("logloss", "auc")),
        decimals(one["gauc"]["mean"]),
        minus((one["against"] or {}).get("auc"), "p_corrected"),
        minus((one["adaptation"] or {}).get("auc"), "p_corrected"),
    ]
