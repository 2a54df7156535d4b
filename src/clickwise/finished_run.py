"""What a finished run leaves in its folder: the trained model, its predictions of the test rows, and facts."""

import shutil
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from clickwise.data.storage import PreparedLog
from clickwise.documents import read_document
from clickwise.errors import InputError, one_line
from clickwise.files import new_file, write_json
from clickwise.methods.method import Method
from clickwise.methods.names import parts
from clickwise.model_folder import load_model, save_model
from clickwise.run_costs import FACTS

FINISHED, MODEL, PROBABILITY, WEIGHTS = "finished.json", "model", "test.npy", "user_weights.parquet"
AFRESH = "damaged; remove the folder of this run to train it afresh"


@dataclass(frozen=True)
class Trained:
    """One method trained with one seed."""

    method: Method
    test: npt.NDArray[np.float32]
    facts: dict[str, Any]


def read_run(folder: Path, rows: int, trusted: Sequence[str]) -> Trained:
    """A finished run.

    Args:
        folder: the run's own.
        rows: of the test part.
        trusted: ``own_modules`` of the methods that it may be made of.

    Raises:
        InputError: what is there is damaged.
    """
    facts = read_document(folder / FINISHED, "facts of the run")
    try:
        test = np.load(folder / PROBABILITY, allow_pickle=False)
    except (OSError, EOFError, ValueError) as error:
        raise InputError(f"{folder / PROBABILITY}: {AFRESH} ({one_line(error)})") from None
    if not isinstance(facts, dict) or not {*FACTS} <= facts.keys() or test.shape[:1] != (rows,):
        raise InputError(f"{folder / FINISHED}: {AFRESH}")
    return Trained(load_model(folder / MODEL, trusted).method, test, facts)


def write_run(run: Trained, weights: pl.DataFrame | None, log: PreparedLog, folder: Path) -> None:
    """Write what is left of a run; the file that says that it is finished comes last.

    Args:
        run: what was trained.
        weights: of the models for each user, of a method that has such weights.
        log: what it was trained on.
        folder: the run's own.
    """
    shutil.rmtree(folder / MODEL, ignore_errors=True)
    save_model(run.method, folder / MODEL, log)
    if weights is not None:
        with new_file(folder / WEIGHTS) as path:
            weights.write_parquet(path)
    with new_file(folder / PROBABILITY) as path, path.open("wb") as file:
        np.save(file, run.test, allow_pickle=False)
    write_json(folder / FINISHED, run.facts)


def own_modules(names: Iterable[str]) -> list[str]:
    """The modules of one's own classes among names, those that others are made of included."""
    found: dict[str, None] = {}
    for whole in map(parts, names):
        module, own, _ = whole.model.partition(":")
        found |= dict.fromkeys([module] if own else []) | dict.fromkeys(own_modules(whole.candidates))
    return list(found)
