"""RecBole: its ``DeepFM``, ``Trainer`` and data loaders."""

from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

# NumPy 2 dropped these names; RecBole 1.2 reads them while it sets itself up.
np.float_, np.complex_, np.unicode_ = np.float64, np.complex128, np.str_  # type: ignore[attr-defined]

from recbole.config import Config  # noqa: E402
from recbole.data import create_dataset  # noqa: E402
from recbole.data.dataloader import NegSampleEvalDataLoader, TrainDataLoader  # noqa: E402
from recbole.data.dataset import Dataset  # noqa: E402
from recbole.data.interaction import Interaction  # noqa: E402
from recbole.model.context_aware_recommender import DeepFM  # noqa: E402
from recbole.trainer import Trainer  # noqa: E402

from benchmarks.contestants import (  # noqa: E402
    BATCH_SIZE,
    EMBEDDING_DIM,
    HIDDEN_DIMS,
    LEARNING_RATE,
    PREDICT_BATCH_SIZE,
    Contestant,
)
from benchmarks.fields import NAMES  # noqa: E402
from benchmarks.table import Table  # noqa: E402

OPTIONS = {
    "load_col": {"inter": [*NAMES, "label"]},
    "USER_ID_FIELD": NAMES[0],
    "ITEM_ID_FIELD": NAMES[1],
    "LABEL_FIELD": "label",
    "embedding_size": EMBEDDING_DIM,
    "mlp_hidden_size": list(HIDDEN_DIMS),
    "dropout_prob": 0.0,
    "epochs": 1,
    "learning_rate": LEARNING_RATE,
    "train_batch_size": BATCH_SIZE,
    "eval_batch_size": PREDICT_BATCH_SIZE,
    "train_neg_sample_args": None,
    "eval_args": {"split": {"RS": [0.8, 0.1, 0.1]}, "group_by": None, "order": "RO", "mode": "labeled"},
    "metrics": ["AUC"],
    "valid_metric": "AUC",
    "show_progress": False,
    "use_gpu": False,
}


def _rows(dataset: Dataset, ids: npt.NDArray[np.int32], label: npt.NDArray[np.int32]) -> Dataset:
    """A copy of ``dataset`` that holds these rows; 0 is RecBole's padding."""
    values = {name: torch.from_numpy(ids[:, index].astype(np.int64) + 1) for index, name in enumerate(NAMES)}
    return dataset.copy(Interaction({**values, "label": torch.from_numpy(label.astype(np.float32))}))


def build(table: Table, folder: Path) -> Contestant:
    """Its reader numbers only values that occur; to have the same tables as the others, a tiny file is read
    to set the fields up, and the rows and sizes are put in afterwards."""
    (folder / "table").mkdir()
    header = "\t".join([*(f"{name}:token" for name in NAMES), "label:float"])
    lines = ["\t".join(str(value) for value in (*row, row[0] % 2)) for row in np.arange(80).reshape(4, 20)]
    (folder / "table" / "table.inter").write_text("\n".join([header, *lines]) + "\n", encoding="utf-8")
    config = Config(model="DeepFM", dataset="table", config_dict={**OPTIONS, "data_path": str(folder)})
    dataset = create_dataset(config)
    for name, size in zip(NAMES, table.sizes, strict=True):
        dataset.field2id_token[name] = np.arange(size + 1)
    train = _rows(dataset, table.train_ids, table.train_label)
    loader = TrainDataLoader(config, train, None, shuffle=True)
    test = NegSampleEvalDataLoader(config, _rows(dataset, table.test_ids, table.test_label), None, shuffle=False)
    model = DeepFM(config, train)
    trainer = Trainer(config, model)

    def predict() -> npt.NDArray[np.float32]:
        """Its ``evaluate`` gives metrics only; this is the loop in it, without the metrics."""
        model.eval()
        with torch.no_grad():
            return torch.cat([model.predict(batch[0]) for batch in test]).numpy()

    return Contestant(fit=lambda: trainer.fit(loader, saved=False, verbose=False), predict=predict)
