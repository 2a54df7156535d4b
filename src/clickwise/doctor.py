"""What ``clickwise doctor`` prints: the machine, and whether a folder is sound."""

import importlib.metadata
import os
import platform
import shutil
from pathlib import Path

import torch

from clickwise.data.storage import MANIFEST, open_prepared
from clickwise.errors import InputError
from clickwise.folders import COMPARISON, refuse_as_model
from clickwise.model_folder import MODEL, load_model
from clickwise.version import __version__

PACKAGES = ("torch", "lightning-fabric", "numpy", "polars", "scikit-learn", "scipy", "matplotlib", "safetensors")
MEMORY = Path("/proc/meminfo")


def machine() -> dict[str, str]:
    """Versions, threads, devices, free memory and disk, by name."""
    facts = {"clickwise": __version__, "python": f"{platform.python_version()} on {platform.platform()}"}
    facts |= {name: importlib.metadata.version(name) for name in PACKAGES}
    facts["threads"] = f"{torch.get_num_threads()} of {os.cpu_count()} processors"
    gpus = [torch.cuda.get_device_name(number) for number in range(torch.cuda.device_count())]
    facts["devices"] = ", ".join(["cpu", *gpus])
    facts["free memory"] = _free_memory()
    facts["free disk"] = f"{shutil.disk_usage(Path.cwd()).free / 2**30:.1f} GiB in {Path.cwd()}"
    return facts


def _free_memory() -> str:
    if not MEMORY.exists():
        return "unknown on this system"
    values = dict(line.split(":", 1) for line in MEMORY.read_text().splitlines())
    return f"{int(values['MemAvailable'].split()[0]) / 2**20:.1f} GiB"


def check_folder(path: Path) -> str:
    """One line on a sound prepared folder or model folder.

    Raises:
        InputError: the folder is neither, or damaged.
    """
    if (path / MANIFEST).is_file():
        log = open_prepared(path, verify="full")
        return f"{path}: a sound prepared log of {log.manifest['source']}, {sum(log.manifest['rows'].values()):,} rows"
    if (path / MODEL).is_file():
        trained = load_model(path)
        return f"{path}: a sound model, {type(trained.method).__name__} trained on {trained.facts['source']}"
    if (path / COMPARISON).is_file():
        refuse_as_model(path)
    raise InputError(f"{path}: neither a prepared log ({MANIFEST}) nor a model folder ({MODEL})")
