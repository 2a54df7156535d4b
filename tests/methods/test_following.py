"""Weights for the session: support is what was known before each stretch of a user's rows."""

from dataclasses import replace

import numpy as np
import pytest

from clickwise.data.log import Batch, ClickLog
from clickwise.methods.controls import UniformAverage
from clickwise.methods.following import Following
from clickwise.methods.memory import Memory
from clickwise.methods.recurrent_meta import RecurrentMeta
from clickwise.models import DNN
from clickwise.prediction import predict
from clickwise.training import fit, seeded
from tests.logs import make_logs

LOGS = make_logs(500)
SIZE = 5


def memory_of(*logs: ClickLog, shuffled: bool = False) -> Memory:
    schema = LOGS.train.schema
    memory = Memory(schema, schema.need_user_field("the test"), SIZE, shuffled)
    for log in logs:
        memory.add(log)
    return memory


def slow_support(memory: Memory, log: ClickLog, at: int, query_size: int) -> list[tuple[int, ...]]:
    """The support of one row, by going through all rows: (time, label, ids) of each, the latest ``SIZE``."""
    column = memory.column
    user = log.ids[at, column]
    own = np.sort(log.time[log.ids[:, column] == user])
    rank = int(np.searchsorted(own, log.time[at]))  # of its moment
    ranks = [int(np.searchsorted(own, time)) for time in own]
    start = min(time for time, each in zip(own, ranks, strict=True) if each // query_size == rank // query_size)
    rows = [
        (int(time), int(label), *map(int, ids))
        for time, label, ids in [
            *zip(memory.time.tolist(), memory.label.tolist(), memory.ids.tolist(), strict=True),
            *zip(log.time.tolist(), log.label.tolist(), log.ids.tolist(), strict=True),
        ]
        if ids[column] == user and time < start
    ]
    return sorted(rows, key=lambda row: row[0])[-SIZE:]


@pytest.mark.parametrize("query_size", [1, 3, 100])
def test_support_by_a_slow_reference(query_size: int) -> None:
    memory = memory_of(LOGS.train)
    ids = LOGS.test.ids.copy()
    ids[:9, memory.column] = memory.known_from - 1  # users that the vocabulary does not know
    log = replace(LOGS.test, ids=ids)
    found: dict[int, list[tuple[int, ...]]] = {}
    for support, rows in Following(memory, log, query_size).supports(Batch.of(log, slice(None))):
        told = (
            []
            if support is None
            else list(zip(support.time.tolist(), support.label.tolist(), *support.ids.T.tolist(), strict=True))
        )
        found |= dict.fromkeys(rows.tolist(), told)
    known = [at for at in range(len(log)) if log.ids[at, memory.column] >= memory.known_from]
    assert set(known) <= set(found) == set(range(len(log)))
    strangers = np.setdiff1d(np.arange(len(log)), known)
    assert len(strangers) and not any(found[at] for at in strangers)
    deep = 0
    for at in known:
        expected = slow_support(memory, log, at, query_size)
        assert sorted(row[0] for row in found[at]) == sorted(row[0] for row in expected)
        assert all(row[0] < log.time[at] for row in found[at])
        deep += any(row[0] in log.time for row in found[at])
    assert deep > 0 or query_size == 100


def network() -> DNN:
    with seeded(0):
        return DNN(LOGS.train.schema, embedding_dim=4, hidden_dims=(8,), dropout=0.0, initial_deviation=0.3)


@pytest.fixture(scope="module")
def trained() -> RecurrentMeta:
    method = RecurrentMeta(network(), task="session", inner_learning_rate=1.0, query_size=2, support_size=SIZE)
    fit(method, LOGS.train, LOGS.valid, epochs=1, device="cpu", progress=False)
    method.remember(LOGS.train, LOGS.valid)
    return method


def test_predictions_read_earlier_labels_alone(trained: RecurrentMeta) -> None:
    """Those of the log that is scored, of the same user, and of no row that is as late or later."""
    log, before = LOGS.test, predict(trained, LOGS.test)
    late = int(np.argmax(log.time))
    turned = log.label.copy()
    turned[late] = 1 - turned[late]
    assert np.array_equal(predict(trained, replace(log, label=turned)), before)
    early = int(np.lexsort((log.time, log.user))[0])
    turned = log.label.copy()
    turned[early] = 1 - turned[early]
    after = predict(trained, replace(log, label=turned))
    changed = np.flatnonzero(after != before)
    assert len(changed) and (log.user[changed] == log.user[early]).all() and (log.time[changed] > log.time[early]).all()


def test_no_order_and_no_batch_changes_a_prediction(trained: RecurrentMeta) -> None:
    whole = predict(trained, LOGS.test)
    assert np.allclose(predict(trained, LOGS.test, batch_size=7), whole, atol=1e-6)
    order = np.random.default_rng(0).permutation(len(LOGS.test))
    assert np.allclose(predict(trained, LOGS.test.take(order)), whole[order], atol=1e-6)


def test_rows_without_labels_adapt_to_what_is_remembered(trained: RecurrentMeta) -> None:
    of_user = RecurrentMeta(network(), task="user", inner_learning_rate=1.0, query_size=2, support_size=SIZE)
    of_user.load_state_dict(trained.state_dict())
    of_user.eval()
    log = replace(LOGS.test, label=np.zeros_like(LOGS.test.label), labelled=False)
    assert np.array_equal(predict(trained, log), predict(of_user, log))
    assert not np.array_equal(predict(trained, LOGS.test), predict(of_user, LOGS.test))


def test_a_mixture_lets_its_models_follow(trained: RecurrentMeta) -> None:
    mixture = UniformAverage([trained, trained])
    mixture.eval()
    assert np.allclose(predict(mixture, LOGS.test), predict(trained, LOGS.test), atol=1e-6)
    assert trained.followed is None


def test_strangers_rows_are_support_of_the_control() -> None:
    memory = memory_of(LOGS.train, shuffled=True)
    followed = Following(memory, LOGS.test, 1)
    user = int(np.unique(LOGS.test.ids[:, memory.column])[-1])
    support = followed.before(user, int(LOGS.test.time.max()) + 1)
    assert support is not None and not (support.ids[:, memory.column] == user).any()


def test_remembered_rows_may_lie_on_either_side() -> None:
    """Of a random split, remembered rows later than a scored one are no support of it."""
    memory = memory_of(LOGS.test)
    followed = Following(memory, LOGS.train, 1)
    first = int(np.lexsort((LOGS.train.time, LOGS.train.ids[:, memory.column] < memory.known_from))[0])
    user, time = int(LOGS.train.ids[first, memory.column]), int(LOGS.train.time[first])
    assert (memory.time > time).any()
    assert followed.before(user, time) is None
    later = followed.before(user, int(memory.time.max()) + 1)
    assert later is not None and len(later) == SIZE
