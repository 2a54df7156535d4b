"""A model and the same model gated, in turns: ``python -m benchmarks.gating_steps MODEL RESULT``."""

import argparse
import json
from pathlib import Path
from typing import Any

import torch
from lightning_fabric import Fabric
from torch import nn

import clickwise as cw
from benchmarks.autoloss_steps import BATCH_SIZE, Spent, endless, movielens, take_steps
from clickwise.data.log import ClickLog
from clickwise.methods.method import Method, Run
from clickwise.methods.scoring import score
from clickwise.models.dien import DIEN
from clickwise.models.din import DIN
from clickwise.models.gated import UserDependentGating
from clickwise.models.wide_deep import WideDeep
from clickwise.nn.gate_kinds import GATES

MODELS: dict[str, Any] = {
    "deepfm": cw.models.DeepFM,
    "pnn": cw.models.PNN,
    "wide-deep": WideDeep,
    "din": DIN,
    "dien": DIEN,
}
BASE = "base"
GATED = "gated"
WORK = ("train", "score")
STEPS = 40
SLICES = 4
SCORED_ROWS = 10 * BATCH_SIZE


def contestants(
    model: str, gate: str, options: dict[str, Any], train: ClickLog, valid: ClickLog | None
) -> dict[str, Method]:
    """The model alone and the model gated, each under ordinary training, ready for steps."""
    base: nn.Module = MODELS[model](train.schema, **options)
    gated = UserDependentGating(MODELS[model](train.schema, **options), gate=gate)
    methods: dict[str, Method] = {
        name: cw.Supervised(each, batch_size=BATCH_SIZE) for name, each in ((BASE, base), (GATED, gated))
    }
    for method in methods.values():
        method.start(train, valid, Run(Fabric(accelerator="cpu", devices=1)))
        method.train()
    return methods


def score_rows(method: Method, log: ClickLog, spent: Spent) -> None:
    """The probabilities of a log as ``predict`` gives them, in batches of ``BATCH_SIZE``; loading included."""
    with spent:
        score(method, log, BATCH_SIZE)


def measure(model: str, gate: str, options: dict[str, Any], repeats: int) -> dict[str, Any]:
    """Rounds of ``STEPS`` steps and of scoring ``SLICES`` times, after one slice of each to warm up.

    The two take turns, short enough that a machine which slows down for seconds slows both.
    """
    train, valid = movielens(STEPS * BATCH_SIZE)
    scored = valid.take(slice(SCORED_ROWS))
    methods = contestants(model, gate, options, train, valid)
    episodes = {name: endless(method) for name, method in methods.items()}
    for name, method in methods.items():
        take_steps(method, episodes[name], STEPS // SLICES, Spent())
        score_rows(method, scored, Spent())
    rounds = []
    for _ in range(repeats):
        one = {name: {work: Spent() for work in WORK} for name in methods}
        for _ in range(SLICES):
            for name, method in methods.items():
                take_steps(method, episodes[name], STEPS // SLICES, one[name]["train"])
            for name, method in methods.items():
                score_rows(method, scored, one[name]["score"])
        rounds.append({name: {work: vars(spent) for work, spent in each.items()} for name, each in one.items()})
    return {"rounds": rounds, "batches": {"train": STEPS, "score": SLICES * len(scored) // BATCH_SIZE}}


def main() -> None:
    """Read the arguments, train and score in turns, write the result as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", choices=MODELS)
    parser.add_argument("result", type=Path)
    parser.add_argument("--gate", choices=GATES, default="udg")
    parser.add_argument("--hidden-dims", type=int, nargs="+", help="of the model's MLP; its own default where left out")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    of_model = {} if options.hidden_dims is None else {"hidden_dims": options.hidden_dims}
    measured = measure(options.model, options.gate, of_model, options.repeats)
    options.result.write_text(json.dumps(measured), encoding="utf-8")


if __name__ == "__main__":
    main()
