"""A trained model on disk: weights, schema and vocabularies in one folder, which is all that predicting needs.

``model.json`` says what to build, ``weights.safetensors`` fills it, ``schema.json`` and ``encoder/`` encode raw rows.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import nn

from clickwise.configuration import build, describe
from clickwise.data.encoder import Encoder
from clickwise.data.log import ClickLog
from clickwise.data.storage import MANIFEST, PreparedLog, open_prepared
from clickwise.errors import InputError
from clickwise.files import new_folder
from clickwise.methods.method import Method
from clickwise.methods.supervised import as_method
from clickwise.schema import Schema
from clickwise.version import __version__

FORMAT = "clickwise-model"
FORMAT_VERSION = 1
MODEL, WEIGHTS, SCHEMA, ENCODER = "model.json", "weights.safetensors", "schema.json", "encoder"


@dataclass(frozen=True)
class TrainedModel:
    """What a model folder holds.

    Attributes:
        method: the trained method.
        schema: the schema it was trained with.
        encoder: encodes raw rows as the training rows were.
        facts: what else ``model.json`` says (source, split, versions).
    """

    method: Method
    schema: Schema
    encoder: Encoder
    facts: dict[str, Any]

    def encode(self, path: Path | str, part: str = "test", require_label: bool = True) -> ClickLog:
        """Rows to score: a raw file in the training table's columns, or one part of a prepared folder.

        Raises:
            InputError: the file lacks a column, or the folder was prepared with another schema or vocabulary.
        """
        path = Path(path)
        if not (path / MANIFEST).is_file():
            return self.encoder.encode_table(path, require_label)
        log = open_prepared(path)
        if log.schema != self.schema or log.manifest["key"] != self.facts["log"]:
            raise InputError(
                f"{path}: prepared with another schema or other vocabularies than the model; score the raw file"
            )
        found: ClickLog = getattr(log, part)
        return found


def save_model(model: nn.Module, folder: Path | str, log: PreparedLog) -> None:
    """Write a trained model or method into a new folder, whole or not at all.

    Args:
        model: the method or model; every argument of its constructor must be an attribute of the same name.
        folder: must not exist, or be empty.
        log: the log it was trained on.
    """
    method = as_method(model)
    facts = {
        "format": FORMAT,
        "version": FORMAT_VERSION,
        "clickwise": __version__,
        "source": log.manifest["source"],
        "split": log.manifest["split"],
        "log": log.manifest["key"],
        "method": describe(method),
    }
    with new_folder(Path(folder)) as temporary:
        (temporary / MODEL).write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")
        # Clones, because safetensors refuses tensors that share memory.
        save_file({name: t.detach().cpu().clone() for name, t in method.state_dict().items()}, temporary / WEIGHTS)
        log.schema.save(temporary / SCHEMA)
        log.encoder.save(temporary / ENCODER)


def load_model(folder: Path | str, trusted: Iterable[str] = ()) -> TrainedModel:
    """Read a model folder. Nothing is unpickled.

    Args:
        folder: written by ``save_model``.
        trusted: modules outside clickwise whose classes the model may be built from.

    Raises:
        InputError: the folder is missing, damaged, of a newer version, or its parts belong to different models.
    """
    folder = Path(folder)
    if not (folder / MODEL).is_file():
        raise InputError(f"{folder}: not a model folder: {MODEL} is missing")
    try:
        facts = json.loads((folder / MODEL).read_text(encoding="utf-8"))
        version, config = facts["version"], facts["method"]
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(f"{folder / MODEL}: damaged ({error})") from None
    if facts.get("format") != FORMAT or not isinstance(version, int) or version > FORMAT_VERSION:
        raise InputError(
            f"{folder / MODEL}: format version {version!r}; this clickwise reads versions up to {FORMAT_VERSION}"
        )
    schema = Schema.load(folder / SCHEMA)
    encoder = Encoder.load(folder / ENCODER, schema)
    method = build(config, schema, trusted)
    if not isinstance(method, Method):
        raise InputError(f"{folder / MODEL}: describes no method of clickwise")
    try:
        method.load_state_dict(load_file(folder / WEIGHTS))
    except (SafetensorError, OSError) as error:
        raise InputError(f"{folder / WEIGHTS}: damaged or missing ({error})") from None
    except RuntimeError:
        raise InputError(
            f"{folder / WEIGHTS}: does not fit {SCHEMA} and {MODEL}; the folder mixes two models"
        ) from None
    method.eval()
    return TrainedModel(method, schema, encoder, facts)
