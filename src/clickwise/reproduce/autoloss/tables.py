"""How the tables of the AutoLoss paper are made: from data, runs and what was published."""

from collections.abc import Mapping, Sequence
from typing import Any

from clickwise.comparison import title
from clickwise.report.charts import interval_chart
from clickwise.reproduce import sizes
from clickwise.reproduce.against import mark
from clickwise.reproduce.autoloss.losses import HEADINGS, Published, loss_cells, loss_rows, survives, verdict
from clickwise.reproduce.autoloss.published import (
    ABLATION,
    CROSS_ENTROPY,
    TABLE,
    TABLE_1,
    TABLE_2,
    TABLE_3,
    published_as,
)
from clickwise.reproduce.job import Job
from clickwise.reproduce.result import Result
from clickwise.reproduce.study import Study

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


def table1(study: Study) -> Result:
    """Table 1: the size of the data set."""
    log, source = study.log(), study.job.source
    classes = log.schema.classes
    ours: dict[str, sizes.Value] = {
        "interactions": sizes.samples(log),
        "feature fields": len(log.schema.fields),
        "feature values": sizes.features(log),
        "behaviour": "click or not" if classes == 2 else f"rating 1~{classes}",
    }
    published = TABLE_1.get(published_as(study.job), {})
    notes = [sizes.FEATURES, *source_notes(study.job)]
    return sizes.size_table(study, log, f"Table 1: statistics of {source}", ours, published, notes)


def table2(study: Study) -> Result:
    """Table 2: every way to train each model."""
    title = f"Table 2: loss functions and their search on {study.job.source}"
    return _table(study, title, TABLE, TABLE_2.get(published_as(study.job), {}))


def table3(study: Study) -> Result:
    """Table 3: what is left of AutoLoss without its controller, and without Gumbel-softmax."""
    title = f"Table 3: components of AutoLoss on {study.job.source}"
    return _table(study, title, (CROSS_ENTROPY, *ABLATION), TABLE_3.get(published_as(study.job), {}))


def _table(study: Study, title: str, trainings: Sequence[str], published: Published) -> Result:
    job, log = study.job, study.log()
    comparison, _ = study.whole(log)
    rows = loss_rows(comparison, study.models, trainings, published, job.replicates)
    return Result(
        title=title,
        log=log,
        setting=job.setting_name,
        rows=rows,
        headings=HEADINGS,
        cells=loss_cells(rows),
        notes=[*verdict(rows), *notes(study), SOUND, OPEN, *source_notes(job)],
        figures={job.artefact: gains_figure(rows)},
        facts={"verdict": verdict(rows), "options": comparison.results["run"]["options"]["options"]},
        runs=comparison.results["run"],
    )


def notes(study: Study) -> list[str]:
    """What holds of every table of rows: what was tuned and watched, and how it was tested."""
    job = study.job
    tuned = TUNED_NOTE.format(trials=job.trials) if job.trials else AS_PAPER if job.version == "paper" else DEFAULTS
    return [tuned, WATCHED, ONE_AGAINST_REST, TESTS]


def source_notes(job: Job) -> list[str]:
    """What the published numbers are of, where it is not this source."""
    if not published_as(job):
        return [f"The paper has no numbers for this task on {job.source}."]
    return [] if job.source == published_as(job) else [f"Published values are those of {published_as(job)}."]


def gains_figure(rows: Sequence[Mapping[str, Any]]) -> Any:
    """AUC of every row minus that of cross-entropy, with its interval over users; filled where both tests show it."""
    drawn = [
        mark(f"{title(one['model'])} {one['training']}", found["auc"], survives(found))
        for one in rows
        for found in [one["against"].get(CROSS_ENTROPY)]
        if found is not None
    ]
    return interval_chart(drawn, "AUC minus cross-entropy's (right is better)", zero=True)
