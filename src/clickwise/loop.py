"""The epochs of one run of ``fit``: steps, validation, the best weights so far, and the checkpoint."""

import hashlib
import json
import math
import time
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from torch import Tensor

from clickwise.checkpoint import load_state, random_state, save_state, set_random_state
from clickwise.configuration import describe
from clickwise.data.log import Batch, ClickLog
from clickwise.errors import InputError, TrainingDiverged
from clickwise.files import clear_leftovers
from clickwise.interrupt import Interruption
from clickwise.methods.memory import Memory
from clickwise.methods.method import Method
from clickwise.metrics.pointwise import auc, logloss
from clickwise.nn.tables import fill_untrained_rows
from clickwise.runlog import HISTORY, TrainingProgress

CHECKPOINT = "checkpoint.safetensors"
FORMAT_VERSION = 3
CAUSE = "most likely the learning rate is too high, or a number field holds extreme values (bucket it)"


@dataclass
class Progression:
    """Where a run stands: everything but the weights, so that it can go on exactly where it was.

    Attributes:
        epoch: epochs completed.
        step: steps completed in the current epoch.
        losses: sums of the losses over the steps of the current epoch.
        best_epoch: the epoch (from 1) that is best on validation rows; 0 before the first validation, or where what a
            method starts with is better than every epoch.
        best_value: its value, lower is better (``-auc`` where AUC is watched).
        history: one row an epoch: epoch, steps, mean losses, validation logloss and auc, seconds of the steps.
        finished: the run is over.
        start_seconds: of what was trained before, and of the start of the method.
        epoch_seconds: of the steps of the current epoch so far.
    """

    epoch: int = 0
    step: int = 0
    losses: dict[str, float] = field(default_factory=dict)
    best_epoch: int = 0
    best_value: float = math.inf
    history: list[dict[str, float]] = field(default_factory=list)
    finished: bool = False
    start_seconds: float = 0.0
    epoch_seconds: float = 0.0

    @property
    def train_seconds(self) -> float:
        """All that was done to train: what is trained before, the start with any search in it, and the steps.

        Validation and checkpoints are not part of it. What an interruption made necessary once more counts once.
        """
        return self.start_seconds + sum(row["seconds"] for row in self.history) + self.epoch_seconds


@dataclass
class Loop:
    """One run of ``fit``: the epochs, what is best so far, and the checkpoint."""

    method: Method
    train: ClickLog
    valid: ClickLog | None
    epochs: int
    patience: int
    monitor: str
    seed: int
    folder: Path | None
    checkpoint_seconds: float
    at: Progression = field(default_factory=Progression)
    best_weights: dict[str, Tensor] = field(default_factory=dict)
    saved_at: float = field(default_factory=time.monotonic)

    def run_epoch(self, bar: TrainingProgress, interrupted: Interruption) -> None:
        """Go on to the end of the current epoch, validate, and save."""
        at = self.at
        rows, before, clock = 0, self.at.epoch_seconds, time.monotonic()
        self.method.train()
        bar.start_epoch(at.epoch + 1, self.epochs, self.method.steps(), at.step)
        for episode in self.method.episodes(self.seed, at.epoch, at.step):
            losses = {name: float(value) for name, value in self.method.step(episode).items()}
            at.step += 1
            self._require_finite(losses, episode)
            for name, value in losses.items():
                at.losses[name] = at.losses.get(name, 0.0) + value
            rows += len(episode)
            clock = self._spend(clock)
            bar.advance(next(iter(losses.values())), rows / max(at.epoch_seconds - before, 1e-9))
            if interrupted or time.monotonic() - self.saved_at > self.checkpoint_seconds:
                self.save()
                clock = time.monotonic()
            if interrupted:
                raise KeyboardInterrupt
        fill_untrained_rows(self.method, self.train.schema, self.train.counts)
        self._spend(clock)
        self._finish_epoch()
        self.save()

    def _spend(self, since: float) -> float:
        """Count the seconds since then as training; what the clock says now."""
        now = time.monotonic()
        self.at.epoch_seconds += now - since
        return now

    def _finish_epoch(self) -> None:
        at, seconds = self.at, self.at.epoch_seconds
        row = {"epoch": at.epoch + 1, "steps": at.step, **{name: value / at.step for name, value in at.losses.items()}}
        at.epoch, at.step, at.losses, at.epoch_seconds = at.epoch + 1, 0, {}, 0.0
        if self.valid is not None:
            probability = self.method.judge(self.valid)
            if not np.isfinite(probability).all():
                raise TrainingDiverged(f"predictions became NaN after epoch {at.epoch}; {CAUSE}")
            row |= self._weigh(self.valid, probability)
        at.history.append({**row, "seconds": seconds})
        at.finished = self._is_over()

    def judge_start(self) -> None:
        """Judge what a method that starts trained starts with, unless the run goes on from a checkpoint."""
        fresh = (self.at.epoch, self.at.step) == (0, 0)
        if self.method.starts_trained and self.valid is not None and fresh:
            probability = self.method.judge(self.valid)
            if np.isfinite(probability).all():  # else the first step fails, which knows on which rows
                self._weigh(self.valid, probability)

    def _weigh(self, valid: ClickLog, probability: npt.NDArray[np.float32]) -> dict[str, float]:
        """Values on the validation rows; the weights are kept where they are better than all before."""
        at = self.at
        found = {"valid_logloss": logloss(valid.label, probability), "valid_auc": auc(valid.label, probability)}
        value = found["valid_logloss"] if self.monitor == "logloss" else -found["valid_auc"]
        if value < at.best_value:
            at.best_value, at.best_epoch = value, at.epoch
            self.best_weights = {name: tensor.clone() for name, tensor in self._learned().items()}
        return found

    def _is_over(self) -> bool:
        stale = self.valid is not None and self.at.epoch - self.at.best_epoch >= self.patience
        return stale or self.at.epoch >= self.epochs

    def _require_finite(self, losses: dict[str, float], episode: Any) -> None:
        for name, value in losses.items():
            if math.isfinite(value):
                continue
            rows = ""
            if isinstance(episode, Batch) and episode.row is not None:
                more = f" and {len(episode) - 5} more" if len(episode) > 5 else ""
                rows = f" on training rows {self.train.row[episode.row[:5].numpy()].tolist()}{more}"
            raise TrainingDiverged(
                f"{name} became {value} at step {self.at.step} of epoch {self.at.epoch + 1}{rows}; {CAUSE}"
            )

    def _identity(self) -> dict[str, Any]:
        """What must be the same for a checkpoint to be of this run."""
        return {
            "method": describe(self.method), "seed": self.seed, "monitor": self.monitor, "rows": self._rows,
            "frozen": self._frozen,
        }  # fmt: skip

    @cached_property
    def _rows(self) -> str:
        """Digest of the rows: how many times each value stands in them, and their labels and times in order."""
        digest = hashlib.sha256(json.dumps(self.train.schema.to_dict()).encode())
        for log in (self.train, self.valid) if self.valid is not None else (self.train,):
            for values in (log.counts, log.label, log.time):
                digest.update(np.ascontiguousarray(values).data)
        return digest.hexdigest()

    @cached_property
    def _frozen(self) -> dict[str, str]:
        """Digests of the parameters that are given and not learned: options do not tell one from another."""
        return {
            name: hashlib.sha256(parameter.detach().cpu().contiguous().numpy().data).hexdigest()
            for name, parameter in self.method.named_parameters()
            if not parameter.requires_grad
        }

    def keep_best(self) -> None:
        """Leave the method with the weights that are best on validation rows, where there are some."""
        if self.best_weights:
            self._put_back(self.best_weights)

    def _learned(self) -> dict[str, Tensor]:
        """The state of the method but for rows that it remembers: ``start`` finds those again, and they may be many."""
        kept = [f"{name}." for name, module in self.method.named_modules() if isinstance(module, Memory)]
        return {key: value for key, value in self.method.state_dict().items() if not key.startswith(tuple(kept))}

    def _put_back(self, learned: dict[str, Tensor]) -> None:
        self.method.load_state_dict({**self.method.state_dict(), **learned})

    def save(self) -> None:
        """Write the checkpoint; it is whole or absent."""
        self.saved_at = time.monotonic()
        if self.folder is None:
            return
        state = {
            "version": FORMAT_VERSION,
            "identity": self._identity(),
            "at": asdict(self.at),
            "method": self._learned(),
            "best": self.best_weights,
            "optimizers": {name: optimizer.state_dict() for name, optimizer in self.method.optimizers.items()},
            "random": random_state(),
        }
        save_state(state, self.folder / CHECKPOINT)

    def restore(self) -> None:
        """Go back to the checkpoint of the folder, if there is one."""
        if self.folder is None:
            return
        for name in (CHECKPOINT, HISTORY):
            clear_leftovers(self.folder / name)
        if not (self.folder / CHECKPOINT).exists():
            return
        state = load_state(self.folder / CHECKPOINT)
        if state.get("version") != FORMAT_VERSION:
            raise InputError(f"{self.folder / CHECKPOINT}: of another version of clickwise; delete it to start afresh")
        if state["identity"] != self._identity():
            raise InputError(
                f"{self.folder / CHECKPOINT}: of a run with other options, seed or rows, or with another frozen part; "
                "resume with the same ones"
            )
        self.at = Progression(**state["at"])
        self.at.finished = self.at.epoch > 0 and self._is_over()  # a resumed run may be given more epochs
        self._put_back(state["method"])
        self.best_weights = state["best"]
        for name, optimizer in self.method.optimizers.items():
            optimizer.load_state_dict(state["optimizers"][name])
        set_random_state(state["random"])
