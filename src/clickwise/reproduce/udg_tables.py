"""How the tables of the UDG paper, and the bars of its Figure 2, are made from runs and what was published."""

from collections.abc import Mapping, Sequence
from typing import Any

from clickwise.comparison import Comparison, title
from clickwise.data.storage import PreparedLog
from clickwise.report.charts import Row, interval_chart
from clickwise.report.wording import MISSING, count, decimals, interval, p_value, percent, signed, stars
from clickwise.reproduce.job import Job, open_log
from clickwise.reproduce.result import Result
from clickwise.reproduce.udg_notes import BALANCED, CONTROLS_NOTE, TESTS, notes, source_notes
from clickwise.reproduce.udg_published import DOUBLED, METRICS, UDG, Rows, row
from clickwise.reproduce.udg_rows import BASE, gate_rows, survives, verdict
from clickwise.reproduce.udg_runs import ALL, TABLE, Study

CALIBRATED = ("ECE", "PCOC")
AGAINST = ("AUC - base (users; seeds)", "UDG - it (users; seeds)")


def table1(job: Job, source: str, published: Mapping[str, int], data_set: str) -> Result:
    """Table 1: users and records of the data set."""
    log = open_log(job, source, job.split)
    ours = {"users": int(log.manifest["users"]), "records": sum(log.manifest["rows"].values())}
    return Result(
        title=f"Table 1: size of {source}",
        log=log,
        setting=job.setting_name,
        rows=[{"statistic": name, "published": published.get(name), "ours": value} for name, value in ours.items()],
        headings=["Statistic", "Published", "Ours"],
        cells=[[name, count(published.get(name)), count(value)] for name, value in ours.items()],
        notes=source_notes(source, data_set),
    )


def table2(study: Study, published: Rows, data_set: str) -> Result:
    """Table 2: every model with UDG and without, and the controls."""
    log, comparison, rows = _made(study, TABLE, published)
    honest = study.job.setting_name == "honest"
    return Result(
        title=f"Table 2: models with UDG and without on {study.source}",
        log=log,
        setting=study.job.setting_name,
        rows=rows,
        headings=_headings2(honest),
        cells=[_cells2(one, rows, honest) for one in rows],
        notes=[
            *verdict(rows),
            TESTS,
            CONTROLS_NOTE,
            *notes(study.job),
            BALANCED.format(rate=percent(comparison.results["run"]["click_rate"])),
            *source_notes(study.source, data_set),
        ],
        figures={"table2": gains_figure(rows)},
        facts={"verdict": verdict(rows), "options": comparison.results["run"]["options"]["options"]},
        runs=comparison,
    )


def table3(study: Study, published: Rows, data_set: str) -> Result:
    """Table 3: parameters and AUC of each model, of it with embeddings of twice the length, and with UDG."""
    log, comparison, rows = _made(study, ("", DOUBLED, UDG), published)
    return Result(
        title=f"Table 3: parameters and AUC on {study.source}",
        log=log,
        setting=study.job.setting_name,
        rows=rows,
        headings=["Model", "Published parameters", "AUC", "Our parameters", "Times base", "AUC [95 %]", *AGAINST],
        cells=[_cells3(one, rows) for one in rows],
        notes=[*verdict(rows), TESTS, *notes(study.job), *source_notes(study.source, data_set)],
        facts={"verdict": verdict(rows)},
        runs=comparison,
    )


def figure2(study: Study, published: Rows, data_set: str) -> Result:
    """Figure 2: AUC of each model with UDG and without."""
    log, comparison, rows = _made(study, ("", UDG), published)
    drawn = [
        Row(
            one["title"],
            _value(one["auc"]),
            one["auc"]["mean"],
            one["auc"]["low"],
            one["auc"]["high"],
            bool(one["gate"]),
        )
        for one in rows
    ]
    return Result(
        title=f"Figure 2: AUC with UDG and without on {study.source}",
        log=log,
        setting=study.job.setting_name,
        rows=rows,
        headings=["Model", "Published AUC", "AUC [95 %]", AGAINST[0]],
        cells=[
            [one["title"], decimals((one["published"] or {}).get("auc")), _value(one["auc"]), _difference(one, BASE)]
            for one in rows
        ],
        notes=[*verdict(rows), TESTS, *notes(study.job), *source_notes(study.source, data_set)],
        figures={"figure2": interval_chart(drawn, "AUC (right is better); filled: with UDG")},
        runs=comparison,
    )


def _made(study: Study, gates: Sequence[str], published: Rows) -> tuple[PreparedLog, Comparison, list[dict[str, Any]]]:
    """The log, the comparison that all tables share, and the rows asked for."""
    log = open_log(study.job, study.source, study.job.split)
    comparison = study.compared(log, study.rows, ALL)
    return log, comparison, gate_rows(comparison, study.models, gates, published, study.job.replicates)


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
        *(_value(one[metric]) for metric in ("logloss", "auc")),
        *(decimals(one[metric]["mean"]) for metric in ("rmse", "rig", *(("ece", "pcoc") if honest else ()))),
        _difference(one, BASE),
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
        _value(one["auc"]),
        _difference(one, BASE),
        _udg_minus(one, rows),
    ]


def _value(metric: Mapping[str, float | None]) -> str:
    return f"{decimals(metric['mean'])} {interval(metric)}".rstrip()


def _udg_minus(one: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]) -> str:
    """The difference of the model's UDG row to this one, where it was tested."""
    gated = next(each for each in rows if each["method"] == row(one["model"], UDG))
    return _difference(gated, one["gate"] or BASE)


def _difference(one: Mapping[str, Any], reference: str) -> str:
    if reference not in one["against"]:
        return MISSING
    auc = one["against"][reference]["auc"]
    users = f"{p_value(auc['p_corrected'])} {stars(auc['p_corrected'])}".rstrip()
    return f"{signed(auc['difference'])} ({users}; {p_value(auc['p_seeds'])})"


def gains_figure(rows: Sequence[Mapping[str, Any]]) -> Any:
    """AUC of every row minus that of its base model, with its interval over users; filled where UDG's gain survives."""
    drawn = []
    for one in rows:
        if BASE not in one["against"]:
            continue
        auc = one["against"][BASE]["auc"]
        note = f"{signed(auc['difference'])} {p_value(auc['p_corrected'])}"
        filled = one["gate"] == UDG and survives(one, "users")
        drawn.append(Row(title(one["method"]), note, auc["difference"], auc["low"], auc["high"], filled))
    return interval_chart(drawn, "AUC minus the base model's (right is better)", zero=True)
