"""Order, errors and threads of work that is done beside the caller."""

import threading
import time
from collections.abc import Iterator
from functools import partial

import pytest
import torch

from clickwise.methods.background import in_background

CPU = torch.device("cpu")


@pytest.fixture
def four_threads() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(4)
    yield
    torch.set_num_threads(before)


@pytest.mark.usefixtures("four_threads")
def test_work_is_done_beside_the_caller_in_the_order_given() -> None:
    done: list[tuple[int, int, int]] = []

    def work(number: int) -> None:
        time.sleep(0.05 / (number + 1))  # the first takes longest: the others must wait for it
        done.append((number, threading.get_ident(), torch.get_num_threads()))

    with in_background(CPU) as hand_over:
        assert torch.get_num_threads() == 2
        for number in range(5):
            hand_over(partial(work, number))
    assert [number for number, _, _ in done] == list(range(5))
    assert len({thread for _, thread, _ in done} | {threading.get_ident()}) == 2
    assert {threads for _, _, threads in done} == {2}
    assert torch.get_num_threads() == 4


@pytest.mark.usefixtures("four_threads")
def test_the_caller_goes_on_meanwhile() -> None:
    """The work waits for what the caller does after handing it over."""
    later = threading.Event()
    with in_background(CPU) as hand_over:
        hand_over(lambda: None if later.wait(10) else pytest.fail("the caller waits for the work"))
        later.set()


@pytest.mark.usefixtures("four_threads")
@pytest.mark.parametrize("pieces", [1, 2])
def test_an_error_of_the_work_is_the_callers(pieces: int) -> None:
    def fails() -> None:
        raise ValueError("no such work")

    with pytest.raises(ValueError, match="no such work"), in_background(CPU) as hand_over:
        for _ in range(pieces):
            hand_over(fails)
    assert torch.get_num_threads() == 4


@pytest.mark.usefixtures("four_threads")
def test_an_error_of_the_caller_ends_the_work_and_gives_the_threads_back() -> None:
    done: list[int] = []
    with pytest.raises(KeyError), in_background(CPU) as hand_over:
        hand_over(lambda: done.append(1))
        raise KeyError
    assert done == [1]
    assert torch.get_num_threads() == 4


@pytest.mark.parametrize("device", [CPU, torch.device("meta")])
def test_with_one_thread_or_elsewhere_work_is_done_at_once(device: torch.device) -> None:
    torch.set_num_threads(1 if device == CPU else 2)
    done: list[int] = []
    with in_background(device) as hand_over:
        hand_over(lambda: done.append(threading.get_ident()))
        assert done == [threading.get_ident()]
    torch.set_num_threads(1)
