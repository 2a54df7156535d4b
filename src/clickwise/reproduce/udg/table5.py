"""Table 5 and Figure 4 of the UDG paper: new users, cold and in three phases of warm-up, with a generator or not."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from clickwise.comparison import title
from clickwise.metrics.summary import COMPARED
from clickwise.report.curves import line_chart
from clickwise.report.wording import MISSING, decimals, p_value, signed
from clickwise.reproduce.result import Result
from clickwise.reproduce.study import Study
from clickwise.reproduce.udg.newcomers import PHASES, cold_start_batches
from clickwise.reproduce.udg.notes import notes
from clickwise.reproduce.udg.published import SHOWN, TABLE_5, UDG, row
from clickwise.reproduce.udg.warm_up import own_options, protocol_values, rows_of

PUBLISHED_AS = {"generator": True, "random": False}
TITLES = {"generator": "generator", "random": "random start", "unknown": "unknown id's row"}
NAMES = {"auc": "AUC", "logloss": "LogLoss"}
AXES = {"auc": "AUC (up is better)", "logloss": "LogLoss (down is better)"}

RULES = (
    "{active:,} active users train, of whom each has more than {active_above} rows; {users:,} others, none of whom any "
    "model has seen, are new, with {new_from} to {new_to} rows: three batches of {batch} in order of time, the rest "
    "held out, {rows:,} rows in all. The paper's new users have 80 to 100 rows, on Alimama."
)
WARMING = (
    "Warm-up moves the new users' vectors in the gates' table alone; the paper updates the whole model. Each start has "
    "the rate that is best for it on other new users. The paper is without the generator at random; the row that is "
    "trained for unknown ids is the stronger start."
)
CORRECTED = (
    "Percentages are relative to the cold phase of the random start. Differences are paired by user under a bootstrap, "
    "p corrected over the four phases (Holm)."
)


def table5(study: Study) -> Result:
    """Table 5: AUC and LogLoss on the held-out rows of new users, by phase and by what their vectors start from."""
    return _result(study, study.models, "Table 5: new users, by what their vectors start from", {})


def figure4(study: Study) -> Result:
    """Figure 4: the same of one model, as curves."""
    model = (study.job.models or (SHOWN,))[0]
    return _result(study, [model], f"Figure 4: warm-up of new users, {title(row(model, UDG))}", AXES)


def _result(study: Study, models: Sequence[str], said: str, drawn: Mapping[str, str]) -> Result:
    job = study.job
    protocol, generator = own_options(study)
    log = study.log("leave-users-out")
    users = cold_start_batches(log, **protocol)
    rows = [one for model in models for one in rows_of(study, log, users, model, protocol, generator)]
    headings = ["Model", *(f"{phase}, {whose}" for phase in PHASES for whose in ("published", "ours"))]
    told = RULES.format(
        active=users.active, users=users.new.users, rows=len(users.new.held_out), **protocol_values(protocol)
    )
    return Result(
        title=f"{said}, {job.source}",
        log=log,
        setting="held-out users",
        rows=rows,
        headings=headings,
        cells=[_cells(rows, model, m, start) for model in models for m in COMPARED for start in _starts(rows)],
        notes=[*_verdict(rows), told, WARMING, CORRECTED, *notes(job)],
        figures={f"figure4-{metric}": _curves(rows, metric) for metric in drawn},
        facts={"users": users.new.users, "active_users": users.active, "held_out_rows": len(users.new.held_out)},
    )


def _starts(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    return [start for start in TITLES if any(one["start"] == start for one in rows)]


def _of(rows: Sequence[Mapping[str, Any]], model: str, start: str) -> list[Mapping[str, Any]]:
    """The rows of a model and start, a phase each."""
    return [one for one in rows if (one["model"], one["start"]) == (model, start)]


def _cells(rows: Sequence[Mapping[str, Any]], model: str, metric: str, start: str) -> list[str]:
    own = _of(rows, model, start)
    of_paper = TABLE_5.get(model, {}).get(metric, {})
    told = of_paper.get(PUBLISHED_AS[start]) if start in PUBLISHED_AS else None
    first = _of(rows, model, "random")[0][metric]
    cells = [f"{own[0]['title']}, {NAMES[metric]}, {TITLES[start]}"]
    for place, one in enumerate(own):
        cells.append(MISSING if told is None else f"{100 * told[place]:+.2f} %")
        cells.append(f"{decimals(one[metric])} ({100 * (one[metric] / first - 1):+.2f} %)")
    return cells


def _verdict(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """The generator minus each other start, a sentence a model, metric and start."""
    sentences = []
    for model in dict.fromkeys(one["model"] for one in rows):
        for start in _starts(rows):
            for metric in COMPARED if start != "generator" else ():
                own = _of(rows, model, start)
                told = [(one["phase"], one["generator_minus"][metric]) for one in own]
                listed = ", ".join(
                    f"{phase} {signed(one['difference'])} ({p_value(one['p_corrected'])})" for phase, one in told
                )
                sentences.append(f"{own[0]['title']}, {NAMES[metric]}, generator minus the {TITLES[start]}: {listed}.")
    return sentences


def _curves(rows: Sequence[Mapping[str, Any]], metric: str) -> Any:
    model = rows[0]["model"]
    series = [
        (start, np.array([one[metric] for one in _of(rows, model, start)], dtype=np.float64)) for start in _starts(rows)
    ]
    return line_chart(list(PHASES), series, ("phase", AXES[metric]))
