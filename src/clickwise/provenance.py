"""Where results come from: versions, machine, command and commit, and what the labels are like."""

import platform
import subprocess
import sys
from functools import cache
from pathlib import Path

import torch

from clickwise.data.log import ClickLog
from clickwise.version import __version__

CHANGED = ", changed while it ran to "


def machine_facts() -> dict[str, str]:
    """Versions and machine, for ``results["run"]``."""
    machine = f"{platform.system()} {platform.machine()}, Python {platform.python_version()}"
    threads = f"{torch.get_num_threads()} threads"
    return {"clickwise": __version__, "torch": torch.__version__, "platform": f"{machine}, {threads}"}


def label_facts(log: ClickLog) -> dict[str, float]:
    """Click rate, number of classes and the lowest one that is a click, for ``results["run"]``."""
    schema = log.schema
    rate = float((log.label >= schema.click_from).mean())
    return {"click_rate": rate, "classes": schema.classes, "click_from": schema.click_from}


def origin_facts() -> dict[str, str | None]:
    """The command that this process was started by, and the commit of the code; None where there is none."""
    program = Path(sys.argv[0])
    ours = program.stem == "clickwise" or (program.parent.name, program.name) == ("clickwise", "__main__.py")
    command = " ".join(["clickwise", *sys.argv[1:]]) if ours else None
    return {"command": command, "commit": _told(code_commit(), _commit())}


@cache
def code_commit() -> str | None:
    """The commit at the first call in this process, which whatever takes long makes before it begins."""
    return _commit()


def _told(first: str | None, last: str | None) -> str | None:
    """Code that was committed or checked out while it ran is neither the one nor the other."""
    return first if first == last else f"{first}{CHANGED}{last}"


def _commit() -> str | None:
    """Commit of the checkout that clickwise runs from; None for an installed package."""
    here = Path(__file__).resolve().parent
    if not (here.parents[1] / ".git").exists():
        return None
    found = subprocess.run(
        ["git", "-C", str(here), "describe", "--always", "--dirty"], capture_output=True, text=True, check=False
    )
    return found.stdout.strip() or None
