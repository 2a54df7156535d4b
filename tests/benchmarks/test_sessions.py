"""The benchmark of sessions: ratios of one round, and contestants as the paper's table has them."""

import numpy as np
import pytest

from benchmarks.autoloss_steps import Spent, endless
from benchmarks.session_steps import (
    CONTESTANTS,
    FEW_TASKS,
    FIRST_ORDER,
    MANY_TASKS,
    contestant,
    sessions,
    sessions_of,
    take_turn,
)
from benchmarks.sessions import HEADER, ratio, row, summarise
from clickwise.data.log import ClickLog
from clickwise.methods.recurrent_meta import RecurrentMeta

LEAST = 130


@pytest.fixture(scope="module")
def log() -> tuple[ClickLog, ClickLog]:
    train, valid = sessions()
    return train.take(slice(2_000)), valid.take(slice(500))


def spent(seconds: float, sessions: int = 100) -> dict[str, float]:
    return {"seconds": seconds, "processor_seconds": seconds / 2, "sessions": sessions}


def test_a_ratio_is_taken_within_its_round_and_a_session() -> None:
    """Medians of the times would say 1.0; the rounds say 3.0, 2.4 and 2.0 by session, where the second has half."""
    rounds = [
        {"dnn": spent(1.0), "mamo": spent(1.5, 50)},
        {"dnn": spent(10.0), "mamo": spent(12.0, 50)},
        {"dnn": spent(6.5), "mamo": spent(6.5, 50)},
    ]
    assert ratio(rounds, "mamo", "dnn") == pytest.approx(2.4)
    found = summarise(rounds)
    assert found["mamo"]["of_basic"] == pytest.approx(2.4)
    assert found["mamo"]["sessions_per_second"] == pytest.approx(50 / 6.5)
    assert found["dnn"]["processor_seconds"] == pytest.approx(0.0325)
    assert len(row("dnn", found["dnn"])) == len(HEADER)


@pytest.mark.parametrize("name", CONTESTANTS)
def test_a_turn_trains_each_contestant_on_as_many_sessions(name: str, log: tuple[ClickLog, ClickLog]) -> None:
    method, clock = contestant(name, *log), Spent()
    before = [parameter.detach().clone() for parameter in method.parameters()]
    episode = next(endless(method))
    assert sessions_of(episode) > 0
    done = take_turn(method, endless(method), LEAST, clock)
    assert LEAST <= done < LEAST + max(sessions_of(episode), 128)
    assert clock.processor_seconds > 0
    assert any(not np.array_equal(a, b.detach()) for a, b in zip(before, method.parameters(), strict=True))


def test_variants_of_the_bilevel_row_differ_as_they_say(log: tuple[ClickLog, ClickLog]) -> None:
    made = {name: contestant(name, *log) for name in (FIRST_ORDER, FEW_TASKS, MANY_TASKS)}
    assert all(isinstance(each, RecurrentMeta) for each in made.values())
    assert [made[name].second_order for name in made] == [False, True, True]
    assert [made[name].tasks_per_episode for name in made] == [20, 5, 80]
