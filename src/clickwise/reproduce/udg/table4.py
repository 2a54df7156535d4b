"""Table 4 of the UDG paper: a simulated A/B test in place of the one in production."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from clickwise.comparison import Comparison, title
from clickwise.errors import InputError
from clickwise.metrics.pointwise import auc
from clickwise.report.charts import Row, interval_chart
from clickwise.report.wording import MISSING, count, decimals, p_value
from clickwise.reproduce import ecpm
from clickwise.reproduce.result import Result
from clickwise.reproduce.study import Study
from clickwise.reproduce.udg.ab_test import Shown, arms, observed_lift, plan, true_lift
from clickwise.reproduce.udg.notes import notes
from clickwise.reproduce.udg.published import SHUFFLED, TABLE_4, UDG, row

RUNS = "traffic"
"""Folder of the runs, below the job's own."""
GATES = (UDG, SHUFFLED)
OFFLINE, ONLINE = "offline AUC", "online AUC"

RULES = (
    "The paper tests in production, which nobody can repeat. Here {requests} requests of {candidates} candidates come "
    "on the last day of a generated log, and the candidate with the highest predicted probability is shown. Half of "
    "the {users} users who come, drawn at random, are ranked by the base model, the others by the gated one."
)
LIFTS = (
    "Observed: clicks of either arm, with the models of seed 0, for a test happens once; interval and p from a "
    "bootstrap of the users in each arm. True: expected clicks, were all users ranked by either model, mean over "
    "seeds; paired by user. Online AUC is of all candidates of the requests. The paper's engagement metric also counts "
    "views, likes and follows."
)
SIZE = (
    "Sample size: two-sided test of two proportions at level 0.05 with power 0.8, times the design effect of "
    "impressions of the same user, which is at least 1."
)


def requests_of(own: Mapping[str, Any]) -> int:
    """The number of requests: ``traffic.requests``, or the usual one.

    Raises:
        InputError: another option, or no positive whole number.
    """
    if unknown := [key for key in own if key != "requests"]:
        raise InputError(f"--set traffic.{unknown[0]}: only traffic.requests can be set")
    given = own.get("requests", ecpm.REQUESTS)
    if not isinstance(given, int) or isinstance(given, bool) or given < 1:
        raise InputError(f"--set traffic.requests: give a positive whole number, not {given!r}")
    return given


def table4(study: Study) -> Result:
    """Table 4: AUC and CTR of gated models over their base models, and how many users it takes to see that."""
    job = study.job
    count_of = requests_of(job.own.get("traffic", {}))
    log = study.log("chronological")
    names = [row(model, gate) for model in study.models for gate in ("", *GATES)]
    comparison = study.compared(log, names, RUNS)
    auction = ecpm.Auction.on(job, log, count_of)
    predicted = ecpm.predictions(study, RUNS, names, auction)
    shown = {name: [Shown.ranked_by(each, auction) for each in arrays] for name, arrays in predicted.items()}
    online = {name: float(np.mean([auc(auction.rows.label, each) for each in predicted[name]])) for name in names}
    paper = next(iter(TABLE_4.values()))["engagement"]
    rows = [
        _contrast(comparison, model, row(model, gate), shown, online, paper, job.replicates)
        for model in study.models
        for gate in GATES
    ]
    users = int((shown[names[0]][0].impressions > 0).sum())
    rules = RULES.format(requests=f"{count_of:,}", candidates=ecpm.CANDIDATES, users=f"{users:,}")
    return Result(
        title="Table 4: a simulated A/B test",
        log=log,
        setting="simulated requests",
        rows=rows,
        headings=["Relative gain", *(f"Published {name}" for name in TABLE_4), *(one["title"] for one in rows)],
        cells=_cells(rows, list(TABLE_4.values())),
        notes=[*_verdict(rows), rules, LIFTS, SIZE, *notes(job)],
        figures={"table4": _figure(rows)},
        facts={"requests": count_of, "users": users, "published": dict(TABLE_4)},
        runs=comparison.results["run"],
    )


def _contrast(
    comparison: Comparison,
    model: str,
    name: str,
    shown: Mapping[str, Sequence[Shown]],
    online: Mapping[str, float],
    paper: float,
    replicates: int,
) -> dict[str, Any]:
    """One gated model against its base model."""
    base, other, values = shown[model], shown[name], comparison.results["methods"]
    in_control, in_treatment = arms(base[0], 0)
    control, treatment = base[0].of(in_control), other[0].of(in_treatment)
    true = true_lift(_averaged(base), _averaged(other), replicates)
    return {
        "model": model,
        "method": name,
        "title": title(name),
        OFFLINE: values[name]["auc"]["mean"] / values[model]["auc"]["mean"] - 1.0,
        ONLINE: _finite(online[name] / online[model] - 1.0),
        "observed": observed_lift(control, treatment, replicates),
        "true": true,
        "of_oracle": true_lift(_averaged(base), shown[ecpm.TRUTH][0], replicates),
        "arms": {
            key: {"users": len(one.clicks), "impressions": int(one.impressions.sum()), "rate": one.rate}
            for key, one in (("control", control), ("treatment", treatment))
        },
        "sample_size": plan(control, {"true": true["lift"], "paper": paper}),
    }


def _averaged(seeds: Sequence[Shown]) -> Shown:
    clicks, expected = (np.mean([getattr(one, key) for one in seeds], axis=0) for key in ("clicks", "expected"))
    return Shown(seeds[0].impressions, clicks, expected)


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _percent(value: float | None) -> str:
    return MISSING if value is None else f"{100 * value:+.2f} %"


def _lift(found: Mapping[str, float | None]) -> str:
    if found["lift"] is None:
        return MISSING
    return f"{_percent(found['lift'])} [{_percent(found['low'])}, {_percent(found['high'])}] {p_value(found['p'])}"


def _cells(rows: Sequence[Mapping[str, Any]], published: Sequence[Mapping[str, float]]) -> list[list[str]]:
    def of_paper(key: str) -> list[str]:
        return [_percent(one[key]) for one in published]

    none = [MISSING] * len(published)
    sizes = [one["sample_size"] for one in rows]
    return [
        ["Offline AUC", *of_paper("offline_auc"), *(_percent(one[OFFLINE]) for one in rows)],
        ["Online AUC", *of_paper("online_auc"), *(_percent(one[ONLINE]) for one in rows)],
        ["Engagement; here CTR, observed", *of_paper("engagement"), *(_lift(one["observed"]) for one in rows)],
        ["CTR, true", *none, *(_lift(one["true"]) for one in rows)],
        ["CTR, true, of the oracle", *none, *(_lift(one["of_oracle"]) for one in rows)],
        ["Users an arm", *none, *(count(one["arms"]["control"]["users"]) for one in rows)],
        ["Impressions an arm", *none, *(count(one["arms"]["control"]["impressions"]) for one in rows)],
        ["CTR of the control arm", *none, *(decimals(one["arms"]["control"]["rate"]) for one in rows)],
        ["Design effect", *none, *(decimals(one["design_effect"], 2) for one in sizes)],
        ["Least lift that this size shows", *none, *(_percent(one["detectable_lift"]) for one in sizes)],
        ["Impressions an arm for the true lift", *none, *(_needed(one, "true") for one in sizes)],
        ["Impressions an arm for the published lift", *none, *(_needed(one, "paper") for one in sizes)],
    ]


def _needed(size: Mapping[str, Any], key: str) -> str:
    needed = size["impressions_needed"][key]
    return MISSING if needed is None else count(math.ceil(needed))


def _verdict(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """What the test can say, a sentence a contrast."""
    sentences = []
    for one in rows:
        least, true = one["sample_size"]["detectable_lift"], one["true"]["lift"]
        reach = "no lift at all" if least is None else f"a lift of {_percent(least)} and more"
        small = least is None or true is None or abs(true) < least
        sentences.append(
            f"{one['title']}: a test of {one['arms']['control']['users']:,} users an arm shows {reach}; the true lift "
            f"is {_percent(true)}, {'too small for it' if small else 'within its reach'}."
        )
    return sentences


def _figure(rows: Sequence[Mapping[str, Any]]) -> Any:
    drawn = [
        Row(f"{key}: {one['title']}", _percent(lift["lift"]), lift["lift"], lift["low"], lift["high"], key == "true")
        for one in rows
        for key in ("observed", "true")
        for lift in [one[key]]
    ]
    return interval_chart(drawn, "relative lift of CTR over the base model", zero=True)
