"""The four methods together: all sixteen ways to switch them on and off around one model, beside their controls.

There is no paper of it. Hyper-parameters are the defaults of ``clickwise compare``, and the split is chronological.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import combinations
from typing import Any

import numpy as np

from clickwise.comparison import title
from clickwise.errors import InputError
from clickwise.methods.catalogue import can_be_gated
from clickwise.methods.entries import METHODS
from clickwise.methods.names import Name, bases
from clickwise.metrics.summary import COMPARED
from clickwise.report.charts import interval_chart
from clickwise.report.wording import decimals, duration, estimate, interval, minus, p_value, signed
from clickwise.reproduce.against import Rows, mark
from clickwise.reproduce.artefact import Artefact, Paper
from clickwise.reproduce.combinations.effects import Parts, effects, sentences
from clickwise.reproduce.job import Job
from clickwise.reproduce.result import Result
from clickwise.reproduce.study import Study

BACKBONE, BESIDE = "din", ("lr", "fm")
"""The model that everything is put around, and the other candidates of MetaSelector."""
SOURCE_OPTIONS = {"shared_vocabulary": True, "history_length": 20}
GATE, LOSS, WEIGHTS, MODEL = "gate", "loss", "weights", "model"
PARTS = {GATE: "udg", LOSS: "autoloss", WEIGHTS: "recurrent-meta", MODEL: "metaselector"}
CALLED = {GATE: "UDG", LOSS: "AutoLoss", WEIGHTS: "RecurrentMeta", MODEL: "MetaSelector"}
STACKING, SHUFFLED = "stacking", "metaselector-shuffled"
RUNS = "combinations"
HEADINGS = ("AUC [95 %]", "LogLoss [95 %]", "ECE", "AUC - none (p)", "LogLoss - none (p)", "Training")
CONTROLS = (
    "Controls: MetaSelector is held against the best constant weights of the same models (stacking), and against "
    "itself with users shuffled; UDG against shuffled users and against embeddings of twice the length."
)
BASIS = (
    "Differences are paired by user, over users and seeds; p-values are corrected (Holm) over the fifteen "
    "combinations, over the four effects and over the six interactions, but not over the controls. An effect is "
    "averaged over the eight combinations of the other three."
)


def name_of(backbone: str, parts: Parts, mixture: str = PARTS[MODEL]) -> str:
    """The name in the catalogue of a combination of parts."""
    trainings = tuple(PARTS[part] for part in (LOSS, WEIGHTS) if part in parts)
    variant = str(Name(backbone, PARTS[GATE] if GATE in parts else "", trainings))
    return str(Name(mixture, candidates=(*BESIDE, variant))) if MODEL in parts else variant


def all_combinations() -> list[Parts]:
    """Of the parts, the smaller ones first."""
    return [frozenset(chosen) for size in range(len(PARTS) + 1) for chosen in combinations(PARTS, size)]


def pairs_held(backbone: str) -> list[tuple[str, str]]:
    """Combinations, and the control that each is held against."""
    pairs = [(f"{backbone}~{PARTS[GATE]}", f"{backbone}~{gate}") for gate in ("udg-shuffled", "doubled")]
    mixed = [parts for parts in all_combinations() if MODEL in parts]
    pairs += [(name_of(backbone, mixed[0]), name_of(backbone, mixed[0], SHUFFLED))]
    return pairs + [(name_of(backbone, parts), name_of(backbone, parts, STACKING)) for parts in mixed]


def names_of(backbone: str) -> list[str]:
    """All that is trained: the combinations, the mean logit, and the controls."""
    of_udg, of_doubled, shuffled, *mixtures = (control for _, control in pairs_held(backbone))
    combined = (name_of(backbone, parts) for parts in all_combinations())
    return [*BESIDE, *combined, "mean-logit", of_udg, of_doubled, *mixtures, shuffled]


def table(study: Study) -> Result:
    """All combinations with their controls, the effect of each part, and the interactions of pairs."""
    job, backbone, log = study.job, study.models[0], study.log()
    comparison = study.compared(log, study.rows, RUNS)
    tested = Rows.of(comparison)
    drawn, seeds = tested.draw(job.replicates), tested.seeds()
    names = {parts: name_of(backbone, parts) for parts in all_combinations()}
    rows = _rows(comparison.results["methods"], names, tested.differences(names.values(), backbone, drawn))
    held = [one for name, control in pairs_held(backbone) for one in tested.differences([name], control, drawn)]
    found = effects(
        list(PARTS),
        lambda parts: drawn.of(names[parts])["auc"],
        lambda parts: float(np.mean(seeds[names[parts]]["auc"])),
    )
    return Result(
        title=f"The four together: {title(backbone)} on {job.source}",
        log=log,
        setting=job.setting_name,
        rows=rows,
        headings=[*CALLED.values(), *HEADINGS],
        cells=[_cells(one) for one in rows],
        notes=[*sentences(found, CALLED, "AUC"), *(_held_in_words(one) for one in held), BASIS, CONTROLS],
        figures={"table": effects_figure(found)},
        facts={"effects": found, "controls": held},
        runs=comparison.results["run"],
    )


def _rows(
    values: Mapping[str, Any], names: Mapping[Parts, str], against: Sequence[Mapping[str, Any]]
) -> list[dict[str, Any]]:
    return [
        {
            "parts": [part for part in PARTS if part in parts],
            "method": name,
            "title": title(name),
            **{metric: values[name][metric] for metric in ("auc", "logloss", "ece")},
            "train_seconds": values[name]["train_seconds"],
            "against": {one["metric"]: one for one in against if one["method"] == name},
        }
        for parts, name in names.items()
    ]


def _held_in_words(one: Mapping[str, Any]) -> str:
    names = f"{title(one['method'])} minus {title(one['reference'])}"
    numbers = f"{signed(one['difference'])} {interval(one)}, {p_value(one['p'])}"
    return f"{names}: {'AUC' if one['metric'] == 'auc' else 'LogLoss'} {numbers}."


def _cells(one: Mapping[str, Any]) -> list[str]:
    return [
        *("yes" if part in one["parts"] else "" for part in PARTS),
        *(estimate(one[metric]) for metric in COMPARED),
        decimals(one["ece"]["mean"]),
        *(minus(one["against"].get(metric), "p_corrected") for metric in COMPARED),
        duration(one["train_seconds"]),
    ]


def effects_figure(found: Sequence[Mapping[str, Any]]) -> Any:
    """Effects and interactions with their intervals."""
    drawn = [mark(" x ".join(CALLED[part] for part in one["parts"]), one, p="") for one in found]
    return interval_chart(drawn, "AUC (right is better)", zero=True)


def _study(job: Job) -> Study:
    backbone = (job.models or (BACKBONE,))[0]
    return Study(replace(job, setting=job.setting or "honest"), names_of(backbone), (backbone,))


def _options_for(study: Study) -> list[str]:
    return [other for name in study.rows for other in (*bases(name), name)]


def _check(study: Study) -> None:
    job = study.job
    if job.version != "tuned":
        raise InputError("--version: no paper has all four together; give --version tuned, the defaults of compare")
    if len(job.models) > 1:
        raise InputError(f"--models: everything is put around one model; name one of {', '.join(job.models)}")


PAPER = Paper(
    artefacts={"table": Artefact(table)},
    study=_study,
    options_for=_options_for,
    source="synthetic",
    usual=lambda source: SOURCE_OPTIONS,
    models=[name for name in METHODS if METHODS[name].group == "model" and can_be_gated(name) and name not in BESIDE],
    called="model with an MLP",
    binary=False,
    check=_check,
)
