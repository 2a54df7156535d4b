"""The inner step against closed forms, finite differences, and a plain loop over whole tables."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
import torch
from lightning_fabric import Fabric
from torch import Tensor
from torch.func import functional_call
from torch.nn import functional

from clickwise.adaptation import Parameters, TableGradients, TaskParameters, adapt
from clickwise.data.log import Batch
from clickwise.data.tasks import Task, UserEpisodes
from clickwise.methods.metaselector import MetaSelector
from clickwise.methods.method import Run
from clickwise.models import FFM, FM, LR, DeepFM
from clickwise.nn.selector import Selector
from clickwise.training import seeded
from tests.logs import make_logs

LOGS = make_logs(800)
SCHEMA = LOGS.train.schema
DOUBLE = torch.float64
steps_and_orders = [(1, True), (2, True), (1, False), (2, False)]


# A quadratic: L_S = (theta - c)' H (theta - c) / 2 and L_Q = |theta - t|^2 / 2.

DIM = 4
_RNG = np.random.default_rng(3)
_ROOT = _RNG.normal(size=(DIM, DIM))
H, C, T, THETA = _ROOT @ _ROOT.T, *_RNG.normal(size=(3, DIM))
ALPHA = _RNG.uniform(0.05, 0.2, DIM)


def support_loss(parameters: Parameters) -> Tensor:
    away = parameters["theta"] - torch.from_numpy(C)
    return away @ torch.from_numpy(H) @ away / 2


def by_hand(steps: int, second_order: bool) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Adapted parameters, and outer gradients of initial values and rates, from the linear recursion."""
    theta, of_theta, of_alpha = THETA, np.eye(DIM), np.zeros((DIM, DIM))
    for _ in range(steps):
        gradient = H @ (theta - C)
        inner = np.eye(DIM) - np.diag(ALPHA) @ H if second_order else np.eye(DIM)
        of_theta, of_alpha = inner @ of_theta, inner @ of_alpha - np.diag(gradient)
        theta = theta - ALPHA * gradient
    return theta, of_theta.T @ (theta - T), of_alpha.T @ (theta - T)


@pytest.mark.parametrize(("steps", "second_order"), [*steps_and_orders, (5, True)])
def test_a_quadratic_has_its_closed_form(steps: int, second_order: bool) -> None:
    theta, alpha = (torch.from_numpy(value).clone().requires_grad_() for value in (THETA, ALPHA))
    adapted = adapt({"theta": theta}, {"theta": alpha}, support_loss, steps, second_order)["theta"]
    loss = (adapted - torch.from_numpy(T)).square().sum() / 2
    expected = by_hand(steps, second_order)
    found = (adapted.detach(), *torch.autograd.grad(loss, [theta, alpha]))
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one.numpy(), other, rtol=1e-12, atol=1e-12)
    np.testing.assert_array_equal(theta.detach(), THETA)


def test_one_second_order_step_is_the_formula_of_maml() -> None:
    """The recursion above, for one step, written as in the paper: (I - alpha H)' and -grad * outer gradient."""
    theta, of_theta, of_alpha = by_hand(1, True)
    np.testing.assert_allclose(of_theta, (np.eye(DIM) - np.diag(ALPHA) @ H).T @ (theta - T))
    np.testing.assert_allclose(of_alpha, -(H @ (THETA - C)) * (theta - T))


def test_a_rate_may_be_a_number_and_parameters_without_one_stay() -> None:
    values = {"theta": torch.from_numpy(THETA).requires_grad_(), "other": torch.ones(2, requires_grad=True)}
    adapted = adapt(values, {"theta": 0.1}, support_loss)
    np.testing.assert_allclose(adapted["theta"].detach(), THETA - 0.1 * H @ (THETA - C))
    assert adapted["other"] is values["other"]


def test_a_parameter_that_the_support_does_not_use_does_not_move() -> None:
    values = {"theta": torch.from_numpy(THETA).requires_grad_(), "other": torch.ones(2, requires_grad=True)}
    adapted = adapt(values, {"theta": 0.1, "other": torch.tensor(0.5, requires_grad=True)}, support_loss, steps=2)
    assert torch.equal(adapted["other"], torch.ones(2))
    assert torch.equal(torch.autograd.grad(adapted["other"].sum(), values["other"])[0], torch.ones(2))


# A real mixture, in double precision and with values large enough that second order matters.


def mixture(dropout: float = 0.0, **options: Any) -> MetaSelector:
    """LR, FM, FFM and DeepFM under a selector that sees features and outputs, started on the small logs."""
    with seeded(1):
        models = [
            LR(SCHEMA),
            FM(SCHEMA, embedding_dim=3),
            FFM(SCHEMA, embedding_dim=2),
            DeepFM(SCHEMA, embedding_dim=3, hidden_dims=(5,), dropout=dropout),
        ]
        selector = Selector(SCHEMA, len(models), inputs="both", embedding_dim=2, hidden_dims=(5,))
        options = {
            "inner_learning_rate": 0.3, "pretrain": False, "start_from": "random", "order": "random",
            "train_models": True, **options,
        }  # fmt: skip
        method = MetaSelector(models, selector, **options).double()
        with torch.no_grad():
            for name, parameter in method.named_parameters():
                spread = 0.05 if "rates" in name else 0.4
                parameter.add_(torch.randn_like(parameter), alpha=spread)
            for table in method.tables.values():
                table[0] = 0.0
    method.start(LOGS.train, LOGS.valid, Run(Fabric(accelerator="cpu", devices=1)))
    return method.train()


def episode(users: int = 4) -> list[Task]:
    """Tasks that share items and tags; the last user has no support."""
    tasks = next(UserEpisodes(LOGS.train, LOGS.valid, users, support_size=7).epoch(0, 0))
    nothing = Batch.of(LOGS.train, np.empty(0, dtype=np.int64))
    return [*tasks[:-1], Task(tasks[-1].user, nothing, tasks[-1].query)]


def loss_of(method: MetaSelector, values: Parameters, batch: Batch) -> Tensor:
    log_probability = functional_call(method, dict(values), (batch,))[0]
    return functional.nll_loss(log_probability, batch.label.long())


def whole_rates(method: MetaSelector, values: Parameters) -> dict[str, Tensor]:
    """Rates by parameter, of whole tables; one a vocabulary is repeated over its ids, one vocabulary at a time."""
    rates = {name: values[f"inner_rates.{own}"] for name, own in method.inner_rates.names.items()}
    for name, own in method.inner_rates.table_names.items():
        rate = values[f"inner_rates.{own}"]
        if method.rates != "parameter":
            sizes = list(SCHEMA.vocabularies.values())
            rate = torch.cat([rate[:1], *(rate[place].expand(size, 1) for place, size in enumerate(sizes))])
        rates[name] = rate
    return rates


def plain_query_loss(method: MetaSelector, values: Parameters, task: Task) -> Tensor:
    """Eq. 4 and 6 over whole tables, without a gather."""
    rates, adapted = whole_rates(method, values), dict(values)
    for _ in range(method.inner_steps if len(task.support) else 0):
        evidence = len(task.support) / (len(task.support) + method.prior_rows)
        loss = evidence * loss_of(method, adapted, task.support)
        gradients = torch.autograd.grad(loss, [adapted[name] for name in rates], create_graph=True)
        for (name, rate), gradient in zip(rates.items(), gradients, strict=True):
            adapted[name] = adapted[name] - rate * (gradient if method.second_order else gradient.detach())
    return loss_of(method, adapted, task.query)


def leaves(method: MetaSelector) -> dict[str, Tensor]:
    return {name: value.detach().clone().requires_grad_() for name, value in method.named_parameters()}


AS_PUBLISHED = {"prior_rows": 0.0, "weigh_by": "users"}
BY_EVIDENCE = {"prior_rows": 5.0, "weigh_by": "rows"}


@pytest.mark.parametrize("weighing", [AS_PUBLISHED, BY_EVIDENCE])
@pytest.mark.parametrize("rates", ["parameter", "vocabulary"])
@pytest.mark.parametrize(("steps", "second_order"), steps_and_orders)
def test_touched_rows_are_the_whole_tables(
    rates: str, steps: int, second_order: bool, weighing: dict[str, Any]
) -> None:
    """One episode of the product code gives the gradients of parameters, tables and rates of the plain loop."""
    method = mixture(rates=rates, inner_steps=steps, second_order=second_order, **weighing)
    values, tasks = leaves(method), episode()
    weights = torch.tensor([1.0 if method.weigh_by == "users" else len(task.query) for task in tasks], dtype=DOUBLE)
    loss = torch.stack([plain_query_loss(method, values, task) for task in tasks]) @ (weights / weights.sum())
    expected = dict(zip(values, torch.autograd.grad(loss, list(values.values())), strict=True))
    found = method.step(tasks)["loss"]
    torch.testing.assert_close(found, loss.detach(), rtol=1e-12, atol=0)
    for name, parameter in method.named_parameters():
        gradient = parameter.grad
        assert gradient is not None, name
        assert gradient.is_sparse == (name in method.tables), name
        assert expected[name].abs().max() > 0, name
        whole = gradient.to_dense() if gradient.is_sparse else gradient
        torch.testing.assert_close(whole, expected[name], rtol=1e-9, atol=1e-13, msg=lambda m, name=name: f"{name} {m}")


@pytest.mark.parametrize("rates", ["parameter", "vocabulary"])
def test_gradients_are_those_of_finite_differences(rates: str) -> None:
    """The query loss of one task, moved along single weights and rates, and along all of each kind at once."""
    method = mixture(rates=rates, inner_steps=2)
    task, values = episode()[0], leaves(method)

    @torch.enable_grad()
    def query_loss() -> float:
        _, adapted, query = method.adaptable.adapt(task.support, task.query, second_order=True)
        return float(loss_of(method, adapted, query).detach())

    method.step([task])
    gradients = {
        name: parameter.grad.to_dense() if parameter.grad.is_sparse else parameter.grad
        for name, parameter in method.named_parameters()
        if parameter.grad is not None
    }
    parameters = dict(method.named_parameters())
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for name, parameter in parameters.items():
            parameter.copy_(values[name])
        for name, parameter in parameters.items():
            single = torch.zeros_like(parameter)
            single.view(-1)[int(gradients[name].abs().argmax())] = 1.0
            for direction in (single, torch.randn(parameter.shape, dtype=DOUBLE, generator=generator)):
                ends = []
                for distance in (1e-6, -2e-6):
                    parameter.add_(direction, alpha=distance)
                    ends.append(query_loss())
                parameter.add_(direction, alpha=1e-6)
                slope = (ends[0] - ends[1]) / 2e-6
                assert slope == pytest.approx(float((gradients[name] * direction).sum()), rel=1e-5, abs=1e-8), name


def dense_gradients(method: MetaSelector) -> dict[str, Tensor]:
    return {name: p.grad.to_dense() for name, p in method.named_parameters() if p.grad is not None}


def test_models_that_adapt_and_do_not_train_change_no_other_gradient() -> None:
    """What only they would need is not computed; selector and rates still get theirs through them."""
    every, some = mixture(train_models=True), mixture(train_models=False)
    tasks = episode()
    for method in (every, some):
        method.step(tasks)
    found, expected = dense_gradients(some), dense_gradients(every)
    assert found.keys() == {name for name in expected if not name.startswith("models.")}
    for name, gradient in found.items():
        torch.testing.assert_close(gradient, expected[name], rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("threads", [2, 4])
def test_two_threads_give_the_bits_of_one(threads: int) -> None:
    """Backward passes run beside the next task; order of sums and random numbers of dropout must not depend on it."""
    of_each = []
    for count in (1, threads):
        torch.set_num_threads(count)
        method = mixture(dropout=0.5)
        try:
            with seeded(2):
                losses = [method.step(tasks)["loss"] for tasks in UserEpisodes(LOGS.train, LOGS.valid, 4).epoch(0, 0)]
        finally:
            torch.set_num_threads(1)
        of_each.append((torch.stack(losses), method.state_dict()))
    (one, one_state), (other, other_state) = of_each
    assert len(one) > 2 and torch.equal(one, other)
    assert all(torch.equal(value, other_state[name]) for name, value in one_state.items())


def test_models_that_stay_get_no_gradient() -> None:
    method = mixture(adapt_models=False)
    before = leaves(method)
    method.step(episode())
    for name, parameter in method.named_parameters():
        stays = name.startswith("models.")
        assert (parameter.grad is None) == stays, name
        assert torch.equal(parameter, before[name]) == stays, name


def test_second_order_is_not_first_order() -> None:
    of_both = []
    for second_order in (True, False):
        method = mixture(second_order=second_order)
        method.step(episode())
        of_both.append(dense_gradients(method))
    apart = {name for name in of_both[0] if not torch.allclose(of_both[0][name], of_both[1][name], rtol=1e-3)}
    assert {name.split(".")[0] for name in apart} == {"models", "selector"}
    # One step: the gradient of a rate is -grad * outer gradient in both.
    assert all("inner_rates" not in name for name in apart)


def test_the_padding_row_never_changes() -> None:
    method = mixture(weight_decay=0.01)
    for tasks in UserEpisodes(LOGS.train, LOGS.valid, 4).epoch(0, 0):
        method.step(tasks)
    for name, table in method.tables.items():
        if not name.startswith("inner_rates."):
            assert torch.equal(table[0], torch.zeros_like(table[0])), name


def adapted_task(method: MetaSelector) -> tuple[TaskParameters, dict[str, Tensor], Batch, Tensor]:
    """Leaves, adapted parameters and query of one task, and which of its rows the support does not name."""
    task = episode()[0]
    support = task.support
    few = support.select(torch.arange(2))
    task_leaves, adapted, query = method.adaptable.adapt(
        few, task.query, second_order=True, outer=list(method.adaptable.dense)
    )
    absent = ~torch.isin(task_leaves.rows, few.ids.unique())
    assert absent.sum() > 3
    return task_leaves, adapted, query, absent


def test_rows_outside_the_support_do_not_adapt() -> None:
    method = mixture()
    task_leaves, adapted, _, absent = adapted_task(method)
    for name in method.inner_rates.table_names:
        assert torch.equal(adapted[name][absent], task_leaves.values[name][absent]), name
        moved = (adapted[name] != task_leaves.values[name]).any(dim=1)
        assert moved[~absent][1:].all() and not moved[0], name


def test_the_outer_gradient_of_a_row_of_the_query_alone_is_the_plain_one() -> None:
    method = mixture()
    task_leaves, adapted, query, absent = adapted_task(method)
    through = loss_of(method, adapted, query)
    plain_values = {name: value.detach().requires_grad_() for name, value in adapted.items()}
    plain = loss_of(method, plain_values, query)
    for name in method.inner_rates.table_names:
        own = torch.autograd.grad(through, task_leaves.values[name], retain_graph=True)[0]
        other = torch.autograd.grad(plain, plain_values[name], retain_graph=True)[0]
        torch.testing.assert_close(own[absent], other[absent], rtol=1e-12, atol=1e-15)
        assert not torch.allclose(own[~absent], other[~absent], rtol=1e-6), name


def test_gather_numbers_ids_within_the_rows() -> None:
    tables = {"factors": torch.randn(30, 3, requires_grad=True), "frozen": torch.randn(30, 1)}
    dense = {"bias": torch.zeros(2, requires_grad=True)}
    ids = [torch.tensor([[7, 0], [29, 7]], dtype=torch.int32), torch.tensor([[3, 29]], dtype=torch.int32)]
    task, local = TaskParameters.gather(dense, tables, ids)
    assert task.rows.tolist() == [0, 3, 7, 29]
    assert task.values["bias"] is dense["bias"] and list(task.tables) == ["factors", "frozen"]
    for whole, part in zip(ids, local, strict=True):
        for name, table in tables.items():
            assert torch.equal(task.values[name][part], table[whole])
    assert task.values["factors"].is_leaf and task.values["factors"].requires_grad
    assert not task.values["frozen"].requires_grad


def test_gradients_of_tasks_add_up() -> None:
    table = torch.nn.Parameter(torch.randn(9, 2))
    ids = [torch.tensor([[1, 5]]), torch.tensor([[5, 8], [0, 1]])]
    gradients, expected = TableGradients(), torch.zeros(9, 2)
    for factor, one in enumerate(ids, start=1):
        task, (local,) = TaskParameters.gather({}, {"table": table}, [one])
        (factor * task.values["table"][local[local > 0]].square().sum()).backward()
        gradients.add(task)
        expected.index_add_(0, one[one > 0], 2.0 * factor * table.detach()[one[one > 0]])
    gradients.assign({"table": table})
    assert table.grad is not None and table.grad.is_coalesced()
    torch.testing.assert_close(table.grad.to_dense(), expected)


def test_a_table_that_a_task_does_not_use_gets_zeros() -> None:
    used, unused = torch.nn.Parameter(torch.ones(4, 1)), torch.nn.Parameter(torch.ones(4, 1))
    tables: Mapping[str, torch.nn.Parameter] = {"used": used, "unused": unused}
    task, (local,) = TaskParameters.gather({}, tables, [torch.tensor([[2]])])
    task.values["used"][local].sum().backward()
    gradients = TableGradients()
    gradients.add(task)
    gradients.assign(tables)
    assert unused.grad is not None and not unused.grad.to_dense().any()
    assert used.grad is not None and used.grad.to_dense().flatten().tolist() == [0, 0, 1, 0]
