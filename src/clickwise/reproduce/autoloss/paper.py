"""AutoLoss (Zhao et al. 2021, "AutoLoss: Automated Loss Function Search in Recommendations"): its hyper-parameters, and
its tables and figures.

Settings: ``published`` divides rows at random, as the library that the paper builds on does; ``honest`` divides them by
time. Version ``paper`` takes the paper's hyper-parameters, ``tuned`` the defaults of ``clickwise compare`` and, with
``--trials``, options of every row that are tuned on validation rows with the same budget.
"""

from collections.abc import Sequence

from clickwise.methods.entries import METHODS
from clickwise.reproduce.artefact import Artefact, Paper
from clickwise.reproduce.autoloss import figures, tables
from clickwise.reproduce.autoloss.controllers import controller
from clickwise.reproduce.autoloss.published import CROSS_ENTROPY, SEARCHED, TARGETS, TRAININGS, TRANSFERRED, row
from clickwise.reproduce.autoloss.transfer import figure3
from clickwise.reproduce.job import Job
from clickwise.reproduce.study import Options, Study, recipe_of

MODELS = ("deepfm", "pnn")
ADAM = {"optimizer": "adam", "learning_rate": 1e-3, "weight_decay": 0.0, "batch_size": 2000}
NETWORK = {"embedding_dim": 16, "hidden_dims": (128, 128), "batch_norm": True, "dropout": 0.2, "products": "inner"}


def recipe(version: str, models: Sequence[str]) -> Options:
    """Options by model, which hold for its trainings too; none for version ``tuned``, which takes the defaults.

    Controller, temperature and update frequency are those that the trainings have by default: the paper's.
    """
    return {} if version == "tuned" else recipe_of(models, NETWORK, ADAM)


def _study(job: Job) -> Study:
    models = tuple(job.models) or MODELS
    rows = [row(model, training) for model in models for training in TRAININGS]
    # Hinge, for one, has no log loss that early stopping or tuning could watch.
    return Study(job, rows, models, recipe(job.version, (*models, SEARCHED, *TARGETS)), monitor="auc", resolved=True)


def _options_for(study: Study) -> list[str]:
    of_others = [row(SEARCHED, training) for training in TRAININGS]
    if study.job.artefact == "figure3":
        of_others += [row(model, training) for model in TARGETS for training in (CROSS_ENTROPY, *TRANSFERRED)]
    return [*study.rows, *of_others]


PAPER = Paper(
    artefacts={
        "table1": Artefact(tables.table1),
        "table2": Artefact(tables.table2),
        "table3": Artefact(tables.table3),
        "figure3": Artefact(figure3, own=("target",)),
        "figure4": Artefact(figures.figure4, own=("sweep",)),
        "controller": Artefact(controller),
    },
    study=_study,
    options_for=_options_for,
    source="movielens-1m",
    models=[name for name in METHODS if METHODS[name].group == "model"],
    tunes=True,
    binary=False,
)
