"""How large a data set is, beside what was published of it."""

from collections.abc import Mapping, Sequence

import polars as pl

from clickwise.data.sources import open_table
from clickwise.data.storage import PreparedLog
from clickwise.errors import InputError
from clickwise.report.wording import count, percent
from clickwise.reproduce.result import Result
from clickwise.reproduce.study import Study

FEATURES = (
    "Features are the values of all vocabularies, which are fitted on training rows alone, without the ids for "
    "padding, unknown and missing values."
)

Value = int | float | str


def size_table(
    study: Study,
    log: PreparedLog,
    title: str,
    ours: Mapping[str, Value],
    published: Mapping[str, Value],
    notes: Sequence[str],
) -> Result:
    """A statistic a row: published, and ours. Shares are floats, counts whole numbers."""
    return Result(
        title=title,
        log=log,
        setting=study.job.setting_name,
        rows=[{"statistic": name, "published": published.get(name), "ours": value} for name, value in ours.items()],
        headings=["Statistic", "Published", "Ours"],
        cells=[[name, _told(published.get(name)), _told(value)] for name, value in ours.items()],
        notes=notes,
    )


def _told(value: Value | None) -> str:
    if isinstance(value, str):
        return value
    return percent(value, 5) if isinstance(value, float) else count(value)


def samples(log: PreparedLog) -> int:
    """Rows of all parts."""
    return sum(log.manifest["rows"].values())


def items(study: Study, log: PreparedLog) -> int:
    """Items that any row names; a missing one is none.

    Raises:
        InputError: the schema names no item.
    """
    job, schema = study.job, log.schema
    if not schema.item:
        raise InputError(f"{job.artefact}: source {job.source!r} names no item, so items cannot be counted")
    table, _ = open_table(job.source, job.data_root, **dict(job.source_options))
    return int(table.scan().select(pl.col(schema[schema.item].column).drop_nulls().n_unique()).collect().item())


def features(log: PreparedLog) -> int:
    """Values of all vocabularies."""
    return log.schema.values
