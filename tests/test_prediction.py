"""Probabilities of a whole log."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import torch

from clickwise.comparison import compare, evaluate
from clickwise.data.storage import PreparedLog
from clickwise.errors import InputError
from clickwise.methods import HedgeMixture, MeLU, MetaEmbedding, RecurrentMeta, UniformAverage
from clickwise.model_folder import load_model, save_model
from clickwise.models import DNN, FM, LR, DeepFM
from clickwise.prediction import predict, unknown_ids, write_predictions
from clickwise.training import fit, seeded
from tests.logs import first_batch, make_logs, with_unknown_ids

LOG = make_logs(300).test


def model(dropout: float = 0.5) -> DeepFM:
    with seeded(0):
        return DeepFM(LOG.schema, dropout=dropout)


def test_probability_is_the_sigmoid_of_the_logits() -> None:
    net = model().eval()
    expected = torch.sigmoid(net(first_batch(LOG, len(LOG)))).detach().numpy()
    np.testing.assert_allclose(predict(net, LOG), expected, atol=1e-6)


@pytest.mark.parametrize("training", [True, False])
def test_dropout_is_off_and_the_mode_stays(training: bool) -> None:
    net = model().train(training)
    assert np.array_equal(predict(net, LOG), predict(net, LOG))
    assert all(module.training is training for module in net.modules())


def test_predicting_keeps_no_graph_and_changes_nothing() -> None:
    net = model()
    before = {name: value.clone() for name, value in net.state_dict().items()}
    predict(net, LOG)
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())
    assert all(parameter.grad is None for parameter in net.parameters())


def test_unknown_ids_are_counted_by_category_field_that_has_any() -> None:
    assert unknown_ids(LOG) == {}
    assert unknown_ids(with_unknown_ids(LOG)) == {"user": len(LOG), "item": len(LOG)}
    some = LOG.ids.copy()
    some[:3, LOG.schema.slots("item")] = LOG.schema.offsets["item"]
    some[3:9, LOG.schema.slots("item")] = LOG.schema.offsets["item"] + 1  # missing is not unknown
    assert unknown_ids(replace(LOG, ids=some)) == {"item": 3}


def test_no_rows_give_no_predictions() -> None:
    assert predict(model(), LOG.take(slice(0, 0))).shape == (0,)


def test_rows_of_other_vocabularies_are_refused(prepared: PreparedLog, tmp_path: Path) -> None:
    net = LR(LOG.schema)
    for given in (lambda: predict(net, prepared.test), lambda: fit(net, prepared.train, device="cpu", progress=False)):
        with pytest.raises(
            InputError, match="other fields or vocabularies than the model's, so its ids mean other val"
        ):
            given()


def test_rows_of_other_vocabularies_are_adapted_to_by_nothing(prepared: PreparedLog) -> None:
    other, few, more = prepared.test, LOG.take(slice(0, 9)), LOG.take(slice(9, 20))
    personal = RecurrentMeta(DNN(LOG.schema, embedding_dim=4, hidden_dims=(8,)))
    personal.remember(LOG)
    known = personal.memory.key.clone()
    mixture, embedding = HedgeMixture([personal, LR(LOG.schema)]), MetaEmbedding(DNN(LOG.schema))
    for given in (
        lambda: personal.adapt(other),
        lambda: personal.adapt(few).predict(other),
        lambda: personal.adapt(few).without_support(other),
        lambda: personal.remember(few, other),
        lambda: mixture.adapt(other),
        lambda: mixture.adapt(few).predict(other),
        lambda: mixture.remember(few, other),
        lambda: mixture.remember(other, few),
        lambda: UniformAverage([LR(LOG.schema), personal]).remember(few, other),
        lambda: embedding.adapt(other),
        lambda: embedding.adapt(few).predict(other),
        lambda: embedding.adapt(few).update(other),
        lambda: MeLU(DNN(LOG.schema)).evidence_candidates(other),
    ):
        with pytest.raises(InputError, match="other fields or vocabularies than the model's, so its ids mean other"):
            given()
    assert torch.equal(mixture.models[0].memory.key, known)  # what is refused makes nobody forget
    assert np.isfinite(personal.adapt(few).predict(more)).all()
    assert np.isfinite(mixture.adapt(few).predict(more)).all()


def test_rows_encoded_with_the_schema_of_a_model_folder_are_adapted_to(
    prepared: PreparedLog, raw_frame: pl.DataFrame, tmp_path: Path
) -> None:
    save_model(RecurrentMeta(DNN(prepared.schema)), tmp_path / "model", prepared)
    loaded = load_model(tmp_path / "model")
    rows = loaded.encode(raw_frame)
    method, few, more = loaded.method, rows.take(slice(0, 40)), rows.take(slice(40, 90))
    assert isinstance(method, RecurrentMeta)
    method.remember(few)
    assert len(method.memory)
    for support, query in ((few, more), (prepared.train, rows.take(prepared.test.row))):
        assert np.isfinite(method.adapt(support).predict(query)).all()


def test_rows_without_labels_are_predicted_and_nothing_else() -> None:
    unlabelled = replace(LOG, labelled=False)
    net = LR(LOG.schema)
    assert len(predict(net, unlabelled)) == len(LOG)
    method = RecurrentMeta(DNN(LOG.schema))
    for given in (
        lambda: fit(net, unlabelled, device="cpu", progress=False),
        lambda: fit(net, LOG, unlabelled, device="cpu", progress=False),
        lambda: evaluate(net, unlabelled),
        lambda: compare({"lr": net}, unlabelled),
        lambda: method.remember(unlabelled),
        lambda: method.adapt(unlabelled),
        lambda: HedgeMixture([net, FM(LOG.schema)]).adapt(unlabelled),
        lambda: MetaEmbedding(DNN(LOG.schema)).adapt(unlabelled),
        lambda: method.adapt(unlabelled.take(slice(0, 9))).predict(LOG.take(slice(9, 20))),
    ):
        with pytest.raises(InputError, match="needs labels, and these rows were encoded without"):
            given()


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_predictions_are_written_with_the_names_of_users(suffix: str, prepared: PreparedLog, tmp_path: Path) -> None:
    net, path = LR(prepared.schema), tmp_path / f"predictions{suffix}"
    write_predictions(net, prepared.test, path)
    table = pl.read_csv(path) if suffix == ".csv" else pl.read_parquet(path)
    assert table.columns == ["row", "user", "time", "probability"]
    np.testing.assert_allclose(table["probability"].to_numpy(), predict(net, prepared.test), rtol=1e-5)
    assert table["row"].to_list() == prepared.test.row.tolist()
    assert prepared.test.users is not None
    assert table["user"].to_list() == [prepared.test.users[int(code)] for code in prepared.test.user]
    assert [file.name for file in tmp_path.iterdir()] == [path.name]


def test_several_classes_have_a_column_each(tmp_path: Path) -> None:
    log = make_logs(300, classes=3).test
    write_predictions(LR(log.schema), log, tmp_path / "predictions.parquet")
    table = pl.read_parquet(tmp_path / "predictions.parquet")
    assert table.columns == ["row", "time", "probability_0", "probability_1", "probability_2"]
    np.testing.assert_allclose(table.select(pl.col("^probability_.*$")).sum_horizontal().to_numpy(), 1, atol=1e-5)


def test_other_formats_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"predictions are written as \.parquet or \.csv"):
        write_predictions(model(), LOG, tmp_path / "predictions.xlsx")
