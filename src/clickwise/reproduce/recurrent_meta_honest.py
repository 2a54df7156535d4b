"""The same methods in the honest setting: all users and rows, divided by time, adaptation from a user's own past."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from clickwise.comparison import label_facts
from clickwise.data.storage import PreparedLog
from clickwise.metrics.summary import Predictions, differences, replicate, summarise
from clickwise.report.wording import MISSING, SIGNIFICANT, decimals, interval, p_value, signed, stars
from clickwise.reproduce.job import open_log
from clickwise.reproduce.recurrent_meta_published import BOOK_CROSSING
from clickwise.reproduce.recurrent_meta_rows import CONTROL, ROWS
from clickwise.reproduce.recurrent_meta_runs import COLD_SPLIT, Study, honest_outcomes
from clickwise.reproduce.recurrent_meta_tables import notes_of
from clickwise.reproduce.result import Result

HOW = (
    "Training, validation and test rows follow one another in time; all users and rows are kept and each test row is "
    "scored once. A session holds all of the user's earlier rows that its slots can. MeLU, MAMO and ours, bilevel, "
    "adapt to the user's own training and validation rows; ours, as published, takes its local and global steps on the "
    "validation rows. Without adaptation the same trained parameters predict as they are."
)
BOOKS = "Of Book-Crossing's order of file each user is divided alone: by time whole users would be test rows."
TESTS = (
    "Intervals and p: bootstrap of the users, and of seeds where there are several; p corrected over the rows (Holm)."
)


def honest_log(study: Study) -> PreparedLog:
    """The log of the honest setting."""
    return open_log(study.job, study.source, COLD_SPLIT if study.source == BOOK_CROSSING else "chronological")


def honest_predictions(study: Study, log: PreparedLog) -> tuple[dict[str, Any], dict[str, Any]]:
    """By row, the test rows' probabilities of all seeds; and the same without adaptation, of rows that adapt."""
    outcomes = honest_outcomes(study, log)
    adapted = {name: [one.predictions[-1] for one in runs] for name, runs in outcomes.items()}
    plain = {name: [one.predictions[0] for one in runs] for name, runs in outcomes.items() if len(runs[0].totals) > 1}
    return adapted, plain


def honest_table(study: Study, number: int) -> Result:
    """Tables 2 to 5 in the honest setting."""
    log = honest_log(study)
    adapted, plain = honest_predictions(study, log)
    rows = honest_rows(log, adapted, plain, study.job.replicates)
    return Result(
        title=f"Table {number}: {'ablations' if number == 5 else 'methods'} on {study.source}, all users and rows",
        log=log,
        setting="honest",
        rows=rows,
        headings=["Model", "Log loss [95 %]", "AUC [95 %]", "GAUC", "AUC - control (p)", "AUC: adapted - not (p)"],
        cells=[_cells(one) for one in rows],
        notes=[
            *verdict(rows), HOW, TESTS, *([BOOKS] if study.source == BOOK_CROSSING else []), *notes_of(study),
        ],
        facts={"verdict": verdict(rows), **label_facts(log.test)},
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
    test = log.test
    off = {f"{name}, not adapted": each for name, each in plain.items()}
    together = {**adapted, **off}
    drawn = replicate(test.label, test.user, together, None, replicates)
    found = summarise(test.label, test.user, together, None, None, drawn)
    against = _by_method(differences(test.label, test.user, dict(adapted), CONTROL, drawn) if len(adapted) > 1 else [])
    gained = {
        name: _by_method(
            differences(
                test.label, test.user, {name: adapted[name], f"{name}, not adapted": plain[name]},
                f"{name}, not adapted", drawn,
            )
        )[name]
        for name in plain
    }  # fmt: skip
    return [
        {
            "row": name,
            "title": ROWS[name].title,
            **{metric: found[name][metric] for metric in ("auc", "logloss", "gauc", "ece", "pcoc")},
            "not_adapted": found[f"{name}, not adapted"]["auc"] if name in plain else None,
            "against": against.get(name),
            "adaptation": gained.get(name),
            "test_rows": len(test),
            "users": len(np.unique(test.user)),
        }
        for name in adapted
    ]


def _by_method(rows: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, dict[str, Any]]]:
    keys = ("difference", "low", "high", "p", "p_corrected")
    found: dict[str, dict[str, dict[str, Any]]] = {}
    for one in rows:
        found.setdefault(one["method"], {})[one["metric"]] = {key: one[key] for key in keys}
    return found


def verdict(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Which rows beat the control, and whether adaptation itself adds anything."""
    tested = [one for one in rows if one["against"]]
    beat = [one["title"] for one in tested if _gain(one["against"])]
    sentences = [
        f"AUC above the control with p < {SIGNIFICANT} corrected, of {len(tested)} rows: {', '.join(beat) or 'none'}."
    ]
    for one in rows:
        if one["adaptation"]:
            auc = one["adaptation"]["auc"]
            sentences.append(
                f"{one['title']}: adaptation itself adds {signed(auc['difference'])} AUC ({p_value(auc['p'])})."
            )
    return sentences


def _gain(found: Mapping[str, Any]) -> bool:
    auc = found["auc"]
    return bool(auc["difference"] > 0 and auc["p_corrected"] is not None and auc["p_corrected"] < SIGNIFICANT)


def _cells(one: Mapping[str, Any]) -> list[str]:
    return [
        one["title"],
        *(f"{decimals(one[metric]['mean'])} {interval(one[metric])}".rstrip() for metric in ("logloss", "auc")),
        decimals(one["gauc"]["mean"]),
        _difference(one["against"], "p_corrected"),
        _difference(one["adaptation"], "p"),
    ]


def _difference(found: Mapping[str, Any] | None, p: str) -> str:
    if not found:
        return MISSING
    auc = found["auc"]
    return f"{signed(auc['difference'])} ({p_value(auc[p])} {stars(auc[p])}".rstrip() + ")"
