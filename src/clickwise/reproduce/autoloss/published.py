"""What the AutoLoss paper compares, and the numbers that it publishes, by data set, model and training."""

from collections.abc import Mapping

from clickwise.reproduce.job import Job

CROSS_ENTROPY = "cross_entropy"
FIXED = ("focal", "kl", "hinge", CROSS_ENTROPY)
TABLE = (*FIXED, "melu-weights", "bohb", "darts", "slf", "autoloss-published", "autoloss")
"""Columns of Table 2, and the sound variant, which is not in the paper."""
ABLATION = ("equal-weights", "autoloss-no-gumbel", "autoloss-published")
TRAININGS = tuple(dict.fromkeys((*TABLE, *ABLATION)))
TRANSFERRED = ("slf", "autoloss-published", "autoloss")
SEARCHED = "deepfm"
"""The model of which the paper shows cost, ablation in time, and transfer."""
TARGETS = ("nfm", "autoint")

CRITEO, ML_20M = "criteo", "movielens-20m"

TABLE_1: Mapping[str, Mapping[str, int | str]] = {
    CRITEO: {
        "interactions": 45_840_617,
        "feature fields": 39,
        "feature values": 1_086_810,
        "behaviour": "click or not",
    },
    ML_20M: {"interactions": 20_000_263, "feature fields": 2, "feature values": 165_771, "behaviour": "rating 1~5"},
}
ORDER = ("focal", "kl", "hinge", "cross_entropy", "melu-weights", "bohb", "darts", "slf", "autoloss-published")


def _rows(auc: tuple[float, ...], logloss: tuple[float, ...], order: tuple[str, ...]) -> dict[str, dict[str, float]]:
    return {name: {"auc": a, "logloss": b} for name, a, b in zip(order, auc, logloss, strict=True)}


TABLE_2 = {
    CRITEO: {
        "deepfm": _rows(
            (0.8046, 0.8042, 0.8049, 0.8056, 0.8063, 0.8065, 0.8067, 0.8081, 0.8092),
            (0.4466, 0.4469, 0.4463, 0.4457, 0.4436, 0.4435, 0.4433, 0.4426, 0.4416),
            ORDER,
        ),
        "pnn": _rows(
            (0.8077, 0.8072, 0.8079, 0.8085, 0.8090, 0.8092, 0.8093, 0.8098, 0.8108),
            (0.4435, 0.4437, 0.4432, 0.4428, 0.4423, 0.4422, 0.4423, 0.4418, 0.4409),
            ORDER,
        ),
    },
    ML_20M: {
        "deepfm": _rows(
            (0.7681, 0.7682, 0.7685, 0.7692, 0.7695, 0.7695, 0.7696, 0.7705, 0.7717),
            (1.2320, 1.2317, 1.2316, 1.2310, 1.2307, 1.2305, 1.2305, 1.2299, 1.2288),
            ORDER,
        ),
        "pnn": _rows(
            (0.7721, 0.7722, 0.7725, 0.7733, 0.7735, 0.7734, 0.7736, 0.7745, 0.7756),
            (1.2270, 1.2269, 1.2266, 1.2260, 1.2256, 1.2257, 1.2255, 1.2249, 1.2236),
            ORDER,
        ),
    },
}
ABLATIONS = ("equal-weights", "autoloss-no-gumbel", "autoloss-published")
TABLE_3 = {
    CRITEO: {
        "deepfm": _rows((0.8052, 0.8083, 0.8092), (0.4460, 0.4422, 0.4416), ABLATIONS),
        "pnn": _rows((0.8081, 0.8102, 0.8108), (0.4431, 0.4416, 0.4409), ABLATIONS),
    }
}


def published_as(job: Job) -> str:
    """The data set of the paper that a log stands for; none where its task is another."""
    if job.source.startswith("movielens") and job.source_options.get("label") == "stars":
        return ML_20M
    return CRITEO if job.source == CRITEO else ""


def row(model: str, training: str) -> str:
    """The name of a model with a training in the catalogue; cross-entropy is the model itself."""
    return model if training == CROSS_ENTROPY else f"{model}+{training}"
