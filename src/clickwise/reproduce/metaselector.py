"""MetaSelector (Luo et al. 2020, "MetaSelector: Meta-Learning for Recommendation with User-Level Adaptive Model
Selection"): what it publishes, its hyper-parameters, and its tables and figures.

Settings: ``published`` divides each user's rows at random, which the paper does not say but its numbers suggest;
``honest`` divides all rows by time. Single models are trained on all training rows. What selects among models
pre-trains models of its own on three quarters of each user's training rows (section 5.2) in version ``paper``, and
takes the single models as they are in version ``tuned``.
"""

from collections.abc import Callable, Mapping
from typing import Any

from clickwise.errors import InputError
from clickwise.reproduce import metaselector_figures as figures
from clickwise.reproduce import metaselector_tables as tables
from clickwise.reproduce.job import Job
from clickwise.reproduce.result import Result

SOURCE = "movielens-1m"
MODELS = ("lr", "fm", "ffm", "deepfm")
COMPARED = ("controls", *MODELS, "selectors")
OF_PAPER = ("sample-selector", "user-selector", "metaselector-simplified", "metaselector")
COLD_START = (*MODELS, "stacking", "user-fine-tuning", "hedge", "metaselector-simplified", "metaselector")

TABLE_1 = {
    "movielens-1m": {"lr": 0.2137, "fm": 0.1849, "ffm": 0.2011, "deepfm": 0.4003},
    "amazon": {"lr": 0.1373, "fm": 0.1361, "ffm": 0.2008, "deepfm": 0.5258},
}
TABLE_2 = {
    "movielens-1m": {"users": 6_040, "items": 3_952, "samples": 1_000_209, "features": 14_025},
    "amazon": {"users": 192_403, "items": 63_001, "samples": 1_689_188, "features": 319_687},
}


def _row(auc: float, logloss: float, relaimpr: float) -> dict[str, float]:
    return {"auc": auc, "logloss": logloss, "relaimpr": relaimpr}


TABLE_3 = {
    "movielens-1m": {
        "lr": _row(0.7914, 0.55112, -1.45),
        "fm": _row(0.7928, 0.54917, -0.98),
        "ffm": _row(0.7936, 0.54826, -0.71),
        "deepfm": _row(0.7957, 0.54672, 0.00),
        "perfect-sample": _row(0.9008, 0.41079, 35.54),
        "perfect-user": _row(0.8187, 0.51829, 7.78),
        "sample-selector": _row(0.7963, 0.54482, 0.20),
        "user-selector": _row(0.7999, 0.54058, 1.42),
        "metaselector-simplified": _row(0.8036, 0.53550, 2.67),
        "metaselector": _row(0.8047, 0.53531, 3.04),
    },
    "amazon": {
        "lr": _row(0.6981, 0.46374, -6.29),
        "fm": _row(0.6953, 0.46242, -7.62),
        "ffm": _row(0.7114, 0.45216, 0.00),
        "deepfm": _row(0.7101, 0.45696, -0.61),
        "perfect-sample": _row(0.8411, 0.37088, 61.35),
        "perfect-user": _row(0.8135, 0.38999, 48.30),
        "sample-selector": _row(0.7121, 0.45152, 0.33),
        "user-selector": _row(0.7124, 0.45117, 0.47),
        "metaselector-simplified": _row(0.7134, 0.45044, 0.95),
        "metaselector": _row(0.7141, 0.44996, 1.28),
    },
}


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


def _table1(job: Job) -> Result:
    source = job.source or SOURCE
    return tables.table1(job, source, MODELS, COMPARED, recipe(job.version, source), TABLE_1.get(source, {}))


def _table2(job: Job) -> Result:
    source = job.source or SOURCE
    return tables.table2(job, source, TABLE_2.get(source, {}))


def _table3(job: Job) -> Result:
    source = job.source or SOURCE
    return tables.table3(job, source, COMPARED, recipe(job.version, source), TABLE_3.get(source, {}), OF_PAPER)


def _figure2(job: Job) -> Result:
    return figures.figure2(job, MODELS, recipe(job.version, "synthetic"))


def _figure3(job: Job) -> Result:
    source = job.source or SOURCE
    shown = ("metaselector", "deepfm", "stacking")
    return figures.figure3(job, source, COMPARED, recipe(job.version, source), shown)


def _cold_start(job: Job) -> Result:
    source = job.source or SOURCE
    return figures.cold_start(job, source, COLD_START, recipe(job.version, source))


ARTEFACTS: Mapping[str, Callable[[Job], Result]] = {
    "table1": _table1,
    "table2": _table2,
    "table3": _table3,
    "figure2": _figure2,
    "figure3": _figure3,
    "cold-start": _cold_start,
}
SPLIT_OF_ITS_OWN = {
    "figure2": "its requests are of the log's last day, so training is on earlier days",
    "cold-start": "it holds users out",
}


def check(job: Job) -> None:
    """Raise ``InputError`` for an option that the artefact does not take."""
    for option, given in (("trials", job.trials), ("models", job.models)):
        if given:
            raise InputError(f"--{option}: this paper has no such choice; leave it out")
    for name in job.own:
        raise InputError(f"--set {name}.…: {job.artefact} has no such option; leave it out")
    if job.setting and job.artefact in SPLIT_OF_ITS_OWN:
        raise InputError(f"--setting: leave it out for {job.artefact}, {SPLIT_OF_ITS_OWN[job.artefact]}")
    if job.artefact == "figure2" and job.source not in ("", "synthetic"):
        raise InputError(
            f"--source {job.source!r}: figure2 is a simulated auction and needs 'synthetic', or no --source"
        )
    if job.source_options.get("label", "binary") != "binary":
        raise InputError("--set source.label: the paper's labels are 'binary'")
