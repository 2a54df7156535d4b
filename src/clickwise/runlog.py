"""What a run shows and writes while it trains: a progress bar, ``history.csv``, TensorBoard."""

import csv
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from clickwise.errors import InputError
from clickwise.files import new_file

HISTORY = "history.csv"


def can_show_bars() -> bool:
    """True where standard error is a terminal."""
    return Console(stderr=True).is_terminal


class TrainingProgress:
    """A bar for the current epoch with loss, rows a second and time left; silent where the output is no terminal."""

    def __init__(self, shown: bool) -> None:
        self.bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TaskProgressColumn(),
            TextColumn("loss {task.fields[loss]:.4f}  {task.fields[rate]:,.0f} rows/s"),
            TimeRemainingColumn(),
            console=Console(stderr=True),
            transient=True,
            disable=not (shown and can_show_bars()),
        )

    def __enter__(self) -> Self:
        self.bar.start()
        self.task = self.bar.add_task("", total=None, loss=float("nan"), rate=0.0)
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.bar.stop()

    def start_epoch(self, epoch: int, epochs: int, steps: int, done: int) -> None:
        """Start the bar of an epoch of which ``done`` steps are behind us."""
        self.bar.reset(self.task, total=steps, completed=done, description=f"epoch {epoch}/{epochs}")

    def advance(self, loss: float, rate: float) -> None:
        """One more step."""
        self.bar.update(self.task, advance=1, loss=loss, rate=rate)


class RunLog:
    """Writes the history of a run into its folder after every epoch, and to TensorBoard where asked."""

    def __init__(self, folder: Path | None, tensorboard: bool) -> None:
        self.folder = folder
        self.writer: Any = None
        if tensorboard:
            if folder is None:
                raise InputError("tensorboard needs a folder to write to")
            try:
                from torch.utils.tensorboard import SummaryWriter
            except ImportError:
                raise InputError("tensorboard is not installed; run: pip install 'clickwise[track]'") from None
            self.writer = SummaryWriter(str(folder))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self.writer is not None:
            self.writer.close()

    def write(self, history: list[dict[str, float]]) -> None:
        """Write all epochs so far; the last one is new."""
        if self.folder is None:
            return
        with new_file(self.folder / HISTORY) as path, path.open("w", newline="", encoding="utf-8") as file:
            rows = csv.DictWriter(file, fieldnames=list(history[-1]))
            rows.writeheader()
            rows.writerows(history)
        if self.writer is not None:
            for name, value in history[-1].items():
                self.writer.add_scalar(name, value, int(history[-1]["epoch"]))
