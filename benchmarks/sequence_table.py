"""The generated table with histories that every contestant of ``benchmarks.sequences`` trains on."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from benchmarks.fields import zipf

Ids = npt.NDArray[np.int32]
CATEGORIES = 100
SIZES = {"user": 6_000, "hour": 24, "weekday": 7, "item": 10_000, "category": CATEGORIES}
HISTORIES = {"items_before": "item", "categories_before": "category"}


@dataclass(frozen=True)
class SequenceTable:
    """Training and test rows.

    Attributes:
        length: slots of a history.
        train, test: by field, ``int32 [rows]`` and for histories ``int32 [rows, length]``; values are numbered from 1,
            those of a history stand in front, and 0 fills what is left.
        train_label, test_label: ``int32 [rows]``, 0 or 1.
    """

    length: int
    train: dict[str, Ids]
    train_label: Ids
    test: dict[str, Ids]
    test_label: Ids


def draw_table(rows: int, test_rows: int, length: int, full: bool, seed: int = 0) -> SequenceTable:
    """Items by a Zipf law; half of a history, and half of the candidates, are of the row's own taste in categories.

    A candidate of that category is clicked in 7 of 10 rows, another one in 3 of 10.

    Args:
        rows, test_rows: how many of each.
        length: slots of a history.
        full: let every row have ``length`` behaviours; else 1 to ``length``, each number as often.
        seed: of the draw.
    """
    generator = np.random.default_rng(seed)
    every = rows + test_rows
    taste = zipf(generator, CATEGORIES, every)
    columns = {name: zipf(generator, size, every) + 1 for name, size in SIZES.items()}
    columns["item"] = _items(generator, taste) + 1
    columns["category"] = _category(columns["item"])
    before = _items(generator, np.broadcast_to(taste[:, None], (every, length))) + 1
    behaviours = np.full(every, length) if full else generator.integers(1, length + 1, every)
    filled = np.arange(length) < behaviours[:, None]
    columns["items_before"] = np.where(filled, before, 0).astype(np.int32)
    columns["categories_before"] = np.where(filled, _category(before), 0).astype(np.int32)
    liked = columns["category"] == taste + 1
    label = (generator.random(every) < np.where(liked, 0.7, 0.3)).astype(np.int32)
    train = {name: np.ascontiguousarray(column[:rows]) for name, column in columns.items()}
    test = {name: np.ascontiguousarray(column[rows:]) for name, column in columns.items()}
    return SequenceTable(length, train, label[:rows], test, label[rows:])


def _items(generator: np.random.Generator, taste: Ids) -> Ids:
    """From 0; one in two is of the category ``taste``."""
    drawn = zipf(generator, SIZES["item"], taste.size).reshape(taste.shape)
    of_taste = drawn - drawn % CATEGORIES + taste
    return np.where(generator.random(taste.shape) < 0.5, of_taste, drawn).astype(np.int32)


def _category(item: Ids) -> Ids:
    """Both from 1: categories take turns over the items."""
    return ((item - 1) % CATEGORIES + 1).astype(np.int32)
