"""How the tables of recurrent meta-learning are made in the published setting."""

from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

from clickwise.data.cold_start import SUBSETS, GeneralisedColdStart, generalised_cold_start
from clickwise.data.sources import open_table
from clickwise.data.storage import PreparedLog
from clickwise.errors import InputError
from clickwise.report.wording import MISSING, count, decimals, p_value, percent, signed, stars
from clickwise.reproduce.recurrent_meta_published import PHASES, TABLE_1, Rows
from clickwise.reproduce.recurrent_meta_rows import CONTROL, ROWS
from clickwise.reproduce.recurrent_meta_runs import Study, cold_log, cold_outcomes, protocol_of
from clickwise.reproduce.recurrent_meta_values import of, values, verdict
from clickwise.reproduce.result import Result

ERRORS = (
    "In brackets: the standard error of AUC over the test rows (DeLong); differences from the control are on the same "
    "rows, p of a z test, corrected over the rows of a subset (Holm). They do not speak for other seeds."
)
LOSSES = (
    "The published loss is the weighted total of log loss, L2 and auxiliary loss, as the authors' code shows. Ours is "
    "the log loss; in brackets our total, where a network has one, over alpha and with our scale of L2."
)
TUNING = (
    "Epochs are chosen by log loss on the rows of FT-A, FT-B and FT-C before fine-tuning, and the control's smoothing "
    "too; the paper does not say how it chooses. Then each set makes one step for 128 rows: of the optimiser, of local "
    "and global training (ours, as published), or outer (MeLU, MAMO, ours, bilevel). The control stays."
)
LEAKS = (
    "Rows of other users may lie after a test row, and all test users occur in training: cold means few rows. A "
    "user's test row is their last of the subset."
)
SERVED = (
    "Meta-Embedding serves ids that the log does not know; few rows here have one, so it is nearly the basic model."
)
OF_PAPER = (
    "Hyper-parameters are those of section 4.2 (batches of 128, Adam, rate decay 0.70 an epoch) and of the authors' "
    "code (dropout 0.3 on CW of MovieLens-1M). Not stated are the MLP (200-80 here), the length of embeddings (16) "
    "and the scale of L2 (1e-5)."
)
DEFAULTS = "Hyper-parameters are the defaults of clickwise compare."


def table1(study: Study) -> Result:
    """Table 1: users, items, samples and sparsity."""
    log = cold_log(study)
    schema = log.schema
    if not schema.item or not schema.user:
        raise InputError("table1 counts users and items; the source must name both, avazu by its options user and item")
    table, _ = open_table(study.source, study.job.data_root, **study.job.source_options)
    items = table.scan().select(pl.col(schema[schema.item].column).drop_nulls().n_unique()).collect().item()
    samples, users = sum(log.manifest["rows"].values()), int(log.manifest["users"])
    ours = {"users": users, "items": items, "samples": samples, "sparsity": samples / (users * items)}
    published = TABLE_1.get(study.source, {})

    def shown(name: str, value: float | None) -> str:
        return percent(value, 5) if name == "sparsity" else count(None if value is None else int(value))

    return Result(
        title=f"Table 1: size of {study.source}",
        log=log,
        setting=study.job.setting_name,
        rows=[{"statistic": name, "published": published.get(name), "ours": value} for name, value in ours.items()],
        headings=["Statistic", "Published", "Ours"],
        cells=[[name, shown(name, published.get(name)), shown(name, value)] for name, value in ours.items()],
        notes=["Users and items are those of the rows. Sparsity is samples / (users * items), as in the paper."],
    )


def main_table(study: Study, number: int, published: Rows, phases: Sequence[str]) -> Result:
    """Tables 2 to 5: every row on both subsets, after the fine-tuning sets ``phases``."""
    log = cold_log(study)
    found = generalised_cold_start(log, **protocol_of(study.job))
    rows = values(found, cold_outcomes(study, log, found), published)
    return Result(
        title=f"Table {number}: {'ablations' if number == 5 else 'methods'} on {study.source}, generalised cold start",
        log=log,
        setting="published",
        rows=rows,
        headings=_headings(phases),
        cells=[_cells(rows, subset, name, phases) for subset in found.subsets for name in study.names],
        notes=[*verdict(rows), *counts_told(found), ERRORS, LOSSES, TUNING, LEAKS, *notes_of(study)],
        facts={"verdict": verdict(rows), "protocol": protocol_of(study.job), "subsets": subset_facts(found)},
    )


def without_data(study: Study, log: PreparedLog, number: int, published: Rows, reason: str) -> Result:
    """A table of published values alone, and why there are none of ours."""
    rows: list[dict[str, Any]] = [
        {"subset": subset, "row": name, "title": ROWS[name].title, "published": {"loss": told[0], "auc": told[1]}}
        for subset in SUBSETS
        for name, each in published.items()
        for told in (each[(subset, PHASES[-1])],)
    ]
    return Result(
        title=f"Table {number}: published values on {study.source}; ours are missing",
        log=log,
        setting="published",
        rows=rows,
        headings=["Subset, model", "Published loss", "Published AUC", "Ours"],
        cells=[
            [f"{one['subset']}, {one['title']}", *(decimals(one["published"][key]) for key in ("loss", "auc")), MISSING]
            for one in rows
        ],
        notes=[f"Ours are missing: {reason}.", "Give the whole data set with --data-root."],
        facts={"missing": reason},
    )


def notes_of(study: Study) -> list[str]:
    """Which hyper-parameters the rows have, and what holds for single rows."""
    served = [SERVED] if "meta-embedding" in study.names else []
    return [*served, DEFAULTS if study.job.version == "tuned" else OF_PAPER]


def counts_told(found: GeneralisedColdStart) -> list[str]:
    """Who is warm, cold, or left out."""
    told = [
        f"{found.warm_users:,} warm and {found.cold_users:,} cold users, {found.warm_items:,} warm items (more than "
        f"{found.item_threshold:,} rows) and {found.cold_items:,} cold ones; {found.few_users:,} users with too few "
        f"rows are left out, with {found.few_rows:,} rows."
    ]
    for name, rows in found.subsets.items():
        sets = ", ".join(str(len(each)) for each in rows.fine_tuning)
        told.append(
            f"{name}: {len(rows.train):,} training rows, fine-tuning sets of {sets}, {len(rows.test):,} test rows; "
            f"{rows.users:,} users, {rows.items:,} items, {rows.single:,} users with one row left out."
        )
    return told


def subset_facts(found: GeneralisedColdStart) -> dict[str, Any]:
    """The same as plain values."""
    whole = {name: value for name, value in vars(found).items() if name != "subsets"}
    return whole | {
        name: {
            "train": len(rows.train), "fine_tuning": [len(each) for each in rows.fine_tuning],
            "test": len(rows.test), "users": rows.users, "items": rows.items, "single": rows.single,
        }
        for name, rows in found.subsets.items()
    }  # fmt: skip


def _headings(phases: Sequence[str]) -> list[str]:
    each = [
        f"{phase} {what}"
        for phase in phases
        for what in ("published loss", "published AUC", "our log loss (total)", "our AUC (error)")
    ]
    return ["Subset, model", *each, f"{phases[-1]} AUC - control (p)"]


def _cells(rows: Sequence[Mapping[str, Any]], subset: str, name: str, phases: Sequence[str]) -> list[str]:
    cells = [f"{subset}, {ROWS[name].title}"]
    for phase in phases:
        one = of(rows, subset, name, phase)
        told = one["published"] or {}
        cells += [decimals(told.get(key)) for key in ("loss", "auc")]
        total = "" if one["total_loss"] is None else f" ({decimals(one['total_loss'])})"
        cells += [f"{decimals(one['logloss'])}{total}", f"{decimals(one['auc'])} ({decimals(one['standard_error'])})"]
    against = of(rows, subset, name, phases[-1])["against"]
    if name == CONTROL:
        return [*cells, MISSING]
    p = against["p_corrected"]
    return [*cells, f"{signed(against['difference'])} ({p_value(p)} {stars(p)}".rstrip() + ")"]
