"""Peak memory of this process."""

import resource
import sys
from pathlib import Path


def peak_memory() -> int:
    """Peak resident bytes of this process.

    On Linux from its own memory map: ``getrusage`` there also remembers the process that started this one.
    """
    status = Path("/proc/self/status")
    if status.exists():
        line = next(line for line in status.read_text(encoding="ascii").splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) * 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
