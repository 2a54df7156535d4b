"""FuxiCTR: DIN and DIEN of its own blocks, its ``RankDataLoader`` over ``.npz`` files, ``fit`` and ``predict``.

Its wheel leaves its model zoo out. DIN is that zoo's, put together from the same blocks; so is DIEN, but for its second
recurrent layer, which no block of the wheel has: a cell of two linear maps, step by step over packed rows, as there.
"""

from collections import OrderedDict
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

np.Inf = np.inf  # type: ignore[attr-defined]  # gone from NumPy 2, still read by FuxiCTR 2.3

from fuxictr.features import FeatureMap  # noqa: E402
from fuxictr.pytorch.dataloaders import RankDataLoader  # noqa: E402
from fuxictr.pytorch.layers import DIN_Attention, FeatureEmbeddingDict, MLP_Block  # noqa: E402
from fuxictr.pytorch.models import BaseModel  # noqa: E402

from benchmarks.contestants import (  # noqa: E402
    EMBEDDING_DEVIATION,
    EMBEDDING_DIM,
    HIDDEN_DIMS,
    LEARNING_RATE,
    Contestant,
)
from benchmarks.contestants.sequences import ATTENTION_HIDDEN_DIMS, BATCH_SIZE  # noqa: E402
from benchmarks.sequence_table import HISTORIES, SIZES, Ids, SequenceTable  # noqa: E402

BEHAVIOUR_DIM = len(HISTORIES) * EMBEDDING_DIM


class Network(BaseModel):
    """Vectors, an ``interest`` in the candidate, and an MLP over the fields and the interest."""

    def __init__(self, feature_map: FeatureMap, folder: Path) -> None:
        super().__init__(feature_map, model_id="network", model_root=str(folder), metrics=["AUC"], verbose=0)
        initializer = f"partial(nn.init.normal_, std={EMBEDDING_DEVIATION})"
        self.embedding_layer = FeatureEmbeddingDict(feature_map, EMBEDDING_DIM, embedding_initializer=initializer)
        self.make_layers()
        width = len(SIZES) * EMBEDDING_DIM + BEHAVIOUR_DIM
        self.dnn = MLP_Block(width, list(HIDDEN_DIMS), "ReLU", output_dim=1, output_activation=self.output_activation)
        self.compile("adam", "binary_crossentropy", LEARNING_RATE)
        self.reset_parameters()

    def make_layers(self) -> None:
        """Those of ``interest``."""
        raise NotImplementedError

    def interest(self, candidate: Tensor, behaviours: Tensor, real: Tensor) -> Tensor:
        """``[batch, dim]`` from ``[batch, dim]``, ``[batch, length, dim]`` and ``bool [batch, length]``."""
        raise NotImplementedError

    def forward(self, inputs: Mapping[str, Tensor]) -> dict[str, Tensor]:
        features = self.get_inputs(inputs)
        vectors = self.embedding_layer(features)
        candidate = torch.cat([vectors[name] for name in HISTORIES.values()], dim=-1)
        behaviours = torch.cat([vectors[name] for name in HISTORIES], dim=-1)
        interest = self.interest(candidate, behaviours, features["items_before"].long() != 0)
        return {"y_pred": self.dnn(torch.cat([*(vectors[name] for name in SIZES), interest], dim=-1))}


class DIN(Network):
    def make_layers(self) -> None:
        self.attention = DIN_Attention(BEHAVIOUR_DIM, list(ATTENTION_HIDDEN_DIMS), hidden_activations="Dice")

    def interest(self, candidate: Tensor, behaviours: Tensor, real: Tensor) -> Tensor:
        found: Tensor = self.attention(candidate, behaviours, real)
        return found


class DIEN(Network):
    def make_layers(self) -> None:
        self.extractor = nn.GRU(BEHAVIOUR_DIM, BEHAVIOUR_DIM, batch_first=True)
        self.bilinear = nn.Parameter(torch.eye(BEHAVIOUR_DIM))
        self.of_input = nn.Linear(BEHAVIOUR_DIM, 3 * BEHAVIOUR_DIM)
        self.of_state = nn.Linear(BEHAVIOUR_DIM, 3 * BEHAVIOUR_DIM)

    def interest(self, candidate: Tensor, behaviours: Tensor, real: Tensor) -> Tensor:
        lengths = real.sum(dim=1).cpu()
        packed, _ = self.extractor(pack_padded_sequence(behaviours, lengths, batch_first=True, enforce_sorted=False))
        states, _ = pad_packed_sequence(packed, batch_first=True, total_length=real.size(1))
        scores = (states @ self.bilinear @ candidate.unsqueeze(-1)).squeeze(-1)
        weights = scores.masked_fill(~real, -1e9).softmax(dim=-1)
        weights = pack_padded_sequence(weights, lengths, batch_first=True, enforce_sorted=False).data
        last = packed.data.new_zeros(len(real), BEHAVIOUR_DIM)
        state, start = last, 0
        for size in packed.batch_sizes.tolist():
            state = self.step(packed.data[start : start + size], state[:size], weights[start : start + size])
            last = torch.cat([state, last[size:]])
            start += size
        return last[packed.unsorted_indices]

    def step(self, inputs: Tensor, state: Tensor, weight: Tensor) -> Tensor:
        """One of AUGRU: attention scales the update gate."""
        update_x, reset_x, new_x = self.of_input(inputs).chunk(3, 1)
        update_h, reset_h, new_h = self.of_state(state).chunk(3, 1)
        update = weight.unsqueeze(-1) * torch.sigmoid(update_x + update_h)
        candidate = torch.tanh(new_x + torch.sigmoid(reset_x + reset_h) * new_h)
        return state + update * (candidate - state)


def _feature_map(length: int, folder: Path) -> FeatureMap:
    feature_map = FeatureMap("table", str(folder))
    feature_map.labels = ["label"]
    category = {"source": "", "type": "categorical", "padding_idx": 0}
    features = [(name, {**category, "vocab_size": size + 1}) for name, size in SIZES.items()]
    for name, of in HISTORIES.items():
        sequence = {"type": "sequence", "vocab_size": SIZES[of] + 1, "max_len": length, "share_embedding": of}
        features.append((name, {**category, **sequence}))
    feature_map.features = OrderedDict(features)
    feature_map.num_fields = feature_map.get_num_fields()
    feature_map.set_column_index()
    return feature_map


def _write(path: Path, columns: dict[str, Ids], label: Ids) -> str:
    np.savez(path, label=label.astype(np.float64), **{name: ids.astype(np.int64) for name, ids in columns.items()})  # type: ignore[arg-type]
    return str(path.with_suffix(""))


def build(kind: str, table: SequenceTable, folder: Path) -> Contestant:
    """``fit`` needs validation rows; what it does with them comes after the last timed step."""
    if kind == "dien-auxiliary":
        raise NotImplementedError("the auxiliary loss of DIEN in FuxiCTR's zoo is off by default and left out here")
    train_rows = _write(folder / "train.npz", table.train, table.train_label)
    test_rows = _write(folder / "test.npz", table.test, table.test_label)
    files = {"train_data": train_rows, "valid_data": test_rows, "test_data": test_rows}
    feature_map = _feature_map(table.length, folder)
    (folder / "table").mkdir()
    train, valid, test = RankDataLoader(feature_map, batch_size=BATCH_SIZE, **files).make_iterator()
    model = (DIN if kind == "din" else DIEN)(feature_map, folder)
    return Contestant(
        fit=lambda: model.fit(train, epochs=1, validation_data=valid),
        predict=lambda: model.predict(test),
    )
