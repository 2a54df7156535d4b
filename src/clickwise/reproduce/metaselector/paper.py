"""MetaSelector (Luo et al. 2020, "MetaSelector: Meta-Learning for Recommendation with User-Level Adaptive Model
Selection"): its hyper-parameters, and its tables and figures.

Settings: ``published`` divides each user's rows at random, which the paper does not say but its numbers suggest;
``honest`` divides all rows by time. Single models are trained on all training rows. What selects among models
pre-trains models of its own on three quarters of each user's training rows (section 5.2) in version ``paper``, and
takes the single models as they are in version ``tuned``.
"""

from typing import Any

from clickwise.methods.entries import GROUPS
from clickwise.reproduce.artefact import Artefact, Paper
from clickwise.reproduce.job import Job
from clickwise.reproduce.metaselector import figures, tables
from clickwise.reproduce.metaselector.published import COLD_START, COMPARED, MODELS
from clickwise.reproduce.study import Study

EVERY_USER = 10_000_000


def recipe(version: str, source: str) -> dict[str, dict[str, Any]]:
    """Options by method; none for version ``tuned``, which takes the defaults.

    The paper states no initial deviation and no weight decay: the models' own, and none. Whatever else it does not
    state of MetaSelector is as in its Algorithm 1, and written out, so that no change of a default changes it.
    """
    if version == "tuned":
        return {}
    amazon = source == "amazon"
    adam = {"optimizer": "adam", "learning_rate": 1e-3, "weight_decay": 0.0, "batch_size": 1000}
    factors = {"embedding_dim": 10, **adam}
    apart = {"pretrain": True, "pretrain_share": 0.75, "order": "random"}
    level = {"hidden_dims": (400, 400, 400), "batch_size": 1000, **apart}
    episodes = _episodes(inner=1e-4 if amazon else 1e-3) | apart
    adapting = episodes | _meta_sgd(inner=1e-4 if amazon else 1e-3)
    return {
        "lr": {"optimizer": "ftrl", "batch_size": 1000},
        "fm": factors,
        "ffm": factors,
        "deepfm": {**factors, "hidden_dims": (400, 400, 400) if amazon else (256, 256, 256), "dropout": 0.1},
        "sample-selector": level,
        "user-selector": level,
        "metaselector-simplified": episodes,
        "metaselector": adapting,
        "metaselector-shuffled": adapting,
    }


def _episodes(inner: float) -> dict[str, Any]:
    """Selector and episodes, of MetaSelector and of its simplified version."""
    return {
        "inputs": "features",
        "embedding_dim": 10,
        "hidden_dims": (200, 200, 200),
        "dropout": 0.0,
        "outer_learning_rate": inner / 10,
        "users_per_episode": 10,
        "users_per_epoch": EVERY_USER,
        "most_epochs": 1000,  # the job's own limit holds
        "support_size": 2048,  # longer than almost every user's training rows
        "query_share": 1.0,  # of the rows that pre-training left out; the support is what the models were trained on
        "start_from": "random",
        "weight_decay": 0.0,
    }


def _meta_sgd(inner: float) -> dict[str, Any]:
    """The inner step (Eq. 4) and what the outer update trains (Eq. 5)."""
    return {
        "inner_learning_rate": inner,
        "rates": "parameter",
        "rates_learning_rate": None,
        "second_order": True,
        "adapt_models": True,
        "train_models": True,
        "inner_steps": 1,
        "prior_rows": 0.0,
        "weigh_by": "users",
    }


def _study(job: Job) -> Study:
    return Study(job, COMPARED, MODELS, recipe(job.version, job.source))


def _options_for(study: Study) -> list[str]:
    of_artefact = {"figure2": MODELS, "cold-start": COLD_START}.get(study.job.artefact, COMPARED)
    return [name for given in of_artefact for name in GROUPS.get(given, [given])]


PAPER = Paper(
    artefacts={
        "table1": Artefact(tables.table1),
        "table2": Artefact(tables.table2),
        "table3": Artefact(tables.table3),
        "figure2": Artefact(
            figures.figure2,
            split="its requests are of the log's last day, so training is on earlier days",
            simulates="a simulated auction",
        ),
        "figure3": Artefact(figures.figure3),
        "cold-start": Artefact(figures.cold_start, split="it holds users out"),
    },
    study=_study,
    options_for=_options_for,
    source="movielens-1m",
)
