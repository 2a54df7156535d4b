"""What Table 5 and Figure 4 of the UDG paper are made from: gated models and generators, and new users under them."""

import hashlib
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

from clickwise.comparison import title
from clickwise.configuration import arguments, check_options
from clickwise.data.storage import PreparedLog
from clickwise.documents import read_document
from clickwise.errors import InputError, nearest
from clickwise.files import new_file
from clickwise.methods.building import build, options_of
from clickwise.methods.meta_embedding import MetaEmbedding
from clickwise.metrics.significance import holm
from clickwise.metrics.summary import COMPARED
from clickwise.reproduce.study import Study
from clickwise.reproduce.udg.newcomer_table import newcomer_table
from clickwise.reproduce.udg.newcomers import ColdStart, cold_start_batches
from clickwise.reproduce.udg.published import GENERATOR, UDG, row
from clickwise.training import fit, seeded

RUNS = "newcomers"
"""Folder of the runs, below the job's own."""
PROTOCOL = ("active_above", "new_from", "new_to", "batch")


def own_options(study: Study) -> tuple[dict[str, int], dict[str, Any]]:
    """Who is new, and options of the generator.

    Raises:
        InputError: an option that is none of them.
    """
    protocol = dict(study.job.own.get("newcomers", {}))
    for key, value in protocol.items():
        if key not in PROTOCOL:
            raise InputError(f"--set newcomers.{key}: is unknown{nearest(key, PROTOCOL)}")
        if not isinstance(value, int) or isinstance(value, bool) or value < 1:
            raise InputError(f"--set newcomers.{key}: give a positive whole number, not {value!r}")
    generator = dict(study.job.options.get(GENERATOR, {}))
    for key in ("model", "pretrain"):
        if key in generator:
            raise InputError(f"--set {GENERATOR}.{key}: is not free here; the model is trained first")
    check_options(generator, MetaEmbedding, GENERATOR)
    return protocol, generator


def protocol_values(protocol: Mapping[str, int]) -> dict[str, int]:
    """Who is active and who is new, as given or by default."""
    known = arguments(cold_start_batches)
    return {name: protocol.get(name, known[name].default) for name in PROTOCOL}


def rows_of(
    study: Study,
    log: PreparedLog,
    users: ColdStart,
    model: str,
    protocol: Mapping[str, int],
    generator: Mapping[str, Any],
) -> list[dict[str, Any]]:
    """Rows of one model: read where the same options have been run, else trained or gone on with."""
    job, name = study.job, row(model, UDG)
    options = options_of(name, study.options([name]))
    identity = {
        "log": log.manifest["key"], "method": name, "options": options, "generator": dict(generator),
        "protocol": protocol_values(protocol), "epochs": (study.epochs, job.epochs), "patience": job.patience,
        "device": job.device,
    }  # fmt: skip
    digest = hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()[:12]
    folder = job.out / RUNS / f"{name}-{digest}"
    path = folder / f"rows-{job.seeds}-{job.replicates}.json"
    if path.exists():
        found: list[dict[str, Any]] = read_document(path, "rows")
        return found

    def trained(seed: int) -> MetaEmbedding:
        with seeded(seed):
            models = [build(name, log.schema, options, [])]
            meta = cast(MetaEmbedding, build(f"{GENERATOR}({name})", log.schema, generator, models))
        return _trained(study, users, meta, seed, folder / f"seed-{seed}")

    table = newcomer_table(users, trained, job.seeds, replicates=job.replicates)
    rows = [{"model": model, "method": name, "title": title(name), **one} for one in table]
    _correct(rows)
    with new_file(path) as temporary:
        temporary.write_text(json.dumps(rows, allow_nan=False) + "\n", encoding="utf-8")
    return rows


def _trained(study: Study, users: ColdStart, meta: MetaEmbedding, seed: int, folder: Path) -> MetaEmbedding:
    """The gated model trained on active users, then the generator of its user vectors."""
    job = study.job
    for method, epochs, name in ((meta.model, study.epochs, "model"), (meta, job.epochs, "generator")):
        fit(
            method, users.train, users.valid, epochs=epochs, patience=job.patience, seed=seed, device=job.device,
            folder=folder / name, resume=True, progress=sys.stderr.isatty(),
        )  # fmt: skip
    return meta


def _correct(rows: Sequence[dict[str, Any]]) -> None:
    """Add ``p_corrected`` to the generator's differences: Holm over the phases of a start and metric."""
    for start in dict.fromkeys(one["start"] for one in rows):
        for metric in COMPARED:
            own = [one for one in rows if one["start"] == start and "generator_minus" in one]
            found = [one["generator_minus"][metric] for one in own]
            for one, corrected in zip(found, holm([each["p"] for each in found]), strict=True):
                one["p_corrected"] = float(corrected)
