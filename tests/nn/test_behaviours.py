"""Which sequences stand together, and the labels of a session."""

import copy
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from clickwise.configuration import build, describe
from clickwise.data.log import Batch
from clickwise.errors import InputError
from clickwise.methods import Supervised
from clickwise.models import DIEN, DIN, Model
from clickwise.nn.behaviour_labels import BehaviourLabels
from clickwise.nn.behaviours import behaviours, need_behaviours
from clickwise.nn.tables import id_tables, touched_rows
from clickwise.schema import Field, Schema
from clickwise.training import fit
from tests.logs import make_logs

LENGTH = 4
FIELDS = (
    Field("clicked_items", owner="history", kind="sequence", of="item", vocabulary="item", length=LENGTH),
    Field("labels", owner="history", kind="sequence", of="label", length=LENGTH, events="all"),
    Field("item", owner="item"),
    Field("session_items", owner="history", kind="sequence", of="item", vocabulary="item", length=LENGTH, events="all"),
    Field("shop", owner="item"),
    Field("session_shops", owner="history", kind="sequence", of="shop", vocabulary="shop", length=LENGTH, events="all"),
    Field("long_session", owner="history", kind="sequence", of="item", length=9, events="all"),
    Field("bag", owner="history", kind="bag", of="item", length=LENGTH, events="all"),
    Field("looked_at", owner="user", kind="sequence", vocabulary="shop", length=LENGTH),
)
SIZES = {"item": 8, "labels": 5, "shop": 4, "long_session": 8, "bag": 8}
SCHEMA = Schema(FIELDS, user="user", item="item", classes=3).fitted(SIZES)


def test_groups_are_of_one_length_and_one_kind_of_events() -> None:
    clicks, session, long = behaviours(SCHEMA)
    assert clicks.sequences == ("clicked_items", "looked_at")
    assert (clicks.length, clicks.events, clicks.labels) == (LENGTH, "clicks", None)
    assert session.sequences == ("session_items", "session_shops")
    assert session.targets == ("item", "shop")
    assert session.slots == (SCHEMA.slots("session_items"), SCHEMA.slots("session_shops"))
    assert (session.length, session.events, session.labels) == (LENGTH, "all", "labels")
    assert (long.sequences, long.events, long.labels) == (("long_session",), "all", None)


def test_labels_alone_are_no_behaviours() -> None:
    alone = Schema(FIELDS[1:3], user="user", item="item", classes=3)
    assert behaviours(alone) == ()
    with pytest.raises(InputError, match="DIN needs a history"):
        need_behaviours(alone, "DIN")


def session_ids(rows: int = 6) -> tuple[Tensor, Tensor]:
    """Ids of rows whose sessions grow from nothing to the full length, and the classes of those sessions."""
    rng = np.random.default_rng(0)
    ids = np.zeros((rows, SCHEMA.width), dtype=np.int32)
    filled = np.arange(LENGTH) < np.minimum(np.arange(rows), LENGTH)[:, None]
    classes = np.where(filled, rng.integers(0, 3, (rows, LENGTH)), 0)
    ids[:, SCHEMA.slots("labels")] = np.where(filled, SCHEMA.offsets["labels"] + 2 + classes, 0)
    ids[:, SCHEMA.slots("item")] = SCHEMA.offsets["item"] + 2 + rng.integers(0, 6, (rows, 1))
    ids[:, SCHEMA.slots("session_items")] = np.where(filled, SCHEMA.offsets["item"] + 3, 0)
    return torch.from_numpy(ids), torch.from_numpy(classes)


def test_labels_are_the_classes_of_the_ids() -> None:
    ids, classes = session_ids()
    labels = BehaviourLabels(SCHEMA, behaviours(SCHEMA)[1])
    assert torch.equal(labels(ids), classes.float())
    assert torch.equal(labels(ids[:1]), torch.zeros(1, LENGTH))
    assert torch.equal(copy.deepcopy(labels)(ids), classes.float())
    assert labels.double()(ids).dtype == torch.float64
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(labels(ids), classes.double())


def test_a_group_without_labels_is_refused() -> None:
    clicks, _, long = behaviours(SCHEMA)
    for group, name in ((clicks, "clicked_items"), (long, "long_session")):
        with pytest.raises(InputError, match=f"no history of labels of {group.length} slots .* {name!r}"):
            BehaviourLabels(SCHEMA, group)


def test_labels_are_found_by_ids_numbered_within_a_batch() -> None:
    ids, classes = session_ids()
    labels = BehaviourLabels(SCHEMA, behaviours(SCHEMA)[1])
    tables = id_tables(labels, SCHEMA.size)
    rows, local = touched_rows(ids)
    small = {name: table.index_select(0, rows).detach().requires_grad_() for name, table in tables.items()}
    found = torch.func.functional_call(labels, small, (local,))
    assert torch.equal(found, classes.float()) and not found.requires_grad


class ShareOfClicks(Model):
    """The logit is a line in the share of clicks in the session; there is nothing else to learn from."""

    def __init__(self, schema: Schema) -> None:
        super().__init__(schema)
        self.labels = BehaviourLabels(schema, behaviours(schema)[0])
        self.items = nn.Embedding(schema.size, 1)
        self.line = nn.Linear(2, 1)

    def forward(self, batch: Batch) -> Tensor:
        of_item = self.items(batch.ids[:, 0]) * 0.01
        return self.line(torch.cat([self.labels(batch.ids).mean(1, keepdim=True), of_item], dim=1)).squeeze(1)


@pytest.mark.parametrize("row_sparse", [False, True])
@pytest.mark.parametrize("optimizer", ["adam", "adagrad", "ftrl"])
def test_training_leaves_the_classes_alone(row_sparse: bool, optimizer: str) -> None:
    fields = (
        Field("item", owner="item"),
        Field("seen", owner="history", kind="sequence", of="item", vocabulary="item", length=3, events="all"),
        Field("labels", owner="history", kind="sequence", of="label", length=3, events="all"),
    )
    schema = Schema(fields, user="user", item="item").fitted({"item": 12, "labels": 4})
    log, rng = make_logs(rows=600).train, np.random.default_rng(1)
    ids = rng.integers(schema.offsets["item"], schema.offsets["labels"], (len(log), schema.width))
    ids[:, schema.slots("labels")] = schema.offsets["labels"] + 2 + rng.integers(0, 2, (len(log), 3))
    share = (ids[:, schema.slots("labels")] - schema.offsets["labels"] - 2).mean(1)
    label = (rng.random(len(log)) < np.where(share > 0.5, 0.9, 0.1)).astype(np.int32)
    counts = np.bincount(ids.ravel(), minlength=schema.size)
    numbers = np.zeros((len(log), 0), dtype=np.float32)
    log = replace(log, schema=schema, ids=ids.astype(np.int32), label=label, numbers=numbers, counts=counts)
    model = ShareOfClicks(schema)
    nn.init.zeros_(model.line.weight)
    known = model.labels.classes.weight.clone()
    method = Supervised(model, optimizer, 0.1, weight_decay=0.01, batch_size=50, row_sparse=row_sparse)
    fit(method, log, log, epochs=4, device="cpu", progress=False)
    values = slice(schema.offsets["labels"] + 2, schema.size)
    assert torch.equal(model.labels.classes.weight[values], known[values])
    assert model.line.weight[0, 0] > 0.05


@pytest.mark.parametrize("kind", [DIN, DIEN])
def test_models_of_histories_take_sessions_too(kind: type[Model]) -> None:
    ids, _ = session_ids()
    zeros = torch.zeros(len(ids), dtype=torch.int64)
    batch = Batch(ids, torch.zeros(len(ids), 0), zeros.int(), zeros, zeros)
    model = kind(SCHEMA).eval()
    again = build(describe(model), SCHEMA)
    again.load_state_dict(model.state_dict())
    assert model(batch).shape == (len(ids), 3)
    assert torch.equal(again.eval()(batch), model(batch))
