"""Gates against their equations, row by row, and what they read."""

import itertools
import math
from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn

from clickwise.data.log import Batch
from clickwise.errors import InputError
from clickwise.nn.embedding import FieldEmbedding
from clickwise.nn.gate_inputs import INPUTS, GateInputs, available_inputs, field_places, other_rows
from clickwise.nn.gate_kinds import GATES, find_gate
from clickwise.nn.gated_mlp import GatedMLP
from clickwise.nn.gates import Gates, LowRankGates, OwnGates, ScalingGates
from clickwise.nn.mlp import MLP
from clickwise.schema import Field, Schema
from clickwise.training import seeded
from tests.logs import first_batch, make_logs, mixed_schema
from tests.models.by_row import randomised, vectors_of_row

DIM, USER_DIM = 3, 4
IDENTITY_AT_START = ("lhuc", "ppnet", "epnet", "poso", "apg")
every_kind = pytest.mark.parametrize("kind", GATES)


def batch(rows: int = 12) -> Batch:
    found = first_batch(make_logs(200).train, rows)
    return replace(found, numbers=found.numbers.double())


def parts(kind: str, hidden: tuple[int, ...] = (5, 4), **options: bool) -> tuple[FieldEmbedding, MLP, GatedMLP]:
    """Field vectors, an MLP, and the MLP gated, in float64 and in evaluation mode."""
    schema, gate = mixed_schema(), GATES[kind]
    with seeded(0):
        embedding = FieldEmbedding(schema, DIM, 0.5).double()
        mlp = MLP(embedding.fields * DIM, hidden, 2, **options).double()
        reads = None
        if gate.inputs:
            reads = GateInputs(schema, gate.inputs, DIM, USER_DIM, gate.stop_gradient)
        linears = [layer for layer in mlp.layers if isinstance(layer, nn.Linear)]
        gated = GatedMLP(mlp, gate.make(linears, reads, (6, 7)).double())
    return embedding, mlp.eval(), gated.eval()


def call(embedding: FieldEmbedding, gated: GatedMLP, rows: Batch) -> Tensor:
    vectors = embedding(rows)
    gated.take_vectors(embedding.pooling, (), vectors)
    result: Tensor = gated(vectors.flatten(1), rows)
    return result


def z_of_row(gates: Gates, embedding: FieldEmbedding, rows: Batch, row: int) -> Tensor:
    """Item, tags and the mean of the history, and the user's own vector: what UDG reads of the mixed schema."""
    schema = mixed_schema()
    vectors = vectors_of_row(embedding, schema, rows, row)
    places = {field.name: place for place, field in enumerate(schema.id_fields)}
    user = gates.inputs.user.weight[rows.ids[row, schema.slots("user").start]]
    by_owner = {name: vectors[places[name]] for name in ("item", "tags", "clicked")}
    # The history is the user's, so it stands with the user's vector, behind the item.
    return torch.cat([by_owner["item"], by_owner["tags"], by_owner["clicked"], user])


def network_of_row(gates: Gates, number: int, z: Tensor) -> Tensor:
    """Gate network ``number``, cut out of the layers that hold all of them."""
    networks = gates.networks
    first = networks.first.weight.chunk(networks.networks)[number], networks.first.bias.chunk(networks.networks)[number]
    hidden = (first[0] @ z + first[1]).clamp(min=0)
    for layer in networks.middle:
        hidden = (hidden @ layer.weight[number] + layer.bias[number, 0]).clamp(min=0)
    return networks.last[number].weight @ hidden + networks.last[number].bias


def test_udg_is_an_mlp_with_weights_of_its_own_for_each_row() -> None:
    embedding, mlp, gated = (randomised(part) for part in parts("udg"))
    rows = batch()
    found = call(embedding, gated, rows)
    linears = [layer for layer in mlp.layers if isinstance(layer, nn.Linear)]
    assert len(linears) == 3
    for row in range(len(rows)):
        z = z_of_row(gated.gates, embedding, rows, row)
        h = torch.cat(vectors_of_row(embedding, mixed_schema(), rows, row))
        for number, linear in enumerate(linears):
            gate = 1 / (1 + torch.exp(-network_of_row(gated.gates, number, z)))  # Eq. 6
            weight = linear.weight * gate.expand_as(linear.weight)  # Eq. 8
            h = weight @ h + linear.bias  # Eq. 9
            h = h.clamp(min=0) if number < 2 else h
        torch.testing.assert_close(found[row], h)


def test_low_rank_is_an_mlp_with_weights_of_its_own_for_each_row() -> None:
    embedding, mlp, gated = (randomised(part) for part in parts("apg"))
    rows = batch()
    found = call(embedding, gated, rows)
    gates = gated.gates
    assert isinstance(gates, LowRankGates)
    linears = [layer for layer in mlp.layers if isinstance(layer, nn.Linear)]
    for row in range(len(rows)):
        z = z_of_row(gates, embedding, rows, row)
        h = torch.cat(vectors_of_row(embedding, mixed_schema(), rows, row))
        for number, linear in enumerate(linears):
            matrix = network_of_row(gates, number, z).view(gates.rank, gates.rank)
            weight = linear.weight + gates.after[number].weight @ matrix @ gates.before[number].weight
            h = weight @ h + linear.bias
            h = h.clamp(min=0) if number < 2 else h
        torch.testing.assert_close(found[row], h)


def test_gatenet_gates_each_hidden_layer_by_itself() -> None:
    embedding, mlp, gated = (randomised(part) for part in parts("gatenet"))
    rows, gates = batch(), gated.gates
    assert isinstance(gates, OwnGates)
    linears = [layer for layer in mlp.layers if isinstance(layer, nn.Linear)]
    h = linears[0](embedding(rows).flatten(1)).clamp(min=0)
    for linear, own in zip(linears[1:], gates.own, strict=True):
        h = linear(h / (1 + torch.exp(-own(h))))
        h = h.clamp(min=0) if linear is not linears[-1] else h
    torch.testing.assert_close(call(embedding, gated, rows), h)


@pytest.mark.parametrize("kind", IDENTITY_AT_START)
def test_gates_that_start_as_no_gates(kind: str) -> None:
    embedding, mlp, gated = parts(kind)
    rows = batch()
    torch.testing.assert_close(call(embedding, gated, rows), mlp(embedding(rows).flatten(1), rows), rtol=0, atol=1e-12)
    for parameter in gated.gates.parameters():
        nn.init.normal_(parameter)
    assert not torch.allclose(call(embedding, gated, rows), mlp(embedding(rows).flatten(1), rows))


@every_kind
def test_which_layers_are_gated_and_how_far(kind: str) -> None:
    gates = parts(kind)[2].gates
    if isinstance(gates, ScalingGates):
        wanted = {"all": [0, 1, 2], "first": [0], "hidden": [1, 2]}[GATES[kind].places]
        assert [
            place
            for place, gate in enumerate(gates(torch.zeros(12, 6, DIM, dtype=torch.float64), batch(12)))
            if gate is not None
        ] == (wanted)
        for parameter in gates.networks.last.parameters():
            nn.init.constant_(parameter, 100.0)
        hidden = torch.ones(1, 7, dtype=torch.float64)
        assert gates.gate(wanted[-1], hidden).unique().item() == GATES[kind].factor


def test_sigmoid_gates_start_open() -> None:
    gates = parts("udg")[2].gates
    hidden = gates.networks(torch.zeros(1, gates.inputs.width, dtype=torch.float64))
    for place in range(3):
        gate = gates.gate(place, 0 * hidden[place])
        torch.testing.assert_close(gate, torch.full_like(gate, 1 / (1 + math.exp(-2))))


@every_kind
def test_only_the_gates_that_say_so_stop_gradients(kind: str) -> None:
    embedding, _, gated = parts(kind)
    rows, gates = batch(), randomised(gated).gates
    if isinstance(gates, OwnGates):
        return
    vectors = embedding(rows).detach().requires_grad_()
    gates.inputs(vectors, rows).sum().backward()
    reads_vectors = bool(set(GATES[kind].inputs) - {"user", "fullness"})
    assert (vectors.grad is not None) == (reads_vectors and not GATES[kind].stop_gradient)


def test_batch_norm_and_dropout_stay() -> None:
    embedding, mlp, gated = parts("lhuc", batch_norm=True, dropout=0.5)
    rows = batch()
    torch.testing.assert_close(call(embedding, gated, rows), mlp(embedding(rows).flatten(1), rows))
    gated.train()
    with seeded(3):
        found = call(embedding, gated, rows)
    with seeded(3):
        torch.testing.assert_close(found, mlp(embedding(rows).flatten(1), rows))
    with seeded(4):
        assert not torch.allclose(call(embedding, gated, rows), found)
    assert mlp.layers[1].num_batches_tracked == 3


def test_field_vectors_are_not_kept_and_not_forgotten() -> None:
    embedding, _, gated = parts("udg")
    rows = batch()
    call(embedding, gated, rows)
    assert gated.vectors is None
    with pytest.raises(RuntimeError, match="without computing its field vectors"):
        gated(embedding(rows).flatten(1), rows)


def test_places_of_inputs() -> None:
    schema = Schema(
        fields=(
            Field("price", "item", "number"),
            Field("user", "user"),
            Field("age", "user"),
            Field("income", "user", "number"),
            Field("item", "item"),
            Field("brand", "item"),
            Field("seen", "user", "sequence", vocabulary="brand", length=3),
            Field("clicked", "history", "sequence", vocabulary="item", of="item", length=3),
            Field("hour", column="time", transform="hour"),
        ),
        user="user",
        item="item",
    )
    # Vectors: user 0, age 1, item 2, brand 3, seen 4, clicked 5, hour 6, price 7 and 8, income 9 and 10.
    assert field_places(schema) == {
        "item": [2, 3, 7, 8],
        "behaviour": [4, 5],
        "profile": [1, 9, 10],
        "category": [3, 7, 8],
        "context": [6],
        "fields": list(range(11)),
    }
    assert available_inputs(schema) == INPUTS


def test_an_input_named_twice_is_read_once() -> None:
    schema = mixed_schema()
    once, twice = (GateInputs(schema, names, DIM, USER_DIM).width for names in (("item",), ("item", "category")))
    assert once == twice == 2 * DIM


def test_fullness_is_the_share_of_filled_slots() -> None:
    rows, schema = batch(40), mixed_schema()
    fullness = GateInputs(schema, ("fullness",), DIM, USER_DIM)(torch.zeros(40, 6, DIM), rows)
    filled = [(ids != 0).sum().item() / 3 for ids in rows.ids[:, schema.slots("clicked")]]
    assert set(filled) == {0, 1 / 3, 2 / 3, 1}
    torch.testing.assert_close(fullness[:, 0], torch.tensor(filled))


def test_shuffling_takes_all_of_another_user_and_leaves_the_rest() -> None:
    rows, schema = batch(30), mixed_schema()
    vectors = torch.randn(30, 6, DIM, dtype=torch.float64)
    reads = GateInputs(schema, ("fields", "user", "fullness"), DIM, USER_DIM, shuffle_users=True).double().eval()
    shuffled, source = reads(vectors, rows), other_rows(rows, training=False)
    reads.shuffle_users = False
    plain = reads(vectors, rows)
    item = 2 * DIM
    assert torch.equal(shuffled[:, :item], plain[:, :item])
    assert torch.equal(shuffled[:, item:], plain[source][:, item:])
    assert not torch.isclose(shuffled[:, item:], plain[:, item:]).all(1).any()


@pytest.mark.parametrize("training", [False, True])
def test_every_row_lends_to_another_one(training: bool) -> None:
    for rows in (2, 3, 50):
        source = other_rows(batch(rows), training)
        assert source.sort().values.tolist() == list(range(rows))
        assert (source != torch.arange(rows)).all()
    assert other_rows(batch(1), training).tolist() == [0]


def test_shuffling_is_random_in_training_and_repeatable_after_it() -> None:
    rows = batch(50)
    assert torch.equal(other_rows(rows, training=False), other_rows(rows, training=False))
    with seeded(0):
        first, second = other_rows(rows, training=True), other_rows(rows, training=True)
    assert not torch.equal(first, second)
    with seeded(0):
        assert torch.equal(other_rows(rows, training=True), first)


def test_networks_share_nothing_but_their_input() -> None:
    gates = parts("udg")[2].gates
    z = torch.randn(5, gates.inputs.width, dtype=torch.float64)
    hidden = gates.networks(z)
    for one, other in itertools.permutations(range(3), 2):
        wanted = [*gates.networks.first.weight.chunk(3)[other].flatten()[:1], gates.networks.middle[0].weight[other]]
        gradient = torch.autograd.grad(
            gates.networks.finish(one, hidden[one]).sum(),
            [gates.networks.first.weight, gates.networks.middle[0].weight],
            retain_graph=True,
        )
        assert wanted and not gradient[0].chunk(3)[other].any() and not gradient[1][other].any()


def test_names_that_are_unknown_or_impossible() -> None:
    schema = mixed_schema()
    with pytest.raises(InputError, match="gate 'ugd' is unknown; did you mean 'udg'"):
        find_gate("ugd")
    with pytest.raises(InputError, match="inputs: 'behavior' is unknown; did you mean 'behaviour'"):
        GateInputs(schema, ("behavior",), DIM, USER_DIM)
    with pytest.raises(InputError, match="at least one"):
        GateInputs(schema, (), DIM, USER_DIM)
    with pytest.raises(InputError, match="no field for 'context'; it has item, behaviour, user, profile"):
        GateInputs(schema, ("context",), DIM, USER_DIM)
    nobody = Schema((Field("item", "item"),)).fitted({"item": 5})
    with pytest.raises(InputError, match="inputs: 'user' needs the schema to name its 'user'"):
        GateInputs(nobody, ("user",), DIM, USER_DIM)


@pytest.mark.parametrize("kind", ["lhuc", "gatenet"])
def test_a_gate_on_hidden_layers_needs_one(kind: str) -> None:
    with pytest.raises(InputError, match="the model's MLP has none"):
        parts(kind, hidden=())
