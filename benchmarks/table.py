"""The generated table that every contestant trains on: integer fields with a planted factorisation machine."""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from sklearn.metrics import roc_auc_score

from benchmarks.fields import field_sizes, zipf

TEST_ROWS = 100_000


@dataclass(frozen=True)
class Table:
    """Training and test rows.

    Attributes:
        sizes: number of values of each field, ``[20]``.
        train_ids, test_ids: ``int32 [rows, 20]``, numbered from 0 within each field.
        train_label, test_label: ``int32 [rows]``, 0 or 1.
    """

    sizes: tuple[int, ...]
    train_ids: npt.NDArray[np.int32]
    train_label: npt.NDArray[np.int32]
    test_ids: npt.NDArray[np.int32]
    test_label: npt.NDArray[np.int32]


def _planted_logits(
    generator: np.random.Generator, sizes: tuple[int, ...], ids: npt.NDArray[np.int32]
) -> npt.NDArray[np.float32]:
    """Linear weights and 4-dimensional factors of every value, drawn once; both parts standardised over the rows."""
    linear = np.zeros(len(ids), dtype=np.float32)
    total = np.zeros((len(ids), 4), dtype=np.float32)
    squares = np.zeros(len(ids), dtype=np.float32)
    for column, size in enumerate(sizes):
        linear += generator.standard_normal(size, dtype=np.float32)[ids[:, column]]
        vectors = generator.standard_normal((size, 4), dtype=np.float32)[ids[:, column]]
        total += vectors
        squares += np.square(vectors).sum(1)
    pairs = 0.5 * (np.square(total).sum(1) - squares)
    logits: npt.NDArray[np.float32] = -0.8 + 1.2 * linear / linear.std() + 0.8 * (pairs - pairs.mean()) / pairs.std()
    return logits


def write_table(folder: Path, rows: int, ids: int, seed: int = 0) -> float:
    """Write ``rows`` training rows and 100,000 test rows; returns the planted probabilities' AUC on these."""
    generator = np.random.default_rng(seed)
    sizes = field_sizes(ids)
    values = np.stack([zipf(generator, size, rows + TEST_ROWS) for size in sizes], axis=1)
    logits = _planted_logits(generator, sizes, values)
    label = (generator.random(len(values)) < 1 / (1 + np.exp(-logits))).astype(np.int32)
    folder.mkdir(parents=True)
    (folder / "sizes.json").write_text(json.dumps(sizes), encoding="utf-8")
    for name, part in {"train": slice(0, rows), "test": slice(rows, None)}.items():
        np.save(folder / f"{name}_ids.npy", values[part])
        np.save(folder / f"{name}_label.npy", label[part])
    return float(roc_auc_score(label[rows:], logits[rows:]))


def load_table(folder: Path) -> Table:
    """The table in ``folder``, memory-mapped, so that each contestant holds only what it makes of it."""
    arrays = {
        name: np.load(folder / f"{name}.npy", mmap_mode="r")
        for name in ("train_ids", "train_label", "test_ids", "test_label")
    }
    return Table(sizes=tuple(json.loads((folder / "sizes.json").read_text(encoding="utf-8"))), **arrays)
