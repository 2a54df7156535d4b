"""What several commands do with their options."""

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from clickwise.data.sources import SOURCES
from clickwise.errors import InputError

if TYPE_CHECKING:
    from clickwise.data.storage import PreparedLog

SOURCE = "source"
Command = TypeVar("Command", bound=Callable[..., None])


def names_sources(command: Command) -> Command:
    """Put the names of all sources where the help of a command says SOURCES."""
    command.__doc__ = (command.__doc__ or "").replace("SOURCES", ", ".join(SOURCES))
    return command


def open_log(
    source: str,
    schema: Path | None,
    data_root: Path | None,
    split: str | None,
    split_seed: int | None,
    cache: Path | None,
    label: str | None,
    options: dict[str, dict[str, Any]],
) -> "PreparedLog":
    """The encoded log that SOURCE and its options name; prints to standard error what nobody may take for granted."""
    from clickwise.data.opening import open_source
    from clickwise.data.splits import FILE_ORDER, takes_file_order

    log = open_source(source, schema, data_root, split, split_seed, cache, source_options(options, label))
    if takes_file_order(log.manifest["split"], log.schema):
        print(f"{source}: {FILE_ORDER}", file=sys.stderr)
    return log


def source_options(options: dict[str, dict[str, Any]], label: str | None) -> dict[str, Any]:
    """Takes the source's own options out of what ``--set`` gave, with ``--label`` among them."""
    own = options.pop(SOURCE, {})
    return own if label is None else {**own, "label": label}


def refuse_stray(options: dict[str, dict[str, Any]]) -> None:
    """Raise ``InputError`` for what ``--set`` gave for anything but the source."""
    if options:
        raise InputError(f"--set {next(iter(options))}.…: only {SOURCE}.OPTION can be set here")


def refuse_existing(out: Path) -> None:
    """Raise ``InputError`` where something stands at ``out`` already: it may be the user's only copy."""
    if os.path.lexists(out):  # which, unlike the path's own method, takes a name too long for one that is absent
        raise InputError(f"{out}: exists already; name another --out or remove it")


def use_threads(threads: int | None) -> None:
    """Use so many processor threads; None leaves torch's own choice."""
    if threads is None:
        return
    if threads < 1:
        raise InputError(f"--threads must be at least 1, not {threads}")
    import torch

    torch.set_num_threads(threads)
