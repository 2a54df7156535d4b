"""Constant weights of losses, searched."""

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from clickwise.errors import InputError, TrainingDiverged
from clickwise.methods.method import Run
from clickwise.methods.searched import SearchedWeights
from clickwise.models import FM, LR
from clickwise.training import fabric_for, fit, seeded
from tests.logs import make_logs


def test_weights_that_help_are_found() -> None:
    """Hinge loss leaves logits that are no log odds, so log loss on validation rows wants little of it."""
    parts = make_logs()
    with seeded(0):
        method = SearchedWeights(
            LR(parts.train.schema), ("cross_entropy", "hinge"), trials=12, trial_epochs=3, optimizer="adam",
            learning_rate=0.05, batch_size=64,
        )  # fmt: skip
    fit(method, parts.train, parts.valid, epochs=1, progress=False)
    assert float(method.shares.sum()) == pytest.approx(1)
    assert float(method.shares[0]) > 0.6


def test_the_search_leaves_the_model_as_it_was() -> None:
    parts = make_logs()
    with seeded(0):
        method = SearchedWeights(LR(parts.train.schema), trials=1, trial_epochs=1, optimizer="adam", batch_size=64)
    before = {name: p.clone() for name, p in method.model.named_parameters()}
    method.start(parts.train, parts.valid, Run(fabric_for(1, 1, "logloss", "cpu", "32-true")))
    assert all(torch.equal(before[name], p) for name, p in method.model.named_parameters())


def test_a_training_that_diverges_says_so_itself() -> None:
    parts = make_logs()
    with seeded(0):
        method = SearchedWeights(
            FM(parts.train.schema, 4), trials=2, trial_epochs=2, optimizer="adam", learning_rate=1e30, batch_size=64
        )
    with pytest.raises(TrainingDiverged, match="learning rate is too high"):
        fit(method, parts.train, parts.valid, epochs=1, progress=False)
    assert float(method.shares.sum()) == pytest.approx(1)


def test_without_validation_rows_or_trials() -> None:
    parts = make_logs()
    with pytest.raises(InputError, match="searched on validation rows; give some"):
        fit(SearchedWeights(LR(parts.train.schema)), parts.train, epochs=1, progress=False)
    with pytest.raises(InputError, match="trials and trial_epochs must be at least 1"):
        SearchedWeights(LR(parts.train.schema), trials=0)


def test_a_run_that_goes_on_does_not_search_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    parts, searches = make_logs(), []
    search = SearchedWeights._search

    def counted(self: SearchedWeights, *arguments: Any) -> Tensor:
        searches.append(self)
        return search(self, *arguments)

    def trained(epochs: int, folder: Path | None) -> SearchedWeights:
        with seeded(0):
            model = FM(parts.train.schema, 4)
            method = SearchedWeights(model, trials=2, trial_epochs=1, optimizer="adam", batch_size=64)
        fit(
            method, parts.train, parts.valid, epochs=epochs, patience=9, seed=4, device="cpu", folder=folder,
            resume=folder is not None, progress=False,
        )  # fmt: skip
        return method

    whole = trained(3, None)
    monkeypatch.setattr(SearchedWeights, "_search", counted)
    trained(1, tmp_path)
    assert len(searches) == 1
    resumed = trained(3, tmp_path)
    assert len(searches) == 1
    assert resumed.state_dict().keys() == whole.state_dict().keys()
    assert all(torch.equal(value, resumed.state_dict()[name]) for name, value in whole.state_dict().items())
    trained(3, tmp_path / "another")
    assert len(searches) == 2
