"""Raw tables and folders: prepare, infer, doctor."""

from collections.abc import Sequence
from pathlib import Path

from clickwise.commands.common import names_sources, refuse_existing, refuse_stray, source_options
from clickwise.errors import InputError
from clickwise.options import assignments


@names_sources
def prepare_command(
    source: str,
    *,
    out: Path,
    split: str | None = None,
    schema: Path | None = None,
    data_root: Path | None = None,
    label: str | None = None,
    set: Sequence[str] = (),
    split_seed: int = 0,
    fractions: str = "",
) -> None:
    """Encode a click log into a folder that training reads without delay.

    Args:
        source: a raw file or folder (--schema), or one of SOURCES.
        out: the folder to write.
        split: chronological (default), chronological-per-user, random-per-user or leave-users-out.
        schema: YAML schema of a raw file.
        data_root: folder of the official files of a public data set; downloaded to your cache by default.
        label: what counts as the label where a source leaves a choice, for example stars in place of binary.
        set: option of the source as source.OPTION; may be given many times.
        split_seed: seed of the split.
        fractions: shares of train, valid and test, for example 0.6,0.2,0.2; by default those of the split.
    """
    from clickwise.data.opening import prepare_source
    from clickwise.data.splits import leaks_of
    from clickwise.data.times import span

    options = assignments(set)
    of_source = source_options(options, label)
    refuse_stray(options)
    log = prepare_source(source, out, schema, data_root, split, split_seed, _shares(fractions), of_source)
    rows = ", ".join(f"{part} {count:,}" for part, count in log.manifest["rows"].items())
    print(f"{out}: {rows} rows; {log.schema.size:,} ids in {log.schema.width} slots; split {log.manifest['split']}")
    if log.schema.time:  # a wrong unit shows in it
        print(f"times {span(part.time for part in log)}")
    print(leaks_of(log.manifest["split"], log.schema))


def _shares(text: str) -> list[float] | None:
    try:
        return [float(share) for share in text.split(",")] if text else None
    except ValueError:
        raise InputError(f"--fractions must be three numbers such as 0.6,0.2,0.2, not {text!r}") from None


def infer_command(file: Path, *, out: Path | None = None) -> None:
    """Guess a schema from a raw file and write it as commented YAML for you to correct.

    Args:
        file: CSV, TSV, Parquet or JSON lines, or a folder of such files.
        out: the YAML file to write; printed by default.
    """
    from clickwise.data.infer import infer_schema
    from clickwise.files import new_file

    if out is not None:
        refuse_existing(out)
    text = infer_schema(file)
    if out is None:
        print(text, end="")
        return
    with new_file(out) as path:
        path.write_text(text, encoding="utf-8")
    then = f"clickwise compare {file} --schema {out} --methods controls,lr,fm"  # all methods, the default, take long
    print(f"{out}: read the comments, correct what is wrong, then: {then}")


def doctor_command(path: Path | None = None) -> None:
    """Print versions, threads, devices and free memory; check a prepared folder or a model folder.

    Args:
        path: prepared folder or model folder to check, every byte of it.
    """
    from clickwise.doctor import check_folder, machine

    for name, value in machine().items():
        print(f"{name:<20} {value}")
    if path is not None:
        print(check_folder(path))
