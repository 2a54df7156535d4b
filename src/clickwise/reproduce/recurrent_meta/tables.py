"""How the tables of recurrent meta-learning are made, in the published setting or the honest one."""

from collections.abc import Mapping, Sequence
from typing import Any

from clickwise.data.cold_start import SUBSETS, NoSessions, generalised_cold_start
from clickwise.data.storage import PreparedLog
from clickwise.errors import InputError
from clickwise.report.wording import MISSING, decimals, minus
from clickwise.reproduce import sizes
from clickwise.reproduce.recurrent_meta.honest import honest_table
from clickwise.reproduce.recurrent_meta.notes import counts_told, notes_of, subset_facts
from clickwise.reproduce.recurrent_meta.published import AVAZU, MAIN, PHASES, SESSION_LENGTH, TABLE_1, TABLE_5, Rows
from clickwise.reproduce.recurrent_meta.rows import ROWS
from clickwise.reproduce.recurrent_meta.runs import OWN, cold_log, cold_outcomes, facts_of, protocol_of
from clickwise.reproduce.recurrent_meta.values import of, values, verdict
from clickwise.reproduce.result import Result
from clickwise.reproduce.study import Study

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


def table1(study: Study) -> Result:
    """Table 1: users, items, samples and sparsity."""
    log, source = cold_log(study), study.job.source
    if not log.schema.item or not log.schema.user:
        raise InputError("table1 counts users and items; the source must name both, avazu by its options user and item")
    users, items, samples = int(log.manifest["users"]), sizes.items(study, log), sizes.samples(log)
    ours = {"users": users, "items": items, "samples": samples, "sparsity": samples / (users * items)}
    notes = ["Users and items are those of the rows. Sparsity is samples / (users * items), as in the paper."]
    return sizes.size_table(study, log, f"Table 1: size of {source}", ours, TABLE_1.get(source, {}), notes)


def table2(study: Study) -> Result:
    """Table 2: MovieLens-1M."""
    return _table(study, 2, MAIN, PHASES)


def table3(study: Study) -> Result:
    """Table 3: Book-Crossing."""
    return _table(study, 3, MAIN, PHASES[-1:])


def table4(study: Study) -> Result:
    """Table 4: Avazu."""
    if study.job.setting != "honest" and study.job.source == AVAZU:
        log = cold_log(study)
        try:
            generalised_cold_start(log, **protocol_of(study.job))
        except NoSessions as error:  # a sample of the first hour, say: no session there has an earlier row
            if study.job.own.get(OWN) or study.job.source_options.get("session_length") != SESSION_LENGTH:
                raise  # it may be these options that are wrong, and not the log
            return without_data(study, log, 4, MAIN[AVAZU], str(error))
    return _table(study, 4, MAIN, PHASES[-1:])


def table5(study: Study) -> Result:
    """Table 5: what is left of the method without its parts."""
    return _table(study, 5, TABLE_5, PHASES)


def _table(study: Study, number: int, published: Mapping[str, Rows], phases: Sequence[str]) -> Result:
    if study.job.setting == "honest":
        return honest_table(study, number)
    return main_table(study, number, published.get(study.job.source, {}), phases)


def main_table(study: Study, number: int, published: Rows, phases: Sequence[str]) -> Result:
    """Tables 2 to 5: every row on both subsets, after the fine-tuning sets ``phases``."""
    log = cold_log(study)
    found = generalised_cold_start(log, **protocol_of(study.job))
    outcomes = cold_outcomes(study, log, found)
    rows = values(found, outcomes, published)
    what = "ablations" if number == 5 else "methods"
    return Result(
        title=f"Table {number}: {what} on {study.job.source}, generalised cold start",
        log=log,
        setting="published",
        rows=rows,
        headings=_headings(phases),
        cells=[_cells(rows, subset, name, phases) for subset in found.subsets for name in study.rows],
        notes=[*verdict(rows), *counts_told(found), ERRORS, LOSSES, TUNING, LEAKS, *notes_of(study)],
        facts={"verdict": verdict(rows), "protocol": protocol_of(study.job), "subsets": subset_facts(found)},
        runs=facts_of(outcomes.values()),
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
        title=f"Table {number}: published values on {study.job.source}; ours are missing",
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
    return [*cells, minus(of(rows, subset, name, phases[-1])["against"], "p_corrected")]
