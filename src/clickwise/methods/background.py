"""Work in a second thread: the backward pass of one task beside the inner step of the next."""

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager

import torch

Work = Callable[[], None]


@contextmanager
def in_background(device: torch.device) -> Iterator[Callable[[Work], None]]:
    """Gives a function that hands work to a second thread, which does it in the order given.

    One piece of work is under way at most: handing over the next one waits for it. Both threads share torch's threads
    between them. An error of the work is raised in the caller, at the next hand-over or at the end. Where torch has
    one thread, or on a device other than the processor, work is done at once.
    """
    threads = torch.get_num_threads()
    if threads == 1 or device.type != "cpu":
        yield lambda work: work()
        return
    under_way: list[Future[None]] = []

    def finish() -> None:
        if under_way:
            under_way.pop().result()

    try:
        torch.set_num_threads(threads - threads // 2)
        with ThreadPoolExecutor(1, initializer=torch.set_num_threads, initargs=(threads // 2,)) as pool:

            def hand_over(work: Work) -> None:
                finish()
                under_way.append(pool.submit(work))

            yield hand_over
            finish()
    finally:
        torch.set_num_threads(threads)
