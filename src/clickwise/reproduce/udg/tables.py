"""How the tables of the UDG paper, and the bars of its Figure 2, are made from runs and what was published."""

from collections.abc import Mapping, Sequence
from typing import Any

from clickwise.comparison import Comparison, title
from clickwise.data.storage import PreparedLog
from clickwise.report.charts import Row, interval_chart
from clickwise.report.wording import MISSING, count, decimals, estimate, minus, percent, signed
from clickwise.reproduce import sizes
from clickwise.reproduce.against import mark
from clickwise.reproduce.result import Result
from clickwise.reproduce.study import Study
from clickwise.reproduce.udg.notes import BALANCED, CONTROLS_NOTE, TESTS, notes, source_notes
from clickwise.reproduce.udg.published import (
    DOUBLED,
    METRICS,
    TABLE,
    TABLE_1,
    TABLE_2,
    TABLE_3,
    UDG,
    Rows,
    data_set,
    row,
)
from clickwise.reproduce.udg.rows import BASE, gate_rows, survives, verdict

CALIBRATED = ("ECE", "PCOC")
AGAINST = ("AUC - base (users; seeds)", "UDG - it (users; seeds)")


def table1(study: Study) -> Result:
    """Table 1: users and records of the data set."""
    log, source = study.log(), study.job.source
    ours = {"users": int(log.manifest["users"]), "records": sizes.samples(log)}
    published = TABLE_1.get(data_set(source), {})
    return sizes.size_table(study, log, f"Table 1: size of {source}", ours, published, source_notes(study.job))


def table2(study: Study) -> Result:
    """Table 2: every model with UDG and without, and the controls."""
    job = study.job
    log, comparison, rows = _made(study, TABLE, TABLE_2)
    honest = job.setting_name == "honest"
    rate = BALANCED.format(rate=percent(comparison.results["run"]["click_rate"]))
    return Result(
        title=f"Table 2: models with UDG and without on {job.source}",
        log=log,
        setting=job.setting_name,
        rows=rows,
        headings=_headings2(honest),
        cells=[_cells2(one, rows, honest) for one in rows],
        notes=[*verdict(rows), TESTS, CONTROLS_NOTE, *notes(job), rate, *source_notes(job)],
        figures={"table2": gains_figure(rows)},
        facts={"verdict": verdict(rows), "options": comparison.results["run"]["options"]["options"]},
        runs=comparison.results["run"],
    )


def table3(study: Study) -> Result:
    """Table 3: parameters and AUC of each model, of it with embeddings of twice the length, and with UDG."""
    job = study.job
    log, comparison, rows = _made(study, ("", DOUBLED, UDG), TABLE_3)
    return Result(
        title=f"Table 3: parameters and AUC on {job.source}",
        log=log,
        setting=job.setting_name,
        rows=rows,
        headings=["Model", "Published parameters", "AUC", "Our parameters", "Times base", "AUC [95 %]", *AGAINST],
        cells=[_cells3(one, rows) for one in rows],
        notes=[*verdict(rows), TESTS, *notes(job), *source_notes(job)],
        facts={"verdict": verdict(rows)},
        runs=comparison.results["run"],
    )


def figure2(study: Study) -> Result:
    """Figure 2: AUC of each model with UDG and without."""
    job = study.job
    log, comparison, rows = _made(study, ("", UDG), TABLE_2)
    drawn = [
        Row(one["title"], estimate(auc), auc["mean"], auc["low"], auc["high"], bool(one["gate"]))
        for one in rows
        for auc in [one["auc"]]
    ]
    return Result(
        title=f"Figure 2: AUC with UDG and without on {job.source}",
        log=log,
        setting=job.setting_name,
        rows=rows,
        headings=["Model", "Published AUC", "AUC [95 %]", AGAINST[0]],
        cells=[
            [one["title"], decimals((one["published"] or {}).get("auc")), estimate(one["auc"]), _minus(one, BASE)]
            for one in rows
        ],
        notes=[*verdict(rows), TESTS, *notes(job), *source_notes(job)],
        figures={"figure2": interval_chart(drawn, "AUC (right is better); filled: with UDG")},
        runs=comparison.results["run"],
    )


def _made(
    study: Study, gates: Sequence[str], published: Mapping[str, Rows]
) -> tuple[PreparedLog, Comparison, list[dict[str, Any]]]:
    """The log, the comparison that all tables share, and the rows asked for."""
    log = study.log()
    comparison, _ = study.whole(log)
    told = published.get(data_set(study.job.source), {})
    return log, comparison, gate_rows(comparison, study.models, gates, told, study.job.replicates)


def _headings2(honest: bool) -> list[str]:
    published = ["Published LogLoss", "AUC", "RMSE", "RIG", "AUC - base"]
    ours = ["Ours LogLoss [95 %]", "AUC [95 %]", "RMSE", "RIG", *(CALIBRATED if honest else ())]
    return ["Model", *published, *ours, *AGAINST]


def _cells2(one: Mapping[str, Any], rows: Sequence[Mapping[str, Any]], honest: bool) -> list[str]:
    told = one["published"] or {}
    return [
        one["title"],
        *(decimals(told.get(metric)) for metric in METRICS),
        signed(one["published_gain"]),
        *(estimate(one[metric]) for metric in ("logloss", "auc")),
        *(decimals(one[metric]["mean"]) for metric in ("rmse", "rig", *(("ece", "pcoc") if honest else ()))),
        _minus(one, BASE),
        _udg_minus(one, rows),
    ]


def _cells3(one: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]) -> list[str]:
    told = one["published"] or {}
    base = next(each for each in rows if each["method"] == one["model"])
    return [
        one["title"],
        f"{told['parameters'] / 1e6:.2f}M" if told else MISSING,
        decimals(told.get("auc")),
        count(one["parameters"]),
        decimals(one["parameters"] / base["parameters"], 2),
        estimate(one["auc"]),
        _minus(one, BASE),
        _udg_minus(one, rows),
    ]


def _udg_minus(one: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]) -> str:
    """The difference of the model's UDG row to this one, where it was tested."""
    gated = next(each for each in rows if each["method"] == row(one["model"], UDG))
    return _minus(gated, one["gate"] or BASE)


def _minus(one: Mapping[str, Any], reference: str) -> str:
    return minus(one["against"].get(reference, {}).get("auc"), "p_corrected", "p_seeds")


def gains_figure(rows: Sequence[Mapping[str, Any]]) -> Any:
    """AUC of every row minus that of its base model, with its interval over users; filled where UDG's gain survives."""
    drawn = [
        mark(title(one["method"]), one["against"][BASE]["auc"], one["gate"] == UDG and survives(one, "users"))
        for one in rows
        if BASE in one["against"]
    ]
    return interval_chart(drawn, "AUC minus the base model's (right is better)", zero=True)
