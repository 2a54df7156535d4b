"""What stands below the tables and figures of the UDG paper."""

from clickwise.reproduce.job import Job
from clickwise.reproduce.udg.published import DATA_SETS, data_set

TESTS = (
    "Tests, two-sided: over users, a bootstrap of paired differences; over seeds, Welch's t-test. Against the base "
    "model p over users is corrected over the model's rows (Holm); against the controls it is not, as a gain survives "
    "only where p < 0.05 against the base model and against each control."
)
CONTROLS_NOTE = (
    "Controls: embeddings of twice the length, a further vector of every id where gates have one of every user and "
    "small networks; gates that read the vector of another user. UDG without user reads item and behaviour alone."
)
BALANCED = (
    "The paper's test sets are balanced: its LogLoss / (1 - RIG) is ln 2 in nearly every row. This log keeps its click "
    "rate, {rate} of the test rows, so LogLoss, RMSE and RIG compare only roughly."
)
OF_PAPER = (
    "Hyper-parameters are those of the authors' code: MLP 200-80, Adam at 0.001, batches of 256, at most 3 epochs. It "
    "halves the rate after each epoch, which is left out. The length of embeddings is not stated: 16 here."
)
DEFAULTS = "Hyper-parameters are the defaults of clickwise compare, the same for every row of a model."


def notes(job: Job) -> list[str]:
    """Which hyper-parameters the rows have."""
    return [OF_PAPER if job.version == "paper" else DEFAULTS]


def source_notes(job: Job) -> list[str]:
    """What the published numbers are of, where it is not this source."""
    name = data_set(job.source)
    return [
        f"Published values are those of {DATA_SETS[name]}." if name else f"The paper has no numbers on {job.source}."
    ]
