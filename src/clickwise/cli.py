"""The commands: each calls the library and prints. Heavy modules are imported by the command that needs them."""

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from clickwise.errors import InputError
from clickwise.options import assignments, command_line, parse
from clickwise.version import __version__

if TYPE_CHECKING:
    from clickwise.data.storage import PreparedLog

SOURCE = "source"


def demo_command(*, out: Path = Path("runs/demo"), threads: int | None = None) -> None:
    """Compare every method on the embedded synthetic log: the main job, with no data of your own.

    Args:
        out: folder for results.json, predictions.parquet and report.html.
        threads: processor threads; all by default.
    """
    compare_command("synthetic", methods="all", out=out, threads=threads, resume=(out / "plan.json").exists())


def compare_command(
    source: str,
    *,
    methods: str = "all",
    split: str | None = None,
    seeds: int = 1,
    out: Path | None = None,
    schema: Path | None = None,
    data_root: Path | None = None,
    label: str | None = None,
    set: Sequence[str] = (),
    epochs: int = 30,
    patience: int = 2,
    monitor: str = "logloss",
    device: str = "auto",
    precision: str = "32-true",
    threads: int | None = None,
    replicates: int = 1000,
    split_seed: int = 0,
    cache: Path | None = None,
    resume: bool = False,
) -> None:
    """Train methods on one click log and compare them honestly on its test rows.

    Args:
        source: synthetic, movielens-1m, movielens-100k, a raw file or folder (with --schema), or a prepared folder.
        methods: comma-separated: lr, fm, ffm, deepfm, controls, all, or your own as package.module:Class.
        split: chronological (default), chronological-per-user, random-per-user or leave-users-out.
        seeds: number of training seeds.
        out: folder for results; runs/SOURCE by default.
        schema: YAML schema of a raw file.
        data_root: folder of the official files of a public data set; downloaded to your cache by default.
        label: MovieLens: binary (4 and 5 stars are clicks) or stars (five classes).
        set: option of a method, or of the source as source.OPTION; may be given many times.
        epochs: passes over the training rows at most.
        patience: epochs without a better validation value before stopping.
        monitor: the validation value that is watched: logloss or auc.
        device: auto, cpu or cuda.
        precision: of the arithmetic: 32-true or bf16-mixed.
        threads: processor threads; all by default.
        replicates: bootstrap resamples of the users.
        split_seed: seed of the split.
        cache: folder for prepared logs; your user cache by default.
        resume: go on with an interrupted comparison of the same options.
    """
    from clickwise.comparison import REPORT
    from clickwise.experiment import run_comparison
    from clickwise.runs import Plan

    out = out or Path("runs") / Path(source).stem
    options = assignments(set)
    log = _open(source, schema, data_root, split, split_seed, cache, label, options)
    _use_threads(threads)
    plan = Plan(methods.split(","), seeds, options, epochs, patience, monitor, device, precision, replicates)
    run_comparison(log, plan, out, resume).print()
    print(f"Written: {out / REPORT} (open it in a browser), and results.json, predictions.parquet and runs/ beside it.")


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
) -> None:
    """Encode a click log into a folder that training reads without delay.

    Args:
        source: synthetic, movielens-1m, movielens-100k, or a raw file or folder (with --schema).
        out: the folder to write.
        split: chronological (default), chronological-per-user, random-per-user or leave-users-out.
        schema: YAML schema of a raw file.
        data_root: folder of the official files of a public data set; downloaded to your cache by default.
        label: MovieLens: binary (4 and 5 stars are clicks) or stars (five classes).
        set: option of the source as source.OPTION; may be given many times.
        split_seed: seed of the split.
    """
    from clickwise.data.opening import prepare_source
    from clickwise.data.splits import SPLITS

    options = assignments(set)
    of_source = _source_options(options, label)
    _refuse_stray(options)
    log = prepare_source(source, out, schema, data_root, split, split_seed, options=of_source)
    rows = ", ".join(f"{part} {count:,}" for part, count in log.manifest["rows"].items())
    print(f"{out}: {rows} rows; {log.schema.size:,} ids in {log.schema.width} slots; split {log.manifest['split']}")
    print(SPLITS[log.manifest["split"]].leaks)


def infer_command(file: Path, *, out: Path | None = None) -> None:
    """Guess a schema from a raw file and write it as commented YAML for you to correct.

    Args:
        file: CSV, TSV, Parquet or JSON lines, or a folder of such files.
        out: the YAML file to write; printed by default.
    """
    from clickwise.data.infer import infer_schema
    from clickwise.files import new_file

    text = infer_schema(file)
    if out is None:
        print(text, end="")
        return
    if out.exists():
        raise InputError(f"{out}: exists already; name another --out or remove it")
    with new_file(out) as path:
        path.write_text(text, encoding="utf-8")
    print(f"{out}: read the comments, correct what is wrong, then: clickwise compare {file} --schema {out}")


def train_command(
    source: str,
    method: str,
    *,
    out: Path,
    split: str | None = None,
    schema: Path | None = None,
    data_root: Path | None = None,
    label: str | None = None,
    set: Sequence[str] = (),
    epochs: int = 30,
    patience: int = 2,
    monitor: str = "logloss",
    seed: int = 0,
    device: str = "auto",
    precision: str = "32-true",
    threads: int | None = None,
    split_seed: int = 0,
    cache: Path | None = None,
    compile: bool = False,
    tensorboard: bool = False,
    resume: bool = False,
) -> None:
    """Train one method and write a model folder, which is all that evaluate and predict need.

    Args:
        source: synthetic, movielens-1m, movielens-100k, a raw file or folder (with --schema), or a prepared folder.
        method: lr, fm, ffm, deepfm, mean-logit, global-rate, or your own as package.module:Class.
        out: the model folder to write.
        split: chronological (default), chronological-per-user, random-per-user or leave-users-out.
        schema: YAML schema of a raw file.
        data_root: folder of the official files of a public data set; downloaded to your cache by default.
        label: MovieLens: binary (4 and 5 stars are clicks) or stars (five classes).
        set: option of the method, or of the source as source.OPTION; may be given many times.
        epochs: passes over the training rows at most.
        patience: epochs without a better validation value before stopping.
        monitor: the validation value that is watched: logloss or auc.
        seed: of the initial weights, the order of the rows, and dropout.
        device: auto, cpu or cuda.
        precision: of the arithmetic: 32-true or bf16-mixed.
        threads: processor threads; all by default.
        split_seed: seed of the split.
        cache: folder for prepared logs; your user cache by default.
        compile: compile the parts of the model that hold no table of ids.
        tensorboard: also log to TensorBoard files (needs the extra track).
        resume: go on with an interrupted run of the same options.
    """
    from clickwise.runs import train_one

    options = assignments(set)
    log = _open(source, schema, data_root, split, split_seed, cache, label, options)
    _use_threads(threads)
    progression = train_one(
        log, method, options, out, seed=seed, resume=resume, epochs=epochs, patience=patience, monitor=monitor,
        device=device, precision=precision, compile=compile, tensorboard=tensorboard,
    )  # fmt: skip
    for row in progression.history:
        print("  ".join(f"{name} {value:.6g}" for name, value in row.items()))
    print(f"{out}: written; next: clickwise evaluate {out} FILE, or clickwise predict {out} FILE --out FILE.parquet")


def evaluate_command(
    model: Path,
    file: Path,
    *,
    replicates: int = 1000,
    trust: str = "",
    threads: int | None = None,
    out: Path | None = None,
) -> None:
    """Metrics of a trained model on a labelled raw file, or on the test rows of the prepared folder it was trained on.

    Args:
        model: model folder.
        file: raw file or folder in the columns of the training table, or a prepared folder.
        replicates: bootstrap resamples of the users.
        trust: comma-separated modules of your own that the model may be built from.
        threads: processor threads; all by default.
        out: JSON file to write the metrics to, besides printing them.
    """
    import json

    from rich.console import Console

    from clickwise.comparison import evaluate
    from clickwise.files import new_file
    from clickwise.model_folder import load_model
    from clickwise.report.leaderboard import print_metrics

    _use_threads(threads)
    trained = load_model(model, trust.split(","))
    log = trained.encode(file)
    metrics = evaluate(trained.method, log, replicates)
    if out is not None:
        with new_file(out) as path:
            path.write_text(json.dumps(metrics, indent=1) + "\n", encoding="utf-8")
    print(f"{model} on {len(log):,} rows of {file}")
    print_metrics(metrics, Console())


def predict_command(model: Path, file: Path, *, out: Path, trust: str = "", threads: int | None = None) -> None:
    """Click probabilities for the rows of a raw file, new users and items included; labels are not needed.

    Args:
        model: model folder.
        file: raw file or folder in the columns of the training table.
        out: .parquet or .csv file to write: row, user, time, probability.
        trust: comma-separated modules of your own that the model may be built from.
        threads: processor threads; all by default.
    """
    from clickwise.model_folder import load_model
    from clickwise.prediction import write_predictions

    _use_threads(threads)
    trained = load_model(model, trust.split(","))
    log = trained.encode(file, require_label=False)
    write_predictions(trained.method, log, out)
    print(f"{out}: {len(log):,} rows")


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


# Not named as the library's functions: jsonargparse looks a name up in the package, which would import torch.
COMMANDS: dict[str, Callable[..., None]] = {
    "demo": demo_command,
    "compare": compare_command,
    "prepare": prepare_command,
    "infer": infer_command,
    "train": train_command,
    "evaluate": evaluate_command,
    "predict": predict_command,
    "doctor": doctor_command,
}


def _source_options(options: dict[str, dict[str, Any]], label: str | None) -> dict[str, Any]:
    """Takes the source's own options out of what ``--set`` gave, with ``--label`` among them."""
    own = options.pop(SOURCE, {})
    return own if label is None else {**own, "label": label}


def _refuse_stray(options: dict[str, dict[str, Any]]) -> None:
    if options:
        raise InputError(f"--set {next(iter(options))}.…: only {SOURCE}.OPTION can be set here")


def _open(
    source: str,
    schema: Path | None,
    data_root: Path | None,
    split: str | None,
    split_seed: int,
    cache: Path | None,
    label: str | None,
    options: dict[str, dict[str, Any]],
) -> "PreparedLog":
    from clickwise.data.opening import open_source

    return open_source(source, schema, data_root, split, split_seed, cache, _source_options(options, label))


def _use_threads(threads: int | None) -> None:
    if threads is None:
        return
    if threads < 1:
        raise InputError(f"--threads must be at least 1, not {threads}")
    import torch

    torch.set_num_threads(threads)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command. Returns the exit status: 0, 2 for input that cannot be used, 130 after Ctrl-C."""
    words = sys.argv[1:] if arguments is None else list(arguments)
    try:
        name, values = parse(command_line(COMMANDS, __version__), COMMANDS, words)
        COMMANDS[name](**values)
    except InputError as error:
        print(f"clickwise: error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("clickwise: interrupted; the same command with --resume goes on where it stopped", file=sys.stderr)
        return 130
    return 0
