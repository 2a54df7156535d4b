"""MeLU moves its decision layers alone, and asks for the items that tell most."""

import numpy as np
import pytest
import torch
from lightning_fabric import Fabric

from clickwise.configuration import build, describe
from clickwise.data.log import Batch
from clickwise.errors import InputError
from clickwise.methods.melu import MeLU, evidence_candidates
from clickwise.methods.method import Run
from clickwise.metrics.pointwise import logloss
from clickwise.models import DIEN, DIN, DNN, MIMN, DeepFM, GRU4Rec, LSTM4Rec, MetaInteraction
from clickwise.models.model import Model
from clickwise.prediction import predict
from clickwise.training import fit, seeded
from tests.logs import make_logs, mixed_schema
from tests.methods.planted_switches import SmallSession, switches
from tests.planted_users import grouped

LOGS = switches()


def small(kind: type[Model] = DNN) -> Model:
    with seeded(0):
        return kind(mixed_schema(), embedding_dim=4, hidden_dims=(8,), dropout=0.0, initial_deviation=0.3)


def test_the_local_step_moves_the_decision_layers_alone() -> None:
    parts = make_logs(600)
    method = MeLU(small(), tasks_per_episode=4)
    method.start(parts.train, parts.valid, Run(Fabric(accelerator="cpu", devices=1)))
    task = next(task for episode in method.episodes(0, 0, 0) for task in episode if len(task.support))
    leaves, adapted, _ = method.adaptable.adapt(task.support, task.query)
    moved = {name for name, value in adapted.items() if not torch.equal(value, leaves.values[name])}
    assert moved == {f"model.model.{name}" for name, _ in method.model.model.named_parameters() if "mlp" in name}
    assert not [p for p in method.inner_rates.parameters() if p.requires_grad]


def test_finds_the_kind_of_a_user() -> None:
    parts = grouped(3000)
    method = MeLU(small(), inner_learning_rate=1.0, tasks_per_episode=8, query_size=16, outer_learning_rate=0.02)
    fit(method, parts.train, parts.valid, epochs=5, device="cpu", progress=False)
    method.remember(parts.train, parts.valid)
    adapted = logloss(parts.test.label, predict(method, parts.test))
    again = build(describe(method), parts.test.schema)
    again.load_state_dict(method.state_dict())
    again.eval()
    assert logloss(parts.test.label, predict(again, parts.test)) == adapted
    method.memory.shuffled = True
    assert adapted < logloss(parts.test.label, predict(method, parts.test)) - 0.1


@pytest.mark.parametrize("kind", [DNN, DIN, MetaInteraction])
def test_candidates_by_a_slow_reference(kind: type[Model]) -> None:
    """Of networks that read sessions too, some of which are empty."""
    log, network = make_logs(400).train, small(kind).eval()
    found = evidence_candidates(network, log, ("mlp",), count=4)
    column = log.schema.slots("item").start
    norms: dict[int, list[float]] = {}
    users: dict[int, set[int]] = {}
    local = [p for name, p in network.named_parameters() if name.startswith("mlp")]
    for row in range(len(log)):
        batch = Batch.of(log, np.array([row]))
        logit = network(batch)
        loss = torch.nn.functional.binary_cross_entropy_with_logits(logit, batch.label.float())
        error = float((logit.detach().sigmoid() - batch.label).abs())
        squares = [float(g.square().sum()) for g in torch.autograd.grad(loss, local)]
        item = int(log.ids[row, column])
        norms.setdefault(item, []).append(sum(squares) ** 0.5 / error)
        users.setdefault(item, set()).add(int(log.user[row]))
    mean = {item: float(np.mean(values)) for item, values in norms.items()}
    most, widest = max(len(known) for known in users.values()), max(mean.values())
    score = {item: len(users[item]) / most * mean[item] / widest for item in mean}
    best = sorted(score, key=lambda item: -score[item])[:4]
    assert found["item"].to_list() == best
    np.testing.assert_allclose(found["score"], [score[item] for item in best], rtol=1e-4)
    np.testing.assert_allclose(found["gradient_norm"], [mean[item] for item in best], rtol=1e-4)


@pytest.mark.parametrize("kind", [DIEN, GRU4Rec, LSTM4Rec, MIMN, DeepFM])
@pytest.mark.parametrize("local", ["mlp", "embedding"])
def test_every_network_of_clickwise_has_candidates(kind: type[Model], local: str) -> None:
    log, network = make_logs(120).train, small(kind).train()
    with torch.no_grad():
        found = evidence_candidates(network, log, (local,), count=3)
    assert len(found) == 3 and network.training
    assert found["score"].is_between(0, 1).all() and (found["gradient_norm"] > 0).all()


def test_what_has_no_candidates() -> None:
    with pytest.raises(InputError, match="evidence candidates need rows, binary labels"):
        MeLU(small()).evidence_candidates(make_logs(100).train.take(slice(0, 0)))
    with pytest.raises(InputError, match="evidence candidates need"):
        evidence_candidates(small(), make_logs(100, classes=3).train, ("mlp",))
    with pytest.raises(InputError, match="local 'decision': SmallSession has no parameter"):
        MeLU(SmallSession(LOGS.train.schema), local=("decision",))
