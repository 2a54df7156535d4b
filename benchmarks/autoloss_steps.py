"""DeepFM on cross-entropy and by AutoLoss, in turns: ``python -m benchmarks.autoloss_steps SHAPE NAME... RESULT``."""

import argparse
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from lightning_fabric import Fabric

import clickwise as cw
from benchmarks.contestants.ours import SPECIAL_IDS, click_log
from benchmarks.fields import zipf
from benchmarks.memory import peak_memory
from benchmarks.user_log import user_logs
from clickwise.data.log import ClickLog
from clickwise.data.sources.criteo import CATEGORIES, NUMBERS
from clickwise.methods.method import Method, Run
from clickwise.methods.trainings import TRAININGS
from clickwise.schema import Field, Schema

BATCH_SIZE = 2000
EVERY = (1, 3, 7, 15)
STEPS = 105  # a multiple of each of them, so that a round holds its share of controller updates
SLICE = 15
MOVIELENS_USERS = 3000
NUMBER_BUCKETS = 40
CATEGORY_VALUES = 1_000_000
PLAIN = "cross-entropy"
CONTESTANTS: dict[str, tuple[str, int] | None] = {
    PLAIN: None,
    **{f"first order, f = {every}": ("autoloss-published", every) for every in EVERY},
    **{f"unrolled, f = {every}": ("autoloss", every) for every in EVERY},
}


def movielens(rows: int) -> tuple[ClickLog, ClickLog]:
    """14,025 ids in 22 slots as in MovieLens-1M; some 80 training and 24 validation rows of each of 3,000 users."""
    train, valid = user_logs(14_025, MOVIELENS_USERS)
    return train.take(slice(rows)), valid


def criteo(rows: int) -> tuple[ClickLog, ClickLog]:
    """39 slots as in Criteo: 13 bucketed numbers, and 26 categories that shrink by 30 % from one to the next."""
    generator = np.random.default_rng(0)
    shares = 0.7 ** np.arange(len(CATEGORIES))
    of_categories = np.maximum(3, (CATEGORY_VALUES * shares / shares.sum()).astype(np.int64))
    sizes = dict(zip(NUMBERS + CATEGORIES, [NUMBER_BUCKETS] * len(NUMBERS) + of_categories.tolist(), strict=True))
    schema = Schema(tuple(Field(name) for name in sizes)).fitted(
        {name: size + SPECIAL_IDS for name, size in sizes.items()}
    )
    columns = [zipf(generator, size, 2 * rows) + schema.offsets[name] + SPECIAL_IDS for name, size in sizes.items()]
    ids = np.stack(columns, axis=1).astype(np.int32)
    counts = np.bincount(ids[:rows].reshape(-1), minlength=schema.size)
    log = click_log(schema, ids, generator.integers(0, 2, 2 * rows, dtype=np.int32), counts)
    return log.take(slice(rows)), log.take(slice(rows, None))


SHAPES = {"MovieLens-1M": movielens, "Criteo": criteo}


def method(name: str, train: ClickLog, valid: ClickLog) -> Method:
    """The paper's DeepFM (section 3.2) under the named training, ready for steps."""
    model = cw.models.DeepFM(train.schema, embedding_dim=16, hidden_dims=(128, 128), dropout=0.2, batch_norm=True)
    training = CONTESTANTS[name]
    if training is None:
        made: Method = cw.Supervised(model, batch_size=BATCH_SIZE)
    else:
        kind, every = TRAININGS[training[0]], training[1]
        made = kind.kind(model, **{**kind.options, "batch_size": BATCH_SIZE, "update_every": every})
    made.start(train, valid, Run(Fabric(accelerator="cpu", devices=1)))
    return made.train()


@dataclass
class Spent:
    """Seconds by the clock and of the processor; those of a ``with`` block of its own are added."""

    seconds: float = 0.0
    processor_seconds: float = 0.0

    def __enter__(self) -> None:
        self.seconds -= time.perf_counter()
        self.processor_seconds -= time.process_time()

    def __exit__(self, *error: object) -> None:
        self.seconds += time.perf_counter()
        self.processor_seconds += time.process_time()


def endless(of: Method) -> Iterator[Any]:
    """Epoch after epoch."""
    epoch = 0
    while True:
        yield from of.episodes(0, epoch, 0)
        epoch += 1


def take_steps(of: Method, episodes: Iterator[Any], steps: int, spent: Spent) -> None:
    """Some steps as ``fit`` makes them, which reads each loss of a step; loading included."""
    with spent:
        for _ in range(steps):
            for loss in of.step(next(episodes)).values():
                float(loss)


def measure(shape: str, names: list[str], repeats: int) -> dict[str, Any]:
    """Rounds of ``STEPS`` steps each, after one slice to warm up.

    Contestants take turns of one slice, short enough that a machine which slows down for seconds slows all of them.
    """
    train, valid = SHAPES[shape](STEPS * BATCH_SIZE)
    methods = {name: method(name, train, valid) for name in names}
    episodes = {name: endless(made) for name, made in methods.items()}
    for name, made in methods.items():
        take_steps(made, episodes[name], SLICE, Spent())
    rounds = []
    for _ in range(repeats):
        one = {name: Spent() for name in names}
        for _ in range(STEPS // SLICE):
            for name, made in methods.items():
                take_steps(made, episodes[name], SLICE, one[name])
        rounds.append({name: vars(spent) for name, spent in one.items()})
    return {"rounds": rounds, "peak_bytes": peak_memory(), "ids": train.schema.size, "slots": train.schema.width}


def main() -> None:
    """Read the arguments, train in turns, write the result as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("shape", choices=SHAPES)
    parser.add_argument("names", nargs="+", choices=CONTESTANTS)
    parser.add_argument("result", type=Path)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    options.result.write_text(json.dumps(measure(options.shape, options.names, options.repeats)), encoding="utf-8")


if __name__ == "__main__":
    main()
