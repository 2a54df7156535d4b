"""Raw files for the preparing benchmark: 20 integer columns, and Criteo's shape."""

from pathlib import Path

import numpy as np
import pyarrow as pa
from pyarrow import csv

from benchmarks.fields import NAMES, field_sizes, zipf

CRITEO_NUMBERS = tuple(f"I{index}" for index in range(1, 14))
CRITEO_CATEGORIES = tuple(f"C{index}" for index in range(1, 27))
CRITEO_VALUES = 1_000_000
INTEGER_VALUES = 320_000
CHUNK = 500_000


def write_integers(path: Path, rows: int, seed: int = 0) -> None:
    """CSV: ``label`` and 20 integer columns with 320,000 values in all."""
    generator = np.random.default_rng(seed)
    columns: dict[str, np.ndarray] = {"label": (generator.random(rows) < 0.3).astype(np.int8)}
    columns |= {
        name: zipf(generator, size, rows) for name, size in zip(NAMES, field_sizes(INTEGER_VALUES), strict=True)
    }
    csv.write_csv(pa.table(columns), path)


def _criteo_vocabularies() -> list[pa.Array]:
    """Eight hexadecimal digits a value, distinct within a column; columns shrink by 30 % from one to the next."""
    shares = 0.7 ** np.arange(len(CRITEO_CATEGORIES))
    sizes = np.maximum(3, (CRITEO_VALUES * shares / shares.sum()).astype(np.int64))
    step = 2_654_435_761  # odd, so multiples of it are distinct modulo 2 ** 32
    return [
        pa.array([f"{(value + column) * step % 2**32:08x}" for value in range(n)]) for column, n in enumerate(sizes)
    ]


def _criteo_chunk(generator: np.random.Generator, vocabularies: list[pa.Array], rows: int) -> pa.Table:
    """Numbers are whole and long-tailed, some negative; up to 40 % of a column is missing."""
    columns: dict[str, pa.Array] = {"label": pa.array((generator.random(rows) < 0.25).astype(np.int8))}
    for index, name in enumerate(CRITEO_NUMBERS):
        values = np.exp(generator.normal(index / 4, 2.0, rows)).astype(np.int64) - 1
        columns[name] = pa.array(values, mask=generator.random(rows) < 0.03 * index)
    for index, (name, vocabulary) in enumerate(zip(CRITEO_CATEGORIES, vocabularies, strict=True)):
        codes = pa.array(zipf(generator, len(vocabulary), rows), mask=generator.random(rows) < 0.015 * index)
        columns[name] = vocabulary.take(codes)
    return pa.table(columns)


def write_criteo(path: Path, rows: int, seed: int = 0) -> None:
    """CSV with a header: ``label``, 13 numbers, 26 categories with one million values in all; missing is empty."""
    generator = np.random.default_rng(seed)
    vocabularies = _criteo_vocabularies()
    with path.open("wb") as file:
        for start in range(0, rows, CHUNK):
            chunk = _criteo_chunk(generator, vocabularies, min(CHUNK, rows - start))
            options = csv.WriteOptions(include_header=start == 0, quoting_style="none")
            csv.write_csv(chunk, file, options)


WRITERS = {"integers": write_integers, "criteo": write_criteo}
