"""Which rate every adapted value gets."""

import pytest
import torch
from torch import Tensor, nn

from clickwise.errors import InputError
from clickwise.methods.rates import GRANULARITIES, LearnedRates
from clickwise.nn.tables import id_table, id_tables, parameter_count, touched_rows
from clickwise.schema import Field, Schema

# Ids: 0 padding, 1 to 4 of vocabulary "user", 5 to 9 of "item".
SCHEMA = Schema((Field("user"), Field("item"))).fitted({"user": 4, "item": 5})
SHAPES = {"net.bias": (2,), "net.weight": (2, 3), "factors.weight": (10, 3), "linear.weight": (10, 1)}
TABLES = ("factors.weight", "linear.weight")


def learned(granularity: str, initial: float = 0.25) -> LearnedRates:
    adapted = {name: torch.zeros(shape) for name, shape in SHAPES.items()}
    tables = {name: nn.Embedding(*SHAPES[name]) for name in TABLES}
    return LearnedRates(SCHEMA, adapted, tables, initial, granularity)


def task_rates(rates: LearnedRates, rows: Tensor) -> dict[str, Tensor]:
    """As a task asks for them: the rates' own tables gathered as any other table is."""
    tables = id_tables(rates, SCHEMA.size)
    values = {f"own.{name}": p[rows] if name in tables else p for name, p in rates.named_parameters()}
    return rates.of_task(values, rows, "own.")


@pytest.mark.parametrize("granularity", GRANULARITIES)
@pytest.mark.parametrize("dtype", [torch.int32, torch.int64])
def test_every_adapted_value_starts_with_the_initial_rate(granularity: str, dtype: torch.dtype) -> None:
    rows, _ = touched_rows(torch.tensor([[2, 7], [4, 9]], dtype=dtype))
    found = task_rates(learned(granularity), rows)
    assert found.keys() == SHAPES.keys()
    for name, shape in SHAPES.items():
        of_task = (len(rows), *shape[1:]) if name in TABLES else shape
        assert torch.equal(found[name].detach().expand(of_task), torch.full(of_task, 0.25)), name


def test_by_parameter_every_weight_has_one() -> None:
    rates = learned("parameter")
    assert sum(p.numel() for p in rates.parameters()) == sum(torch.Size(shape).numel() for shape in SHAPES.values())
    assert len(id_tables(rates, SCHEMA.size)) == len(TABLES)
    with torch.no_grad():
        for parameter in rates.parameters():
            parameter.copy_(torch.arange(float(parameter.numel())).view(parameter.shape))
    found = task_rates(rates, torch.tensor([0, 3, 8]))
    assert found["factors.weight"].tolist() == [[0, 1, 2], [9, 10, 11], [24, 25, 26]]
    assert found["linear.weight"].tolist() == [[0], [3], [8]]
    assert found["net.weight"].tolist() == [[0, 1, 2], [3, 4, 5]]


@pytest.mark.parametrize(("granularity", "rows"), [("parameter", 5), ("fixed", 2), ("vocabulary", 2)])
def test_rates_of_rows_that_no_id_names_are_not_counted(granularity: str, rows: int) -> None:
    table = id_table(SCHEMA, 3, 0.01, [SCHEMA["user"]])
    rates = LearnedRates(SCHEMA, {"users": table.weight}, {"users": table}, 0.1, granularity)
    assert parameter_count(rates) == rows * (3 if granularity == "parameter" else 1)


def test_making_rates_draws_nothing() -> None:
    torch.manual_seed(0)
    before = torch.get_rng_state()
    table = id_table(SCHEMA, 3, 0.01)
    torch.set_rng_state(before)
    LearnedRates(SCHEMA, {"t": table.weight}, {"t": table}, 0.1, "parameter")
    assert torch.equal(torch.get_rng_state(), before)


def test_by_vocabulary_ids_of_one_share_theirs() -> None:
    rates = learned("vocabulary")
    assert {p.numel() for p in rates.parameters()} == {1, 2}
    assert not id_tables(rates, SCHEMA.size)
    with torch.no_grad():
        for table in rates.tables.values():
            table.weight.copy_(torch.tensor([[0.1], [0.7]]))  # type: ignore[operator, union-attr]
    rows = torch.tensor([0, 1, 4, 5, 9], dtype=torch.int32)
    found = task_rates(rates, rows)["factors.weight"]
    # Padding takes any rate, for it never has a gradient.
    torch.testing.assert_close(found[1:].flatten(), torch.tensor([0.1, 0.1, 0.7, 0.7]))
    found.sum().backward()
    gradient = id_gradient(rates, "factors.weight")
    assert gradient.flatten().tolist() == [3, 2]


def id_gradient(rates: LearnedRates, name: str) -> Tensor:
    gradient = dict(rates.named_parameters())[rates.table_names[name]].grad
    assert gradient is not None
    return gradient


def test_vocabularies_are_told_apart_in_the_order_of_their_ids() -> None:
    """Also where the order of names is another one than that of ids."""
    schema = Schema((Field("zebra"), Field("ant"), Field("middle"))).fitted({"zebra": 2, "ant": 3, "middle": 2})
    rates = LearnedRates(
        schema, {"t": torch.zeros(schema.size, 1)}, {"t": nn.Embedding(schema.size, 1)}, 1.0, "vocabulary"
    )
    place = {name: index for index, name in enumerate(sorted(schema.offsets, key=lambda name: schema.offsets[name]))}
    with torch.no_grad():
        rates.tables["t"].weight.copy_(torch.arange(3.0).unsqueeze(1))  # type: ignore[operator, union-attr]
    found = task_rates(rates, torch.arange(schema.size))["t"].flatten().tolist()
    for name, start in schema.offsets.items():
        assert found[start : start + schema.vocabularies[name]] == [place[name]] * schema.vocabularies[name]


@pytest.mark.parametrize("granularity", GRANULARITIES)
def test_only_fixed_rates_are_not_learned(granularity: str) -> None:
    learns = {parameter.requires_grad for parameter in learned(granularity).parameters()}
    assert learns == {granularity != "fixed"}


def test_rates_survive_their_state() -> None:
    source, target = learned("vocabulary", 0.5), learned("vocabulary", 0.1)
    target.load_state_dict(source.state_dict())
    assert all(torch.equal(p, torch.full_like(p, 0.5)) for p in target.parameters())


def test_nothing_adapts_where_nothing_is_named() -> None:
    rates = LearnedRates(SCHEMA, {}, {}, 0.1, "parameter")
    assert rates.of_task({}, torch.arange(3), "own.") == {}
    assert not list(nn.Module.parameters(rates))


def test_what_cannot_be_is_refused() -> None:
    with pytest.raises(InputError, match=r"rates 'paramter' are unknown.*parameter"):
        learned("paramter")
    with pytest.raises(InputError, match="inner_learning_rate must be positive, not 0"):
        learned("parameter", 0.0)
