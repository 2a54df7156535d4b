"""Session methods in turns, in one process: ``python -m benchmarks.session_steps NAME... RESULT``."""

import argparse
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from lightning_fabric import Fabric

import clickwise as cw
from benchmarks.autoloss_steps import Spent, endless
from benchmarks.memory import peak_memory
from clickwise.data.log import Batch, ClickLog
from clickwise.methods.method import Method, Run
from clickwise.reproduce.job import Job
from clickwise.reproduce.recurrent_meta.published import ABLATIONS, COMPETITORS, MOVIELENS, OURS, SESSION_LENGTH
from clickwise.reproduce.recurrent_meta.rows import BILEVEL, make

USERS, ITEMS, ROWS = 2_000, 1_800, 60_000
"""Of the generated log; MovieLens-1M's subset of warm users and cold items has 3,946, 1,822 and 74,000."""
FIRST_ORDER, FEW_TASKS, MANY_TASKS = f"{BILEVEL}, first order", f"{BILEVEL}, 5 tasks", f"{BILEVEL}, 80 tasks"
OPTIONS: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    FIRST_ORDER: (BILEVEL, {"second_order": False}),
    FEW_TASKS: (BILEVEL, {"tasks_per_episode": 5}),
    MANY_TASKS: (BILEVEL, {"tasks_per_episode": 80}),
}
"""Rows with other options than a table's."""
SPEED = (*COMPETITORS, *ABLATIONS, OURS, BILEVEL, FIRST_ORDER)
CONTESTANTS = (*SPEED, FEW_TASKS, MANY_TASKS)
SESSIONS = 1_280
"""A turn; no less than two episodes of ``BILEVEL``."""


def sessions() -> tuple[ClickLog, ClickLog]:
    """Training and validation rows of the embedded log, each with the nine rows of its user before it."""
    log = cw.load(
        "synthetic", split="chronological-per-user", users=USERS, items=ITEMS, impressions=ROWS,
        session_length=SESSION_LENGTH,
    )  # fmt: skip
    return log.train, log.valid


def contestant(name: str, train: ClickLog, valid: ClickLog) -> Method:
    """A row of the paper's tables as ``reproduce recurrent-meta table2`` trains it, ready for steps."""
    row, options = OPTIONS.get(name, (name, {}))
    job = Job("recurrent-meta", "table2", Path(), source=MOVIELENS, options={row: options})
    method = make(row, train.schema, job, "WC")
    method.start(train, valid, Run(Fabric(accelerator="cpu", devices=1)))
    return method.train()


def sessions_of(episode: Any) -> int:
    """Rows that a step's loss is taken on; of tasks their queries, since support is read besides."""
    if isinstance(episode, Batch):
        return len(episode)
    if isinstance(episode, list):
        return sum(len(task.query) for task in episode)
    return len(episode.a) + len(episode.b)


def take_turn(of: Method, episodes: Iterator[Any], least: int, spent: Spent) -> int:
    """Steps as ``fit`` makes them until ``least`` sessions are trained on, loading included; how many they were."""
    done = 0
    with spent:
        while done < least:
            episode = next(episodes)
            for loss in of.step(episode).values():
                float(loss)
            done += sessions_of(episode)
    return done


def measure(names: list[str], repeats: int, least: int = SESSIONS) -> dict[str, Any]:
    """Rounds of one turn each, after one to warm up: seconds and sessions by contestant, and the peak of memory."""
    train, valid = sessions()
    methods = {name: contestant(name, train, valid) for name in names}
    episodes = {name: endless(made) for name, made in methods.items()}
    rounds = []
    for turn in range(repeats + 1):
        spent = {name: Spent() for name in names}
        done = {name: take_turn(made, episodes[name], least, spent[name]) for name, made in methods.items()}
        if turn:
            rounds.append({name: {**vars(spent[name]), "sessions": done[name]} for name in names})
    return {"rounds": rounds, "peak_bytes": peak_memory()}


def main() -> None:
    """Read the arguments, train in turns, write the result as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="+", choices=CONTESTANTS)
    parser.add_argument("result", type=Path)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    options.result.write_text(json.dumps(measure(options.names, options.repeats)), encoding="utf-8")


if __name__ == "__main__":
    main()
