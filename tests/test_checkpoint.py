"""What is saved comes back as it was, and a damaged file is an error that says so."""

import math
from pathlib import Path

import pytest
import torch
from torch import nn

from clickwise.checkpoint import load_state, random_state, save_state, set_random_state
from clickwise.errors import InputError

STATE = {
    "text": "a",
    "none": None,
    "flag": True,
    "numbers": [1, 0.1 + 0.2, math.inf, -1e-310],
    "nested": {"weights": torch.randn(3, 2), 0: {"step": torch.tensor(3.0)}, 7: []},
    "empty": torch.zeros(0, 4),
    "kinds": [torch.tensor([1, 2]), torch.tensor([True]), torch.zeros(2, dtype=torch.bfloat16)],
}


def assert_equal(one: object, other: object) -> None:
    assert type(one) is type(other)
    if isinstance(one, torch.Tensor) and isinstance(other, torch.Tensor):
        assert one.dtype == other.dtype and torch.equal(one, other)
    elif isinstance(one, dict) and isinstance(other, dict):
        assert list(one) == list(other)
        for key in one:
            assert_equal(one[key], other[key])
    elif isinstance(one, list) and isinstance(other, list):
        assert len(one) == len(other)
        for first, second in zip(one, other, strict=True):
            assert_equal(first, second)
    else:
        assert one == other


def test_round_trip(tmp_path: Path) -> None:
    save_state(STATE, tmp_path / "state.safetensors")
    assert_equal(load_state(tmp_path / "state.safetensors"), STATE)
    assert [path.name for path in tmp_path.iterdir()] == ["state.safetensors"]


def test_tensors_that_share_memory_and_views(tmp_path: Path) -> None:
    base = torch.arange(12.0).view(3, 4)
    save_state({"base": base, "row": base[1], "turned": base.T, "again": base}, tmp_path / "state")
    found = load_state(tmp_path / "state")
    assert torch.equal(found["turned"], base.T) and torch.equal(found["row"], base[1])


@pytest.mark.parametrize(
    "make", [lambda p: torch.optim.Adam(p, fused=True), lambda p: torch.optim.Adagrad(p, fused=True)]
)
def test_optimizers_of_torch(make, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    model = nn.Linear(3, 2)
    optimizer = make(model.parameters())
    model(torch.ones(1, 3)).sum().backward()
    optimizer.step()
    save_state(optimizer.state_dict(), tmp_path / "state")
    other = make(model.parameters())
    other.load_state_dict(load_state(tmp_path / "state"))
    for (key, value), again in zip(optimizer.state.items(), other.state.values(), strict=True):
        assert_equal(dict(value), dict(again))
        assert key in other.state


def test_generators_go_back_to_where_they_were() -> None:
    before = torch.get_rng_state()
    saved = random_state()
    drawn = torch.rand(4)
    set_random_state(saved)
    assert torch.equal(torch.rand(4), drawn)
    torch.set_rng_state(before)


@pytest.mark.parametrize("kept", [0, 1, 7, 60, -1])
def test_a_truncated_file_is_an_input_error(kept: int, tmp_path: Path) -> None:
    path = tmp_path / "state.safetensors"
    save_state(STATE, path)
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(InputError, match=r"state\.safetensors: not a whole checkpoint"):
        load_state(path)


def test_a_missing_or_foreign_file_is_an_input_error(tmp_path: Path) -> None:
    from safetensors.torch import save_file

    with pytest.raises(InputError, match="not a whole checkpoint"):
        load_state(tmp_path / "none")
    save_file({"a": torch.zeros(1)}, tmp_path / "weights")
    with pytest.raises(InputError, match="not a whole checkpoint"):
        load_state(tmp_path / "weights")


def test_nothing_is_left_when_writing_fails(tmp_path: Path) -> None:
    path = tmp_path / "state"
    save_state({"a": 1}, path)
    with pytest.raises(TypeError):
        save_state({"a": object()}, path)
    assert load_state(path) == {"a": 1}
    assert [file.name for file in tmp_path.iterdir()] == ["state"]
