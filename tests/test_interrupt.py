"""Ctrl-C that waits."""

import signal
import threading

import pytest

from clickwise.interrupt import deferred_interrupt


def test_the_first_ctrl_c_sets_the_flag_and_the_second_interrupts() -> None:
    previous = signal.getsignal(signal.SIGINT)
    with deferred_interrupt() as interrupted:
        assert not interrupted
        signal.raise_signal(signal.SIGINT)
        assert interrupted
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is previous


def test_the_handler_is_put_back_after_an_error() -> None:
    previous = signal.getsignal(signal.SIGINT)
    with pytest.raises(RuntimeError), deferred_interrupt():
        raise RuntimeError
    assert signal.getsignal(signal.SIGINT) is previous


def test_outside_the_main_thread_nothing_is_touched() -> None:
    found = []

    def work() -> None:
        with deferred_interrupt() as interrupted:
            found.append((signal.getsignal(signal.SIGINT), bool(interrupted)))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert found == [(signal.getsignal(signal.SIGINT), False)]
