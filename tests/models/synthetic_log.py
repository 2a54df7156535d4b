"""A small part of the synthetic log, whose users have histories of items and of their categories."""

from functools import cache
from typing import Any

import clickwise as cw
from clickwise.data.log import ClickLog
from clickwise.methods.supervised import Supervised
from clickwise.metrics.pointwise import auc
from clickwise.models import Model
from clickwise.prediction import predict
from clickwise.training import fit, seeded


@cache
def synthetic_log() -> tuple[ClickLog, ClickLog, ClickLog]:
    """Train, validation and test; never write to them."""
    train, valid, test = cw.load("synthetic", impressions=6000, users=200, items=80)
    return train, valid, test


def auc_after_training(kind: type[Model], **options: Any) -> float:
    """On test rows; a constant has one half."""
    train, valid, test = synthetic_log()
    with seeded(0):
        model = kind(train.schema, hidden_dims=(32, 16), initial_deviation=0.1, **options)
    method = Supervised(model, batch_size=200, learning_rate=0.01)
    fit(method, train, valid, epochs=3, progress=False, device="cpu")
    return auc(test.label, predict(method, test))
