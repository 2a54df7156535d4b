"""AutoLoss (Zhao et al. 2021, "AutoLoss: Automated Loss Function Search in Recommendations"): what it publishes, its
hyper-parameters, and its tables and figures.

Settings: ``published`` divides rows at random, as the library that the paper builds on does; ``honest`` divides them by
time. Version ``paper`` takes the paper's hyper-parameters, ``tuned`` the defaults of ``clickwise compare`` and, with
``--trials``, options of every row that are tuned on validation rows with the same budget.
"""

from collections.abc import Callable, Mapping
from typing import Any

from clickwise.configuration import arguments
from clickwise.errors import InputError, nearest
from clickwise.methods.entries import METHODS
from clickwise.reproduce import autoloss_figures as figures
from clickwise.reproduce import autoloss_tables as tables
from clickwise.reproduce import controller_figure, transfer
from clickwise.reproduce.autoloss_runs import ABLATION, TABLE, TRANSFERRED, Study, row
from clickwise.reproduce.job import Job
from clickwise.reproduce.result import Result

SOURCE = "movielens-1m"
MODELS = ("deepfm", "pnn")
SEARCHED = "deepfm"
"""The model of which the paper shows cost, ablation in time, and transfer."""
TARGETS = ("nfm", "autoint")

CRITEO, ML_20M = "criteo", "movielens-20m"

TABLE_1 = {
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

ADAM = {"optimizer": "adam", "learning_rate": 1e-3, "weight_decay": 0.0, "batch_size": 2000}
NETWORK = {"embedding_dim": 16, "hidden_dims": (128, 128), "batch_norm": True, "dropout": 0.2, "products": "inner"}


def recipe(version: str, models: tuple[str, ...]) -> dict[str, dict[str, Any]]:
    """Options by model, which hold for its trainings too; none for version ``tuned``, which takes the defaults.

    Controller, temperature and update frequency are those that the trainings have by default: the paper's.
    """
    if version == "tuned":
        return {}
    return {
        name: {**{key: value for key, value in NETWORK.items() if key in arguments(METHODS[name].kind)}, **ADAM}
        for name in models
    }


def published_as(job: Job) -> str:
    """The data set of the paper that a log stands for; none where its task is another."""
    source = job.source or SOURCE
    if source.startswith("movielens") and job.source_options.get("label") == "stars":
        return ML_20M
    return CRITEO if source == CRITEO else ""


def _study(job: Job) -> Study:
    models = job.models or MODELS
    return Study(job, job.source or SOURCE, models, recipe(job.version, (*models, SEARCHED, *TARGETS)))


def _table1(job: Job) -> Result:
    return tables.table1(job, job.source or SOURCE, TABLE_1.get(published_as(job), {}), published_as(job))


def _table2(job: Job) -> Result:
    return tables.table2(_study(job), TABLE_2.get(published_as(job), {}), published_as(job))


def _table3(job: Job) -> Result:
    return tables.table3(_study(job), TABLE_3.get(published_as(job), {}), published_as(job))


def _figure3(job: Job) -> Result:
    return transfer.figure3(_study(job), SEARCHED, TARGETS)


def _figure4(job: Job) -> Result:
    return figures.figure4(_study(job), SEARCHED)


def _controller(job: Job) -> Result:
    return controller_figure.controller(_study(job), SEARCHED)


ARTEFACTS: Mapping[str, Callable[[Job], Result]] = {
    "table1": _table1,
    "table2": _table2,
    "table3": _table3,
    "figure3": _figure3,
    "figure4": _figure4,
    "controller": _controller,
}
OWN_OPTIONS = {"figure3": ("target",), "figure4": ("sweep",)}
"""What ``--set`` gives for an artefact and not for a method."""


def check(job: Job) -> None:
    """Raise ``InputError`` for an option that the artefact does not take."""
    if job.trials and job.version != "tuned":
        raise InputError("--trials: tunes the rows of version 'tuned'; add --version tuned, or leave it out")
    for name in job.models:
        if name not in METHODS or METHODS[name].group != "model":
            models = [other for other in METHODS if METHODS[other].group == "model"]
            raise InputError(f"--models: {name!r} is no model{nearest(name, models)}")
    for name in job.own:
        if name not in OWN_OPTIONS.get(job.artefact, ()):
            raise InputError(f"--set {name}.…: {job.artefact} has no such option")
    rows = (*TABLE, *ABLATION)
    known = {row(model, training) for model in (*(job.models or MODELS), SEARCHED) for training in rows}
    if job.artefact == "figure3":
        known |= {row(model, training) for model in TARGETS for training in ("cross_entropy", *TRANSFERRED)}
    if stray := [name for name in job.options if name not in known]:
        raise InputError(f"--set {stray[0]}.…: the method is not among the rows{nearest(stray[0], known)}")
