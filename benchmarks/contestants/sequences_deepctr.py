"""DeepCTR-Torch: its ``DIN`` and ``DIEN``, their ``fit`` and ``predict``, one array a field."""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from deepctr_torch.inputs import SparseFeat, VarLenSparseFeat
from deepctr_torch.models import DIEN, DIN

from benchmarks.contestants import EMBEDDING_DEVIATION, EMBEDDING_DIM, HIDDEN_DIMS, LEARNING_RATE, Contestant
from benchmarks.contestants.sequences import ATTENTION_HIDDEN_DIMS, BATCH_SIZE
from benchmarks.sequence_table import HISTORIES, SIZES, Ids, SequenceTable


def _columns(length: int, negatives: bool) -> list[SparseFeat | VarLenSparseFeat]:
    """It knows a history by the name of what it collects, and the sampled strangers by that of the history."""
    columns = [SparseFeat(name, vocabulary_size=size + 1, embedding_dim=EMBEDDING_DIM) for name, size in SIZES.items()]
    for prefix in ("hist_", "neg_hist_") if negatives else ("hist_",):
        for name in HISTORIES.values():
            of = SparseFeat(f"{prefix}{name}", SIZES[name] + 1, embedding_dim=EMBEDDING_DIM, embedding_name=name)
            columns.append(VarLenSparseFeat(of, maxlen=length, length_name="behaviours"))
    return columns


def _arrays(columns: dict[str, Ids], negatives: bool) -> dict[str, Ids]:
    """A stranger to each behaviour is a behaviour at the same position of another row."""
    arrays = {name: columns[name] for name in SIZES}
    arrays["behaviours"] = np.count_nonzero(columns["items_before"], axis=1).astype(np.int32)
    others = np.random.default_rng(0).permutation(len(columns["user"]))
    for name, of in HISTORIES.items():
        arrays[f"hist_{of}"] = columns[name]
        if negatives:
            arrays[f"neg_hist_{of}"] = columns[name][others]
    return arrays


def build(kind: str, table: SequenceTable, folder: Path) -> Contestant:
    """L2 penalties (1e-6 on vectors by default) are off: they would touch the whole table."""
    negatives = kind == "dien-auxiliary"
    shared: dict[str, Any] = {
        "dnn_feature_columns": _columns(table.length, negatives),
        "history_feature_list": list(HISTORIES.values()),
        "dnn_hidden_units": HIDDEN_DIMS,
        "l2_reg_embedding": 0,
        "init_std": EMBEDDING_DEVIATION,
    }
    if kind == "din":
        model = DIN(**shared, att_hidden_size=ATTENTION_HIDDEN_DIMS, att_activation="Dice")
    else:
        attention = {"att_hidden_units": ATTENTION_HIDDEN_DIMS, "att_activation": "relu"}
        model = DIEN(**shared, **attention, gru_type="AUGRU", use_negsampling=negatives)
    model.compile(torch.optim.Adam(model.parameters(), lr=LEARNING_RATE), "binary_crossentropy")
    train, test = _arrays(table.train, negatives), _arrays(table.test, negatives)
    label = table.train_label.astype(np.float32)
    return Contestant(
        fit=lambda: model.fit(train, label, batch_size=BATCH_SIZE, epochs=1, verbose=0),
        predict=lambda: model.predict(test, batch_size=BATCH_SIZE),
    )
