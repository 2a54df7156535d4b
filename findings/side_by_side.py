"""Findings of one artefact side by side: published, as published, and honest."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from clickwise.report.wording import MISSING, decimals
from clickwise.reproduce.result import table
from findings.store import Finding

KEYS = ("log", "subset", "title", "update_every", "stage")


def side_by_side(findings: Sequence[Finding]) -> Iterator[str]:
    """AUC of each row, published and of every finding; nothing where rows have no AUC."""
    compared = [one for one in findings if any("auc" in row for row in one.rows)]
    if not compared:
        return
    rows = dict.fromkeys(_key(row) for finding in compared for row in finding.rows)
    by_key = [{_key(row): row for row in finding.rows} for finding in compared]
    published = {key: _published(next(rows[key] for rows in by_key if key in rows)) for key in rows}
    headings = [
        "AUC",
        *(["published"] if any(published.values()) else []),
        *(f"{one.name} ({one.seeds})" for one in compared),
    ]
    told = [[decimals(published[key])] if any(published.values()) else [] for key in rows]
    cells = [
        [", ".join(key), *of_paper, *(_auc(rows.get(key)) for rows in by_key)]
        for key, of_paper in zip(rows, told, strict=True)
    ]
    yield from (*table(headings, cells), "")


def _key(row: Mapping[str, Any]) -> tuple[str, ...]:
    words = {"update_every": "f = {}"}
    return tuple(words.get(key, "{}").format(row[key]) for key in KEYS if row.get(key) is not None)


def _published(row: Mapping[str, Any]) -> float | None:
    told = row.get("published")
    return told.get("auc") if isinstance(told, dict) else None


def _auc(row: Mapping[str, Any] | None) -> str:
    value = None if row is None else row.get("auc")
    mean = value["mean"] if isinstance(value, dict) else value
    return MISSING if mean is None else decimals(mean)
