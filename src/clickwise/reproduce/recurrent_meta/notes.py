"""What stands below the tables and the figure of recurrent meta-learning."""

from typing import Any

from clickwise.data.cold_start import GeneralisedColdStart
from clickwise.reproduce.recurrent_meta.rows import ROWS, taken_by
from clickwise.reproduce.study import Study

SERVED = (
    "Meta-Embedding serves ids that the log does not know; few rows here have one, so it is nearly the basic model."
)
OF_PAPER = (
    "Hyper-parameters are those of section 4.2 (batches of 128, Adam, rate decay 0.70 an epoch) and of the authors' "
    "code (dropout 0.3 on CW of MovieLens-1M). Not stated are the MLP (200-80 here), the length of embeddings (16) "
    "and the scale of L2 (1e-5)."
)
OF_TASKS = (
    "Without such batches: {rows}. Their steps are of several tasks, each a stretch of a user's rows; the sizes of "
    "tasks, and the rates and prior rows of inner steps, are the defaults of clickwise compare."
)
DEFAULTS = "Hyper-parameters are the defaults of clickwise compare."


def notes_of(study: Study) -> list[str]:
    """Which hyper-parameters the rows have, and what holds for single rows."""
    served = [SERVED] if "meta-embedding" in study.rows else []
    if study.job.version == "tuned":
        return [*served, DEFAULTS]
    of_tasks = [ROWS[name].title for name in study.rows if "query_size" in taken_by(name)]
    return [*served, OF_PAPER, *([OF_TASKS.format(rows="; ".join(of_tasks))] if of_tasks else [])]


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
