"""Options of a method, tuned on validation rows."""

from collections.abc import Sequence
from pathlib import Path

from clickwise.commands.common import names_sources, open_log, use_threads
from clickwise.options import assignments


@names_sources
def tune_command(
    source: str,
    method: str,
    *,
    out: Path | None = None,
    trials: int = 20,
    space: Sequence[str] = (),
    split: str | None = None,
    schema: Path | None = None,
    data_root: Path | None = None,
    label: str | None = None,
    loss: str = "cross_entropy",
    set: Sequence[str] = (),
    epochs: int = 30,
    patience: int = 2,
    monitor: str = "logloss",
    pruner: str = "hyperband",
    seed: int = 0,
    device: str = "auto",
    precision: str = "32-true",
    threads: int | None = None,
    split_seed: int | None = None,
    cache: Path | None = None,
    resume: bool = False,
) -> None:
    """Find the options of a method that are best on validation rows, within a budget; test rows are never read.

    Args:
        source: a raw file or folder (--schema), a prepared folder, or one of SOURCES.
        method: lr, fm, deepfm, ..., one with a training as deepfm+autoloss, or your own as package.module:Class.
        out: folder for trials.json and tuned.yaml; runs/tune-SOURCE-METHOD by default.
        trials: trainings; the first one is the method as it is.
        space: what may change, as NAME.OPTION=LOW..HIGH[,log] or =A|B|C; by default rate, weight decay and dropout.
        split: chronological (default), chronological-per-user, random-per-user or leave-users-out.
        schema: YAML schema of a raw file.
        data_root: folder of the official files of a public data set; downloaded to your cache by default.
        label: what counts as the label where a source leaves a choice, for example stars in place of binary.
        loss: what the model is trained on: cross_entropy, another loss, or autoloss.
        set: option of the method that stays fixed, or of the source as source.OPTION; may be given many times.
        epochs: passes over the training rows at most, of each trial.
        patience: epochs without a better validation value before a trial stops.
        monitor: the validation value that is tuned for: logloss or auc.
        pruner: what stops trials that fall behind: hyperband, median or none.
        seed: of every trial, and of what is proposed.
        device: auto, cpu or cuda.
        precision: of the arithmetic: 32-true or bf16-mixed.
        threads: processor threads; all by default.
        split_seed: seed of the split, 0 by default.
        cache: folder for prepared logs; your user cache by default.
        resume: go on with an interrupted tuning of the same options, or with more trials.
    """
    from clickwise.tuning import TRIALS, TUNED, tune
    from clickwise.tuning_space import parse_space
    from clickwise.tuning_trials import Budget, Trial

    options = assignments(set)
    log = open_log(source, schema, data_root, split, split_seed, cache, label, options)
    use_threads(threads)
    name = method if loss == "cross_entropy" else f"{method}+{loss}"
    budget = Budget(trials, epochs, patience, monitor, pruner, seed, device, precision)
    folder = out or Path("runs") / f"tune-{Path(source).stem}-{name.replace(':', '.')}"

    def tell(trial: Trial) -> None:
        value = f"{trial.values[-1]:.5f} after {len(trial.values)}" if trial.values else "-"
        changed = ", ".join(f"{key}={_short(what)}" for key, what in trial.options.items()) or "as it is"
        print(f"{trial.number:>4}  {monitor} {value}  {trial.state}  {changed}")

    found = tune(log, name, folder, parse_space(space, name) or None, options, budget, resume, told=tell)
    words = " ".join(f"--set {name}.{key}={_short(value)}" for key, value in found.best.options.items())
    print(f"Best: trial {found.best.number}, {words or 'the method as it is'}")
    print(f"Written: {folder / TRIALS}, and {folder / TUNED} for --config of train and compare.")


def _short(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value).replace(" ", "")
