"""What the report says in words: how to read it, and how its numbers are made."""

from collections.abc import Iterator

from clickwise.metrics.summary import ORACLE
from clickwise.report.markup import section, terms
from clickwise.report.reading import Results

MAKING = {
    "Test rows": "All numbers are computed once over all test rows, which no method was trained or selected on; early "
    "stopping and hyper-parameters look at validation rows only.",
    "Seeds": "A method's value is the mean over seeds. Calibration and the density of per-user LogLoss use the mean "
    "over seeds of each probability.",
    "LogLoss": "Natural logarithm, per impression.",
    "GAUC": "AUC within users, weighted by impressions; users with one class only are left out.",
    "ECE": "Distance between predicted and observed click rate, over 20 bins of equal mass.",
    "PCOC": "Mean predicted over mean observed click rate: 1 is right, above 1 is too many clicks promised.",
    "RelaImpr": "AUC above 0.5, compared with that of the best single model.",
    "Users won": "Share of users for whom a method has the lowest LogLoss of all but the oracle, ties split equally.",
    "Intervals": "95 %. They resample whole users, because the rows of one user are not independent, and seeds where "
    "there are several.",
    "Differences": "Paired: both methods are evaluated on the same resampled users. Their p-values are corrected by "
    "Holm for the number of methods compared.",
}
GAP_CLOSED = "How far a method comes from the best single model (0 %) to the oracle (100 %), in AUC."


def reading_section(results: Results) -> str:
    """How to read the report, in plain words."""
    return section("reading", "How to read this", terms(dict(_words(results))), kind="reading")


def _words(results: Results) -> Iterator[tuple[str, str]]:
    """Each word with what it means; only those that this report uses."""
    yield "AUC", "How often a clicked impression is ranked above one that was not. 0.5 is guessing, 1 is perfect."
    yield "LogLoss", "How far the predicted probabilities are from what happened. Lower is better."
    yield "Interval", "Brackets, or a line in a picture: how far the value could move had other users come."
    yield (
        "Chance",
        "A difference counts where its corrected p-value is below 0.05. Otherwise it is not shown, which is not to say "
        "that there is none.",
    )
    if any(method["control"] for method in results["methods"].values()):
        yield "Control", "A cheap baseline. What learns or adapts more has to beat it to be worth its cost."
    if ORACLE in results["methods"]:
        yield "Upper bound", "The true click probabilities, known because this log is made up. Nothing can do better."


def making_section(results: Results) -> str:
    """How the numbers are made."""
    known = any(method["gap_closed"] is not None for method in results["methods"].values())
    made = MAKING | ({"Gap closed": GAP_CLOSED} if known else {})
    return section("making", "How the numbers are made", terms(made))
