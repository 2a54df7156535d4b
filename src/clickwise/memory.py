"""Peak memory of a piece of work."""

import contextlib
import resource
import sys
from pathlib import Path
from types import TracebackType
from typing import Self

import torch

STATUS, CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")


class PeakMemory:
    """Measures the largest resident memory of the process, plus that of the GPU, while the block runs.

    Where the system cannot reset its high-water mark (anything but Linux, some sandboxes), that of the whole process.

    Attributes:
        bytes: the peak, after the block.
    """

    bytes = 0

    def __enter__(self) -> Self:
        # Sandboxes may forbid it; then the mark of the whole process is taken, as documented.
        with contextlib.suppress(OSError):
            CLEAR.write_text("5")
        if torch.cuda.is_available():
            torch.cuda.reset_peak_memory_stats()
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.bytes = _resident_peak()
        if torch.cuda.is_available():
            self.bytes += torch.cuda.max_memory_allocated()


def _resident_peak() -> int:
    if STATUS.exists():
        for line in STATUS.read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
