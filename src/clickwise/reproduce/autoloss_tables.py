"""How the tables of the AutoLoss paper are made: from data, runs and what was published."""

from collections.abc import Mapping, Sequence
from typing import Any

from clickwise.comparison import title
from clickwise.methods.memory import FIRST_VALUE
from clickwise.report.charts import Row, interval_chart
from clickwise.report.wording import MISSING, count, p_value, signed
from clickwise.reproduce.autoloss_runs import ABLATION, ALL, CROSS_ENTROPY, TABLE, Study, row
from clickwise.reproduce.job import Job, open_log
from clickwise.reproduce.loss_table import HEADINGS, Published, loss_cells, loss_rows, survives, verdict
from clickwise.reproduce.result import Result

COUNTED = (
    "Feature values are those of all vocabularies, which are fitted on training rows alone, without the ids for "
    "padding, unknown and missing values."
)
WATCHED = (
    "Early stopping, and tuning where there is any, watch the AUC of the validation rows, for all rows of the table "
    "alike: losses such as hinge are not calibrated, and their log loss says little."
)
ONE_AGAINST_REST = "With classes, AUC is the mean over the classes of one against the rest."
TESTS = (
    "Tests, two-sided: over users, a bootstrap of paired differences, p corrected over the rows of the model (Holm); "
    "over seeds, Welch's t-test, not corrected, as the paper has it. The best fixed loss is the one with the highest "
    "AUC on validation rows. A gain survives where both have p < 0.05."
)
SOUND = (
    "AutoLoss as published is first order; AutoLoss without an addition is the sound variant, which the paper does not "
    "have: log loss after an unrolled step as the controller's aim, and candidates of one scale."
)
OPEN = (
    "The paper leaves the losses undefined: focal has gamma 2, KL is against a target smoothed by 0.1, hinge is on the "
    "logit, or categorical for classes. MeLU, BOHB and DARTS learn weights that are the same for all examples."
)
TUNED_NOTE = "Learning rate, weight decay and dropout of every row were tuned with the same budget of {trials} trials."
AS_PAPER = "Hyper-parameters are the paper's, the same for every row; nothing was tuned."
DEFAULTS = "Hyper-parameters are the defaults of clickwise compare, the same for every row; --trials tunes them."


def table1(job: Job, source: str, published: Mapping[str, Any], published_as: str) -> Result:
    """Table 1: the size of the data set."""
    log = open_log(job, source, job.split)
    vocabularies = log.schema.vocabularies.values()
    classes = log.schema.classes
    ours: dict[str, int | str] = {
        "interactions": sum(log.manifest["rows"].values()),
        "feature fields": len(log.schema.fields),
        "feature values": sum(vocabularies) - FIRST_VALUE * len(vocabularies),
        "behaviour": "click or not" if classes == 2 else f"rating 1~{classes}",
    }
    return Result(
        title=f"Table 1: statistics of {source}",
        log=log,
        setting=job.setting_name,
        rows=[{"statistic": name, "published": published.get(name), "ours": value} for name, value in ours.items()],
        headings=["Statistic", "Published", "Ours"],
        cells=[[name, _told(published.get(name)), _told(value)] for name, value in ours.items()],
        notes=[COUNTED, *source_notes(source, published_as)],
    )


def _told(value: int | str | None) -> str:
    return value if isinstance(value, str) else count(value)


def table2(study: Study, published: Published, published_as: str) -> Result:
    """Table 2: every way to train each model."""
    title = f"Table 2: loss functions and their search on {study.source}"
    return _table(study, title, TABLE, published, published_as, "table2")


def table3(study: Study, published: Published, published_as: str) -> Result:
    """Table 3: what is left of AutoLoss without its controller, and without Gumbel-softmax."""
    title = f"Table 3: components of AutoLoss on {study.source}"
    return _table(study, title, (CROSS_ENTROPY, *ABLATION), published, published_as, "table3")


def _table(
    study: Study, title: str, trainings: Sequence[str], published: Published, published_as: str, picture: str
) -> Result:
    job = study.job
    log = open_log(job, study.source, job.split)
    names = [row(model, training) for model in study.models for training in dict.fromkeys((*TABLE, *ABLATION))]
    comparison = study.compared(log, names, ALL)
    rows = loss_rows(comparison, study.models, trainings, published, job.replicates)
    return Result(
        title=title,
        log=log,
        setting=job.setting_name,
        rows=rows,
        headings=HEADINGS,
        cells=loss_cells(rows),
        notes=[*verdict(rows), *notes(study), SOUND, OPEN, *source_notes(study.source, published_as)],
        figures={picture: gains_figure(rows)},
        facts={"verdict": verdict(rows), "options": comparison.results["run"]["options"]["options"]},
        runs=comparison,
    )


def notes(study: Study) -> list[str]:
    """What holds of every table of rows: what was tuned and watched, and how it was tested."""
    job = study.job
    tuned = TUNED_NOTE.format(trials=job.trials) if job.trials else AS_PAPER if job.version == "paper" else DEFAULTS
    return [tuned, WATCHED, ONE_AGAINST_REST, TESTS]


def source_notes(source: str, published_as: str) -> list[str]:
    """What the published numbers are of, where it is not this source."""
    if not published_as:
        return [f"The paper has no numbers for this task on {source}."]
    return [] if source == published_as else [f"Published values are those of {published_as}."]


def gains_figure(rows: Sequence[Mapping[str, Any]]) -> Any:
    """AUC of every row minus that of cross-entropy, with its interval over users; filled where both tests show it."""
    drawn = []
    for one in rows:
        found = one["against"].get(CROSS_ENTROPY)
        if found is None:
            continue
        auc = found["auc"]
        note = (
            f"{signed(auc['difference'])} {p_value(auc['p_corrected'])}" if auc["difference"] is not None else MISSING
        )
        drawn.append(
            Row(
                f"{title(one['model'])} {one['training']}",
                note,
                auc["difference"],
                auc["low"],
                auc["high"],
                survives(found),
            )
        )
    return interval_chart(drawn, "AUC minus cross-entropy's (right is better)", zero=True)
