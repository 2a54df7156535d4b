"""AutoLoss discounts labels that are flipped, where its validation rows are clean, and costs nothing where none is."""

from dataclasses import replace

import numpy as np
import pytest

from clickwise.data.log import ClickLog
from clickwise.methods.autoloss import AutoLoss
from clickwise.methods.method import Method
from clickwise.methods.supervised import Supervised
from clickwise.metrics.pointwise import auc, logloss
from clickwise.models import FM
from clickwise.prediction import predict
from clickwise.training import fit, seeded
from tests.logs import Parts, make_logs

pytestmark = pytest.mark.filterwarnings("ignore:AutoLoss")  # where it pays, the weights may collapse
TRAINING = {"batch_size": 100, "learning_rate": 0.01}


def with_flips(share: float) -> Parts:
    """A share of the training labels of every other user is flipped; validation rows are of the others alone."""
    parts = make_logs(rows=8000)
    flipped = (parts.train.user % 2 == 0) & (np.random.default_rng(1).random(len(parts.train)) < share)
    train = replace(parts.train, label=np.where(flipped, 1 - parts.train.label, parts.train.label).astype(np.int32))
    return Parts(train, parts.valid.take(np.flatnonzero(parts.valid.user % 2 == 1)), parts.test)


def trained(kind: type[Supervised], parts: Parts, **options: float) -> Method:
    with seeded(0):
        method = kind(FM(parts.train.schema, 4, initial_deviation=0.1), **TRAINING, **options)
    fit(method, parts.train, parts.valid, epochs=12, patience=4, progress=False)
    return method


def values(method: Method, log: ClickLog) -> tuple[float, float]:
    probability = predict(method, log)
    return auc(log.label, probability), logloss(log.label, probability)


def both(share: float) -> tuple[tuple[float, float], tuple[float, float]]:
    parts = with_flips(share)
    plain = trained(Supervised, parts)
    searched = trained(AutoLoss, parts, update_every=1, controller_learning_rate=3e-3)
    return values(plain, parts.test), values(searched, parts.test)


def test_beats_cross_entropy_where_labels_are_flipped() -> None:
    (auc_plain, logloss_plain), (auc_searched, logloss_searched) = both(0.4)
    assert auc_searched > auc_plain + 0.01
    assert logloss_searched < logloss_plain - 0.01


def test_loses_nothing_where_labels_are_sound() -> None:
    (auc_plain, logloss_plain), (auc_searched, logloss_searched) = both(0.0)
    assert auc_searched > auc_plain - 0.003
    assert logloss_searched < logloss_plain + 0.003
