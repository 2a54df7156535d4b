"""A trained model on disk: weights, schema and vocabularies in one folder, which is all that predicting needs.

``model.json`` says what to build, ``weights.safetensors`` fills it, ``schema.json`` and ``encoder/`` encode raw rows,
and ``checksums.json`` tells damage to any of them.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import nn

from clickwise import folders
from clickwise.configuration import build, describe
from clickwise.data.encoder import Encoder
from clickwise.data.log import ClickLog
from clickwise.data.storage import MANIFEST, PreparedLog, open_prepared
from clickwise.documents import check_format, read_document
from clickwise.errors import InputError, one_line
from clickwise.files import fingerprint, fingerprints, is_listing, new_folder, write_json
from clickwise.methods.method import Method
from clickwise.methods.supervised import as_method
from clickwise.schema import Schema
from clickwise.version import __version__

FORMAT = "clickwise-model"
FORMAT_VERSION = 1
MODEL, WEIGHTS, SCHEMA, ENCODER = folders.MODEL, "weights.safetensors", "schema.json", "encoder"
CHECKSUMS = "checksums.json"


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

    def encode(self, source: pl.DataFrame | Path | str, part: str = "test", require_label: bool = True) -> ClickLog:
        """Rows to score: a raw file or a frame in the training table's columns, or one part of a prepared folder.

        Raises:
            InputError: the file lacks a column, or the folder was prepared with another schema or vocabulary.
        """
        if isinstance(source, pl.DataFrame) or not (path := Path(source)).joinpath(MANIFEST).is_file():
            return self.encoder.encode_table(source, require_label)
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
        write_json(temporary / MODEL, facts)
        # Clones, because safetensors refuses tensors that share memory.
        save_file({name: t.detach().cpu().clone() for name, t in method.state_dict().items()}, temporary / WEIGHTS)
        log.schema.save(temporary / SCHEMA)
        log.encoder.save(temporary / ENCODER)
        write_json(temporary / CHECKSUMS, fingerprints(temporary))


def load_model(folder: Path | str, trusted: Iterable[str] = ()) -> TrainedModel:
    """Read a model folder. Nothing is unpickled; one without checksums, from before there were any, is taken as it is.

    Args:
        folder: written by ``save_model``.
        trusted: modules outside clickwise whose classes the model may be built from.

    Raises:
        InputError: the folder is missing, damaged, of a newer version, or its parts belong to different models.
    """
    folder = Path(folder)
    facts = _read_facts(folder)
    checksums = _read_checksums(folder)
    for name in checksums:
        if name != MODEL:
            _verify(folder, name, checksums)
    schema = Schema.load(folder / SCHEMA)
    encoder = Encoder.load(folder / ENCODER, schema)
    method = _built(folder, facts["method"], schema, trusted)
    if MODEL in checksums:
        _verify(folder, MODEL, checksums)  # after what says more: a foreign class, or no method at all
    try:
        method.load_state_dict(load_file(folder / WEIGHTS))
    except (SafetensorError, OSError) as error:
        raise InputError(f"{folder / WEIGHTS}: damaged or missing ({one_line(error)})") from None
    except (RuntimeError, AttributeError, TypeError, KeyError):  # of torch, or of a method that restores more
        raise InputError(
            f"{folder / WEIGHTS}: does not fit {SCHEMA} and {MODEL}; the folder mixes two models"
        ) from None
    method.eval()
    return TrainedModel(method, schema, encoder, facts)


def _read_facts(folder: Path) -> dict[str, Any]:
    """What ``model.json`` says, in a format that this version reads."""
    folders.refuse_as_model(folder)
    path = folder / MODEL
    facts: dict[str, Any] = read_document(path, "model")
    check_format(facts, path, "the description of a model", FORMAT, FORMAT_VERSION)
    if not {"method", "log", "source"} <= facts.keys():
        raise InputError(f"{path}: damaged (entries are missing)")
    return facts


def _read_checksums(folder: Path) -> dict[str, dict[str, int]]:
    path = folder / CHECKSUMS
    if not path.exists():
        return {}
    listed: dict[str, dict[str, int]] = read_document(path, "checksums")
    if not is_listing(listed):
        raise InputError(f"{path}: damaged (it must name size and checksum of each file)")
    return listed


def _verify(folder: Path, name: str, checksums: dict[str, dict[str, int]]) -> None:
    path = folder / name
    try:
        found = fingerprint(path)
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: cannot be read: {one_line(error)}") from None
    if found != checksums[name]:
        raise InputError(
            f"{path}: its checksum differs: it is damaged, or belongs to another schema or model, "
            "in which case the folder mixes two models"
        )


def _built(folder: Path, config: Any, schema: Schema, trusted: Iterable[str]) -> Method:
    path = folder / MODEL
    try:
        method = build(config, schema, trusted)
    except InputError as error:
        raise InputError(f"{path}: {error}") from None
    except Exception as error:  # whatever a constructor makes of options that it never saved
        raise InputError(f"{path}: what it describes cannot be built: {one_line(error)}") from error
    if not isinstance(method, Method):
        raise InputError(f"{path}: describes no method of clickwise")
    return method
