"""One way to train MetaSelector in a process of its own: ``python -m benchmarks.episode NAME IDS RESULT``."""

import argparse
import importlib
import json
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from lightning_fabric import Fabric
from torch import Tensor, nn
from torch.func import functional_call
from torch.optim import SGD, Adam

import clickwise as cw
from benchmarks.memory import peak_memory
from benchmarks.user_log import SHAPES, user_logs
from clickwise.adaptation import adapt
from clickwise.data.log import Batch
from clickwise.data.tasks import Task, UserEpisodes
from clickwise.methods.metaselector import MetaSelector
from clickwise.methods.method import Run
from clickwise.methods.mixture import mean_loss

USERS = 400
USERS_PER_EPISODE = 10
OUTER_RATE = 1e-4
Step = Callable[[list[Task]], object]


def meta_selector(ids: int) -> tuple[MetaSelector, UserEpisodes]:
    """The paper's sizes (section 5.3): latent 10, DeepFM 256-256-256, selector 200-200-200, a rate for every weight."""
    train, valid = user_logs(ids, USERS)
    schema = train.schema
    models = [
        cw.models.LR(schema),
        cw.models.FM(schema, embedding_dim=10),
        cw.models.FFM(schema, embedding_dim=10),
        cw.models.DeepFM(schema, embedding_dim=10, hidden_dims=(256, 256, 256), dropout=0.1),
    ]
    method = MetaSelector(
        models,
        inner_learning_rate=1e-3,
        outer_learning_rate=OUTER_RATE,
        rates_learning_rate=OUTER_RATE,
        rates="parameter",
        train_models=True,
        users_per_episode=USERS_PER_EPISODE,
        support_size=128,
        prior_rows=0.0,
        weigh_by="users",
        pretrain=False,
        start_from="random",
    )
    method.start(train, valid, Run(Fabric(accelerator="cpu", devices=1)))
    return method.train(), UserEpisodes(train, valid, USERS_PER_EPISODE, query_share=1.0, order="time")


def ours(method: MetaSelector) -> Step:
    """The product: ``MetaSelector.step``."""
    return method.step


def dense(method: MetaSelector) -> Step:
    """The same formulas on whole tables, with a fused dense Adam."""
    method.optimizers.clear()
    optimizer = Adam(method.parameters(), OUTER_RATE, fused=True)
    parameters = dict(method.named_parameters())
    rates = method.inner_rates.of_task(parameters, torch.arange(0), "inner_rates.")

    def query_loss(task: Task) -> Tensor:
        def loss(values: Mapping[str, Tensor], batch: Batch = task.support) -> Tensor:
            return mean_loss(functional_call(method, dict(values), (batch,))[0], batch.label)

        return loss(adapt(parameters, rates, loss), task.query)

    return outer_step(optimizer, query_loss)


def outer_step(optimizer: Adam, query_loss: Callable[[Task], Tensor]) -> Step:
    """Mean query loss of an episode, gradients task by task, one update (Eq. 5 and 6)."""

    def step(episode: list[Task]) -> None:
        optimizer.zero_grad(set_to_none=True)
        for task in episode:
            (query_loss(task) / len(episode)).backward()
        optimizer.step()

    return step


class Mixture(nn.Module):
    """The models and the selector of a MetaSelector, without its rates: what ``higher`` makes functional."""

    def __init__(self, method: MetaSelector) -> None:
        super().__init__()
        self.models, self.selector = method.models, method.selector

    forward = MetaSelector.forward


def higher(method: MetaSelector) -> Step:
    """The inner step by ``higher`` (Grefenstette et al. 2019): its patched module and its differentiable SGD."""
    library = importlib.import_module("higher")
    mixture = Mixture(method)
    names = [name for name, _ in mixture.named_parameters()]
    every = method.inner_rates.of_task(dict(method.named_parameters()), torch.arange(0), "inner_rates.")
    rates = [every[name] for name in names]
    optimizer = Adam([*mixture.parameters(), *rates], OUTER_RATE, fused=True)
    inner = SGD([{"params": [parameter]} for parameter in mixture.parameters()], lr=1.0)

    def query_loss(task: Task) -> Tensor:
        options: dict[str, Any] = {"override": {"lr": rates}, "copy_initial_weights": False}
        with library.innerloop_ctx(mixture, inner, **options) as (functional, differentiable):
            differentiable.step(mean_loss(functional(task.support)[0], task.support.label))
            return mean_loss(functional(task.query)[0], task.query.label)

    return outer_step(optimizer, query_loss)


CONTESTANTS: dict[str, Callable[[MetaSelector], Step]] = {"clickwise": ours, "dense": dense, "higher": higher}


def measure(step: Step, episodes: Iterator[list[Task]], limit: float, warm_up: int) -> dict[str, float]:
    """Users a second after ``warm_up`` episodes, drawing episodes included, until ``limit`` seconds have passed."""
    for _ in range(warm_up):
        step(next(episodes))
    users, start = 0, time.perf_counter()
    while time.perf_counter() - start < limit:
        episode = next(episodes)
        step(episode)
        users += len(episode)
    seconds = time.perf_counter() - start
    return {"users_per_second": users / seconds, "users": users, "seconds": seconds, "peak_bytes": peak_memory()}


def endless(tasks: UserEpisodes) -> Iterator[list[Task]]:
    """Epoch after epoch."""
    epoch = 0
    while True:
        yield from tasks.epoch(0, epoch)
        epoch += 1


def main() -> None:
    """Read the arguments, train for the time allowed, write the result as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name", choices=CONTESTANTS)
    parser.add_argument("ids", type=int, choices=SHAPES)
    parser.add_argument("result", type=Path)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--limit", type=float, default=10.0)
    parser.add_argument("--warm-up", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    method, tasks = meta_selector(options.ids)
    measured = measure(CONTESTANTS[options.name](method), endless(tasks), options.limit, options.warm_up)
    options.result.write_text(json.dumps(measured), encoding="utf-8")


if __name__ == "__main__":
    main()
