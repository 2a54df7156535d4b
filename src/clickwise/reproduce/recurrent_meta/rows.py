"""The rows of the tables of recurrent meta-learning: what each is, its options, and how it is built and trained."""

import sys
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from clickwise.configuration import arguments
from clickwise.data.log import ClickLog
from clickwise.methods.building import build, options_of, options_taken
from clickwise.methods.catalogue import entry
from clickwise.methods.meta_embedding import MetaEmbedding
from clickwise.methods.method import Method
from clickwise.methods.names import Options
from clickwise.methods.sequential_meta import SequentialMeta
from clickwise.reproduce.job import Job
from clickwise.reproduce.recurrent_meta.published import (
    AVAZU,
    BOOK_CROSSING,
    COMPETITORS,
    MOVIELENS,
    OURS,
    WITHOUT_ATTENTION,
    WITHOUT_LSTM,
    WITHOUT_META,
)
from clickwise.schema import Schema
from clickwise.training import fit, seeded

CONTROL, BILEVEL = "mean-logit", "meta-interaction+recurrent-meta"
DECAY, LEAST_RATE = 0.7, 1e-5
"""Of the learning rate after each epoch, and where it stops, as in the authors' code."""


@dataclass(frozen=True)
class Row:
    """A row of a table.

    Attributes:
        title: how tables call it.
        method: its name in the catalogue.
        options: that make the row what it is.
    """

    title: str
    method: str
    options: Options = field(default_factory=dict)


ROWS: Mapping[str, Row] = {
    CONTROL: Row("User mean + item mean", CONTROL),
    **dict(
        zip(
            COMPETITORS,
            (
                *(Row("Basic (DNN)", "dnn"), Row("Wide & Deep", "wide-deep"), Row("DeepFM", "deepfm")),
                *(Row("DIN", "din"), Row("DIEN", "dien"), Row("GRU4Rec", "gru4rec"), Row("LSTM4Rec", "lstm4rec")),
                *(Row("MIMN", "mimn"), Row("Meta-Embedding", "meta-embedding(dnn)", {"pretrain": False})),
                *(Row("MeLU", "dnn+melu"), Row("MAMO", "mamo")),
            ),
            strict=True,
        )
    ),
    OURS: Row("Ours, as published", OURS),
    BILEVEL: Row("Ours, bilevel", BILEVEL),
    WITHOUT_META: Row("w/o Meta", WITHOUT_META),
    WITHOUT_ATTENTION: Row("w/o Meta & Att", WITHOUT_META, {"attention": False}),
    WITHOUT_LSTM: Row("w/o Meta & LSTM", WITHOUT_META, {"recurrent": False}),
}


def recipe(source: str, subset: str, version: str) -> dict[str, Any]:
    """Options for whatever takes them: of section 4.2 and, where it is silent, of the authors' code; none for tuned."""
    if version == "tuned":
        return {}
    rate = 1e-4 if source == BOOK_CROSSING else 1e-3 if (source, subset) == (AVAZU, "CW") else 0.01
    # The weight of the log loss is one here, so that of the states' loss is gamma / alpha.
    weights = {(AVAZU, "WC"): 7 / 3, (AVAZU, "CW"): 6 / 4}
    return {
        "embedding_dim": 16,
        "hidden_dims": (200, 80),
        "dropout": 0.3 if (source, subset) == (MOVIELENS, "CW") else 0.0,
        "auxiliary_weight": weights.get((source, subset), 3 / 7),
        "optimizer": "adam",
        "learning_rate": rate,
        "outer_learning_rate": rate,
        "weight_decay": 0.0,
        "batch_size": 128,
    }


def taken_by(name: str) -> Collection[str]:
    """Names of the options that a row takes."""
    found = entry(ROWS[name].method)
    return options_taken(ROWS[name].method) if found.group in ("model", "variant") else arguments(found.kind)


def options_for(name: str, job: Job, subset: str) -> dict[str, Any]:
    """Options of a row: what the recipe has for it, what was given, and what makes the row what it is."""
    row, taken = ROWS[name], taken_by(name)
    # What the recipe calls a learning rate is that of a model, not of what is made of one.
    of_paper = {} if entry(row.method).made_of_models else recipe(job.source, subset, job.version)
    own = {key: value for key, value in of_paper.items() if key in taken}
    return {**own, **options_of(row.method, job.options), **job.options.get(name, {}), **row.options}


def make(name: str, schema: Schema, job: Job, subset: str) -> Method:
    """A new, untrained method of a row.

    Raises:
        InputError: an option that it does not take.
    """
    method = ROWS[name].method
    models = [make(other, schema, job, subset) for other in entry(method).candidates]
    return build(method, schema, options_for(name, job, subset), models)


def trained(name: str, job: Job, subset: str, train: ClickLog, valid: ClickLog, seed: int) -> Method:
    """The method of a row, trained; the epoch with the lowest log loss on validation rows is kept."""
    with seeded(seed):
        method = make(name, train.schema, job, subset)
    for each in (method.model, method) if isinstance(method, MetaEmbedding) else (method,):
        progression = fit(
            each, train, valid, epochs=job.epochs, patience=job.patience, seed=seed, device=job.device,
            progress=sys.stderr.isatty(), after_epoch=None if job.version == "tuned" else _decay(each),
        )  # fmt: skip
        if job.version != "tuned":  # further steps go on with the rate of the epoch whose weights are kept
            _set_rates(each, max(progression.best_epoch - 1, 0))
    return method


def _decay(method: Method) -> Callable[[Mapping[str, float]], None]:
    """Lowers the learning rates of a method after each epoch."""

    return lambda history: _set_rates(method, int(history["epoch"]))


def _set_rates(method: Method, epoch: int) -> None:
    """Learning rates of an epoch, counted from 0; ``SequentialMeta`` sees to its own."""
    for optimizer in () if isinstance(method, SequentialMeta) else method.optimizers.values():
        for group in optimizer.param_groups:
            first = group.setdefault("first_rate", group["lr"])
            group["lr"] = max(first * DECAY**epoch, min(LEAST_RATE, first))


def titles(names: Sequence[str]) -> dict[str, str]:
    """How tables call rows."""
    return {name: ROWS[name].title for name in names}
