"""MAMO's memories against slow references, its gradients against finite differences, and what it learns."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from lightning_fabric import Fabric
from torch.nn import functional

from clickwise.configuration import build, describe
from clickwise.data.log import Batch
from clickwise.data.tasks import Task
from clickwise.errors import InputError
from clickwise.methods.mamo import MAMO
from clickwise.methods.method import Run
from clickwise.metrics.pointwise import logloss
from clickwise.nn.feature_memory import SlotMemory, attend
from clickwise.prediction import predict
from clickwise.training import fit, seeded
from tests.logs import assert_same_bits
from tests.methods.planted_switches import switches

LOGS = switches()
SCHEMA = LOGS.train.schema
SMALL: dict[str, Any] = {"embedding_dim": 3, "preference_dim": 6, "hidden_dims": (), "initial_deviation": 0.3}


def made(**options: Any) -> MAMO:
    with seeded(0):
        return MAMO(SCHEMA, **{**SMALL, **options})


def started(**options: Any) -> MAMO:
    method = made(**options).double()
    method.start(LOGS.train, LOGS.valid, Run(Fabric(accelerator="cpu", devices=1)))
    return method


def task_of(method: MAMO) -> Task:
    return next(task for episode in method.episodes(0, 0, 0) for task in episode if len(task.support))


def test_memory_reads_and_writes_slot_by_slot() -> None:
    memory = SlotMemory(3, (2, 4), 1.0)
    before, attention, value = memory.values.clone(), torch.tensor([0.2, 0.5, 0.3]), torch.randn(2, 4)
    expected = sum(float(attention[slot]) * before[slot] for slot in range(3))
    torch.testing.assert_close(memory.read(attention), expected)
    torch.testing.assert_close(memory.read(torch.stack([attention, attention]))[1], expected)
    memory.write(attention, value, 0.3)
    for slot in range(3):
        torch.testing.assert_close(memory.values[slot], 0.3 * attention[slot] * value + 0.7 * before[slot])


def test_attention_is_the_softmax_of_cosines() -> None:
    profile, slots = torch.randn(4), torch.randn(3, 4)
    cosines = [float(profile @ slot / profile.norm() / slot.norm()) for slot in slots]
    expected = np.exp(cosines) / np.exp(cosines).sum()
    np.testing.assert_allclose(attend(profile, slots).numpy(), expected, rtol=1e-5)


def test_a_task_starts_from_memory_and_writes_what_it_found() -> None:
    method = started(tau=0.5, inner_learning_rate=0.3)
    method.weights.values.normal_()
    task = task_of(method)
    weights, profiles, cube = (m.values.clone() for m in (method.weights, method.profiles, method.matrices))
    found = method.local_steps(task.support, task.query)
    a, layer = found.attention, "estimator.user_layer.weight"
    read = sum(a[slot] * weights[slot] for slot in range(3))
    torch.testing.assert_close(found.start[layer], method.estimator.user_layer.weight - 0.5 * read)
    torch.testing.assert_close(found.start["matrix"], sum(a[slot] * cube[slot] for slot in range(3)))
    # The profile is the vector of the user's group: the id is no profile where there is another field.
    group = method.estimator.embedding.slots.table.weight[int(task.support.ids[0, 1])]
    torch.testing.assert_close(found.profile, group.detach())
    method.write(found)
    gradient = (found.start[layer] - found.adapted[layer]).detach() / 0.3
    assert float(gradient.abs().max()) > 0
    for slot in range(3):
        torch.testing.assert_close(method.profiles.values[slot], 0.5 * a[slot] * group + 0.5 * profiles[slot])
        torch.testing.assert_close(method.weights.values[slot], 0.05 * a[slot] * gradient + 0.95 * weights[slot])
        torch.testing.assert_close(
            method.matrices.values[slot], 0.1 * a[slot] * found.adapted["matrix"].detach() + 0.9 * cube[slot]
        )


def test_the_outer_gradient_is_that_of_finite_differences() -> None:
    method = started(tau=0.5, inner_learning_rate=2.0, inner_steps=2)
    method.weights.values.normal_()
    task = task_of(method)

    def loss() -> torch.Tensor:
        found = method.local_steps(task.support, task.query, outer=True)
        logits = method._logits(found.adapted, found.query)
        return functional.binary_cross_entropy_with_logits(logits, found.query.label.double())

    dense = {name: p for name, p in method.named_parameters() if "table" not in name and p.numel()}
    gradients = torch.autograd.grad(loss(), list(dense.values()))
    for (name, parameter), gradient in zip(dense.items(), gradients, strict=True):
        direction, ends = torch.randn_like(parameter), []
        for step in (1e-5, -1e-5):
            with torch.no_grad():
                parameter += step * direction
            ends.append(float(loss().detach()))
            with torch.no_grad():
                parameter -= step * direction
        assert float((gradient * direction).sum()) == pytest.approx((ends[0] - ends[1]) / 2e-5, rel=1e-4, abs=1e-9)
        assert name.startswith("estimator.")


def test_rows_without_support_are_those_of_a_task_without_steps() -> None:
    method = started(tau=0.5)
    method.weights.values.normal_()
    method.intercepts.values.normal_()
    own = np.flatnonzero(LOGS.test.user == 3)
    query, nothing = Batch.of(LOGS.test, own), Batch.of(LOGS.test, own[:0])
    found = method.local_steps(nothing, query)
    expected = method._logits(found.adapted, found.query).sigmoid()
    torch.testing.assert_close(method.outputs_for(None, query)[0], expected)
    among_others = method.outputs_for(None, Batch.of(LOGS.test, np.arange(len(LOGS.test))))[0]
    torch.testing.assert_close(among_others[own], expected)


def fitted(folder: Path | None = None, epochs: int = 6, **options: Any) -> MAMO:
    given = {"inner_learning_rate": 1.0, "outer_learning_rate": 0.03, "query_size": 16, "tasks_per_episode": 10}
    method = made(**{**given, **options})
    fit(
        method, LOGS.train, LOGS.valid, epochs=epochs, device="cpu", folder=folder, resume=folder is not None,
        checkpoint_seconds=0.0, progress=False,
    )  # fmt: skip
    return method


def test_adapting_finds_the_switch_and_another_users_rows_do_not() -> None:
    method = fitted()
    method.remember(LOGS.train, LOGS.valid)
    adapted = logloss(LOGS.test.label, predict(method, LOGS.test))
    again = build(describe(method), SCHEMA)
    again.load_state_dict(method.state_dict())
    again.eval()
    assert logloss(LOGS.test.label, predict(again, LOGS.test)) == adapted
    method.memory.shuffled = True
    shuffled = logloss(LOGS.test.label, predict(method, LOGS.test))
    method.memory.clear()
    unadapted = logloss(LOGS.test.label, predict(method, LOGS.test))
    assert adapted < unadapted - 0.15 and adapted < shuffled - 0.15


def test_a_run_broken_off_goes_on_to_the_same_bits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole, step, written = fitted(epochs=1), MAMO.step, []

    def breaking(self: MAMO, episode: Any) -> Any:
        if len(written) == 4:
            raise RuntimeError("the power fails")
        written.append(1)
        return step(self, episode)

    monkeypatch.setattr(MAMO, "step", breaking)
    with pytest.raises(RuntimeError, match="power"):
        fitted(tmp_path / "run", epochs=1)
    monkeypatch.setattr(MAMO, "step", step)
    assert_same_bits(fitted(tmp_path / "run", epochs=1).state_dict(), whole.state_dict())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"slots": 0}, "slots and inner_steps must be at least 1"),
        ({"alpha": 1.5}, "alpha, beta and gamma must lie between 0 and 1, not 1.5"),
        ({"tau": -1.0}, "tau not negative"),
        ({"query_size": 0}, "must be at least 1"),
    ],
)
def test_options_that_cannot_be(options: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        MAMO(SCHEMA, **options)
