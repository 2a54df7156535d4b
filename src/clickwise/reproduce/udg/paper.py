"""UDG (Yuan et al. 2022, "Personalized Recommendation Systems with User-dependent Gating"): its hyper-parameters, and
its tables and figures.

Settings: ``published`` divides each user's rows at random, as the paper does not say how it divides; ``honest`` divides
by time. Version ``paper`` takes what the authors' code has where the paper is silent, ``tuned`` the defaults of
``clickwise compare``.
"""

from collections.abc import Sequence

from clickwise.methods.catalogue import can_be_gated
from clickwise.methods.entries import METHODS
from clickwise.reproduce.artefact import Artefact, Paper
from clickwise.reproduce.job import Job
from clickwise.reproduce.study import Options, Study, recipe_of
from clickwise.reproduce.udg import tables
from clickwise.reproduce.udg.figures import figure3
from clickwise.reproduce.udg.published import GENERATOR, MODELS, TABLE, TESTED, WARMED_UP, row
from clickwise.reproduce.udg.table4 import table4
from clickwise.reproduce.udg.table5 import figure4, table5

SOURCE_OPTIONS = {"shared_vocabulary": True, "history_length": 20}
"""DIN and DIEN compare a behaviour with the candidate."""
ADAM = {"optimizer": "adam", "learning_rate": 1e-3, "weight_decay": 0.0, "batch_size": 256}
NETWORK = {"embedding_dim": 16, "hidden_dims": (200, 80), "dropout": 0.0, "batch_norm": False}
EPOCHS_OF_PAPER = 3
"""That its code makes."""
OWN_MODELS = {"table4": (TESTED,), "table5": WARMED_UP, "figure4": WARMED_UP}
"""Of the artefacts that are not of all models."""


def recipe(version: str, models: Sequence[str]) -> Options:
    """Options by model, which hold for its gated rows too; none for version ``tuned``, which takes the defaults."""
    return {} if version == "tuned" else recipe_of(models, NETWORK, ADAM)


def _study(job: Job) -> Study:
    models = tuple(job.models) or OWN_MODELS.get(job.artefact, MODELS)
    rows = [row(model, gate) for model in models for gate in TABLE]
    return Study(job, rows, models, recipe(job.version, models), EPOCHS_OF_PAPER if job.version == "paper" else None)


def _options_for(study: Study) -> list[str]:
    of_rows = [row(model, gate) for model in (*(study.job.models or MODELS), TESTED) for gate in TABLE]
    return [*of_rows, *([GENERATOR] if study.job.artefact in ("table5", "figure4") else [])]


HOLDS_OUT = "it holds users out"
PAPER = Paper(
    artefacts={
        "table1": Artefact(tables.table1),
        "table2": Artefact(tables.table2),
        "table3": Artefact(tables.table3),
        "table4": Artefact(
            table4,
            own=("traffic",),
            split="its requests are of the log's last day, so training is on earlier days",
            simulates="a simulated test",
        ),
        "table5": Artefact(table5, own=("newcomers",), split=HOLDS_OUT),
        "figure2": Artefact(tables.figure2),
        "figure3": Artefact(figure3),
        "figure4": Artefact(figure4, own=("newcomers",), split=HOLDS_OUT),
    },
    study=_study,
    options_for=_options_for,
    source="movielens-1m",
    usual=lambda source: SOURCE_OPTIONS,
    models=[name for name in METHODS if METHODS[name].group == "model" and can_be_gated(name)],
    called="model with an MLP",
)
