"""What is said of a loss that is no number any more."""

import polars as pl
import pytest
import torch

from clickwise.errors import TrainingDiverged
from clickwise.methods.diverged import require_finite, require_finite_values
from clickwise.methods.metaselector import MetaSelector
from clickwise.training import fit, seeded
from tests.trained import logs, trained

NAMES = pl.Series(["ann", "bob"])


def test_a_finite_loss_passes() -> None:
    require_finite(torch.tensor(3.4e38), 1, NAMES, "rates")


@pytest.mark.parametrize(
    ("user", "names", "whose"), [(1, NAMES, "user 'bob'"), (1, None, "user 1"), (-1, NAMES, "a batch")]
)
@pytest.mark.parametrize("loss", ["nan", "inf", "-inf"])
def test_whose_loss_and_which_rates(user: int, names: pl.Series | None, whose: str, loss: str) -> None:
    with pytest.raises(TrainingDiverged) as caught:
        require_finite(torch.tensor(float(loss)), user, names, "the rate 0.3")
    assert str(caught.value) == f"{whose}: the query loss became {loss} after the inner step; the rate 0.3 is too high"


def test_which_of_several_values_and_when() -> None:
    values = {"loss": torch.tensor(0.5), "local": torch.tensor(float("inf"))}
    require_finite_values({"loss": values["loss"]}, "at step 3", "the rate 0.3")
    with pytest.raises(TrainingDiverged) as caught:
        require_finite_values(values, "at step 3", "the rate 0.3")
    assert str(caught.value) == "local became inf at step 3; the rate 0.3 is too high"


def test_meta_learning_that_diverges_says_so() -> None:
    parts = logs()
    with seeded(0):
        method = MetaSelector(
            [trained("lr"), trained("fm")], inner_learning_rate=1e35, pretrain=False, second_order=False,
            users_per_episode=4,
        )  # fmt: skip
    with pytest.raises(TrainingDiverged, match=r"query loss became (nan|inf) .* inner_learning_rate 1e\+35 or outer"):
        fit(method, parts.train, parts.valid, epochs=1, device="cpu", progress=False)
