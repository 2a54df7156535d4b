"""A file in the layout of Criteo's ``train.txt``, of any number of rows, with a signal that is known.

``python -m benchmarks.criteo_shape FOLDER/train.txt --rows 5000000`` writes it and prints the AUC that no model can
beat by much: that of the true probabilities. ``clickwise prepare criteo --data-root FOLDER`` reads it.
"""

import argparse
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import polars as pl
from sklearn.metrics import roc_auc_score

from benchmarks.fields import zipf
from clickwise.data.sources.criteo import CATEGORIES, NUMBERS

ROWS_AT_ONCE = 250_000
VALUES = 1_000_000
CLICKS = -1.4  # the intercept: with it a quarter of the rows are clicks, as in the official file
PAIRS = ((0, 1), (2, 5), (3, 8), (10, 14))  # categories that also act together, which a linear model cannot see
PAIR_DIM = 4
KNUTH = 2_654_435_761  # odd, so its multiples are distinct modulo 2 ** 32

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Truth:
    """The effects behind the clicks, and how each category's values are written.

    Attributes:
        words: eight hexadecimal digits a value, by category.
        weights: the effect of each value, by category.
        factors: by pair of categories, ``[values, PAIR_DIM]`` for either side.
        slopes: effect of the logarithm of each number.
    """

    words: list[pl.Series]
    weights: list[Floats]
    factors: list[tuple[Floats, Floats]]
    slopes: Floats


def draw_truth(values: int, generator: np.random.Generator) -> Truth:
    """Categories shrink by 30 % from one to the next and hold ``values`` values together."""
    shares = 0.7 ** np.arange(len(CATEGORIES))
    sizes = np.maximum(3, (values * shares / shares.sum()).astype(np.int64))
    words = []
    for category, size in enumerate(sizes):
        codes = ((np.arange(size, dtype=np.uint64) + category) * KNUTH % 2**32).astype(">u4")
        digits = np.frombuffer(codes.tobytes().hex().encode(), "S8").astype("U8")
        words.append(pl.Series(digits, dtype=pl.String))
    weights = [generator.normal(0.0, 0.2, size) for size in sizes]
    factors = [
        (generator.normal(0.0, 0.5, (sizes[left], PAIR_DIM)), generator.normal(0.0, 0.5, (sizes[right], PAIR_DIM)))
        for left, right in PAIRS
    ]
    return Truth(words, weights, factors, generator.normal(0.0, 0.1, len(NUMBERS)))


def draw_rows(truth: Truth, rows: int, generator: np.random.Generator) -> tuple[pl.DataFrame, Floats]:
    """Rows in the official columns, and the true probability of each click.

    Numbers are whole and long-tailed, some are negative; up to 40 % of a column is missing, which has no effect.
    """
    logit = np.full(rows, CLICKS)
    columns: dict[str, pl.Series] = {}
    for index, name in enumerate(NUMBERS):
        numbers = np.exp(generator.normal(index / 4, 2.0, rows)).astype(np.int64) - 1
        known = generator.random(rows) >= 0.03 * index
        logit += truth.slopes[index] * np.where(known, np.log(numbers + 2) - index / 4, 0.0)
        columns[name] = pl.Series(numbers).zip_with(pl.Series(known), pl.Series([None], dtype=pl.Int64))
    codes, present = [], []
    for index, (name, words) in enumerate(zip(CATEGORIES, truth.words, strict=True)):
        codes.append(zipf(generator, len(words), rows))
        present.append(generator.random(rows) >= 0.015 * index)
        logit += np.where(present[-1], truth.weights[index][codes[-1]], 0.0)
        columns[name] = words.gather(codes[-1]).zip_with(pl.Series(present[-1]), pl.Series([None], dtype=pl.String))
    for (left, right), (of_left, of_right) in zip(PAIRS, truth.factors, strict=True):
        both = present[left] & present[right]
        logit += both * np.einsum("rd,rd->r", of_left[codes[left]], of_right[codes[right]])
    probability = 1.0 / (1.0 + np.exp(-logit))
    label = pl.Series((generator.random(rows) < probability).astype(np.int64))
    return pl.DataFrame({"label": label, **columns}), probability


def write(path: Path, rows: int, seed: int = 0, values: int = VALUES) -> Iterator[tuple[pl.Series, Floats]]:
    """Write the file piece by piece; each piece's labels and true probabilities are handed back."""
    truth_stream, row_stream = np.random.default_rng(seed).spawn(2)
    truth = draw_truth(values, truth_stream)
    with path.open("wb") as file:
        for start in range(0, rows, ROWS_AT_ONCE):
            piece, probability = draw_rows(truth, min(ROWS_AT_ONCE, rows - start), row_stream)
            piece.write_csv(file, separator="\t", include_header=False, quote_style="never")
            yield piece["label"], probability


def main() -> None:
    """Read the arguments, write the file, say what is in it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("path", type=Path)
    parser.add_argument("--rows", type=int, default=5_000_000)
    parser.add_argument("--values", type=int, default=VALUES)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    options.path.parent.mkdir(parents=True, exist_ok=True)
    labels, probabilities = zip(*write(options.path, options.rows, options.seed, options.values), strict=True)
    label, probability = np.concatenate(labels), np.concatenate(probabilities)
    best = roc_auc_score(label, probability)
    size = options.path.stat().st_size / 2**20
    print(f"{options.path}: {len(label):,} rows, {size:,.0f} MiB, {label.mean():.1%} clicks, true AUC {best:.4f}")


if __name__ == "__main__":
    main()
