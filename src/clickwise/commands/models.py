"""One model: train it, evaluate it, predict with it."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from clickwise.commands.common import names_sources, open_log, refuse_existing, use_threads
from clickwise.options import assignments

if TYPE_CHECKING:
    from clickwise.data.log import ClickLog


@names_sources
def train_command(
    source: str,
    method: str,
    *,
    out: Path,
    split: str | None = None,
    schema: Path | None = None,
    data_root: Path | None = None,
    label: str | None = None,
    loss: str = "cross_entropy",
    set: Sequence[str] = (),
    epochs: int = 30,
    patience: int = 2,
    monitor: str = "logloss",
    seed: int = 0,
    device: str = "auto",
    precision: str = "32-true",
    threads: int | None = None,
    split_seed: int | None = None,
    cache: Path | None = None,
    compile: bool = False,
    tensorboard: bool = False,
    resume: bool = False,
) -> None:
    """Train one method and write a model folder, which is all that evaluate and predict need.

    Args:
        source: a raw file or folder (--schema), a prepared folder, or one of SOURCES.
        method: lr, fm, deepfm, din, deepfm~udg, ..., mean-logit, global-rate, or your own as package.module:Class.
        out: the model folder to write.
        split: chronological (default), chronological-per-user, random-per-user or leave-users-out.
        schema: YAML schema of a raw file.
        data_root: folder of the official files of a public data set; downloaded to your cache by default.
        label: what counts as the label where a source leaves a choice, for example stars in place of binary.
        loss: what the model is trained on: cross_entropy, another loss, or autoloss.
        set: option of the method, or of the source as source.OPTION; may be given many times.
        epochs: passes over the training rows at most.
        patience: epochs without a better validation value before stopping.
        monitor: the validation value that is watched: logloss or auc.
        seed: of the initial weights, the order of the rows, and dropout.
        device: auto, cpu or cuda.
        precision: of the arithmetic: 32-true or bf16-mixed.
        threads: processor threads; all by default.
        split_seed: seed of the split, 0 by default.
        cache: folder for prepared logs; your user cache by default.
        compile: compile the parts of the model that hold no table of ids.
        tensorboard: also log to TensorBoard files (needs the extra track).
        resume: go on with an interrupted run of the same options.
    """
    from clickwise.runs import train_one

    options = assignments(set)
    log = open_log(source, schema, data_root, split, split_seed, cache, label, options)
    use_threads(threads)
    trained = method if loss == "cross_entropy" else f"{method}+{loss}"
    progression = train_one(
        log, trained, options, out, seed=seed, resume=resume, epochs=epochs, patience=patience, monitor=monitor,
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
        out: new JSON file to write the metrics to, besides printing them.
    """
    from rich.console import Console

    from clickwise.comparison import evaluate
    from clickwise.files import write_json
    from clickwise.model_folder import load_model
    from clickwise.report.leaderboard import print_metrics

    if out is not None:
        refuse_existing(out)
    use_threads(threads)
    trained = load_model(model, trust.split(","))
    log = trained.encode(file)
    metrics = evaluate(trained.method, log, replicates)
    if out is not None:
        write_json(out, metrics)
    print(f"{model} on {len(log):,} rows of {file}")
    _tell_unknown(log)
    print_metrics(metrics, Console())


def predict_command(model: Path, file: Path, *, out: Path, trust: str = "", threads: int | None = None) -> None:
    """Click probabilities for the rows of a raw file, new users and items included; labels are not needed.

    Args:
        model: model folder.
        file: raw file or folder in the columns of the training table.
        out: new .parquet or .csv file to write: row, user, time, probability.
        trust: comma-separated modules of your own that the model may be built from.
        threads: processor threads; all by default.
    """
    from clickwise.model_folder import load_model
    from clickwise.prediction import write_predictions

    refuse_existing(out)
    use_threads(threads)
    trained = load_model(model, trust.split(","))
    log = trained.encode(file, require_label=False)
    write_predictions(trained.method, log, out)
    print(f"{out}: {len(log):,} rows")
    _tell_unknown(log)


def _tell_unknown(log: "ClickLog") -> None:
    """Print which ids are unknown: a column written in another form (``5018.0``, ``007``) has no other sign."""
    from clickwise.prediction import unknown_ids

    told = [f"{name} in {rows:,}" for name, rows in sorted(unknown_ids(log).items(), key=lambda of: -of[1])]
    if told:
        print(f"unknown to the model: {', '.join([f'{told[0]} of {len(log):,} rows', *told[1:]])}")
