"""Ctrl-C that waits for the step in progress, so that what is saved is never half a step."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


class Interruption:
    """True once Ctrl-C was pressed."""

    def __init__(self) -> None:
        self.requested = False

    def __bool__(self) -> bool:
        return self.requested


@contextmanager
def deferred_interrupt() -> Iterator[Interruption]:
    """Inside the block the first Ctrl-C only sets the flag; a second one interrupts at once.

    Outside the main thread, where Python allows no signal handlers, the flag stays unset.
    """
    flag = Interruption()
    if threading.current_thread() is not threading.main_thread():
        yield flag
        return
    previous = signal.getsignal(signal.SIGINT)

    def on_interrupt(number: int, frame: FrameType | None) -> None:
        if flag.requested:
            raise KeyboardInterrupt
        flag.requested = True

    signal.signal(signal.SIGINT, on_interrupt)
    try:
        yield flag
    finally:
        signal.signal(signal.SIGINT, previous)
