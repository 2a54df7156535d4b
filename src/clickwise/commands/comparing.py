"""The main job, on a log of one's own or on the embedded one."""

import shlex
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from clickwise.commands.common import names_sources, open_log, use_threads
from clickwise.folders import COMPARISON
from clickwise.options import assignments

# What adapts to each user runs all models and takes minutes with its defaults: four models, each kind of adaptivity
# around one of them, and these options show what they do within the demo's three.
METHODS = "controls,lr,fm,ffm,deepfm,deepfm~udg,deepfm+autoloss,deepfm+recurrent-meta,selectors"
SHORT = (
    "source.users=1000",
    "source.impressions=80000",
    "deepfm.hidden_dims=[64,64]",
    "deepfm+recurrent-meta.tasks_per_epoch=300",
    "deepfm+recurrent-meta.judged_users=200",
    "metaselector.most_epochs=1",
    "metaselector.users_per_epoch=300",
    "metaselector-shuffled.most_epochs=1",
    "metaselector-shuffled.users_per_epoch=300",
    "metaselector-simplified.most_epochs=2",
    "user-fine-tuning.learning_rate=0.1",
)


def demo_command(*, out: Path = Path("runs/demo"), threads: int | None = None) -> None:
    """Compare four models, and all four kinds of adaptivity made of them, on an embedded log: no data of your own.

    Args:
        out: folder for results.json, predictions.parquet and report.html.
        threads: processor threads; all by default.
    """
    resume = (out / COMPARISON).exists()
    compare_command("synthetic", methods=METHODS, out=out, threads=threads, set=SHORT, resume=resume)


@names_sources
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
    gate: str = "",
    loss: str = "cross_entropy",
    set: Sequence[str] = (),
    epochs: int = 30,
    patience: int = 2,
    monitor: str = "logloss",
    device: str = "auto",
    precision: str = "32-true",
    threads: int | None = None,
    replicates: int = 1000,
    split_seed: int | None = None,
    cache: Path | None = None,
    resume: bool = False,
) -> None:
    """Train methods on one click log and compare them honestly on its test rows.

    Args:
        source: a raw file or folder (--schema), a prepared folder, or one of SOURCES.
        methods: with commas: lr, fm, deepfm, din, ..., controls, selectors, all, or your own as package.module:Class.
        split: chronological (default), chronological-per-user, random-per-user or leave-users-out.
        seeds: number of training seeds.
        out: folder for results; runs/SOURCE by default.
        schema: YAML schema of a raw file.
        data_root: folder of the official files of a public data set; downloaded to your cache by default.
        label: what counts as the label where a source leaves a choice, for example stars in place of binary.
        gate: compare each model with an MLP gated too, comma-separated: udg, udg-shuffled, doubled, lhuc, ..., or all.
        loss: train each model on these losses too, comma-separated: focal, hinge, autoloss, slf, ..., or all.
        set: option of a method, or of the source as source.OPTION; may be given many times.
        epochs: passes over the training rows at most.
        patience: epochs without a better validation value before stopping.
        monitor: the validation value that is watched: logloss or auc.
        device: auto, cpu or cuda.
        precision: of the arithmetic: 32-true or bf16-mixed.
        threads: processor threads; all by default.
        replicates: bootstrap resamples of the users.
        split_seed: seed of the split, 0 by default.
        cache: folder for prepared logs; your user cache by default.
        resume: go on with an interrupted comparison of the same options, or add methods and seeds to one.
    """
    from clickwise.comparison import REPORT
    from clickwise.experiment import run_comparison
    from clickwise.methods.catalogue import with_variants
    from clickwise.methods.names import divided
    from clickwise.runlog import can_show_bars
    from clickwise.runs import Plan

    out = out or Path("runs") / Path(source).stem
    options = assignments(set)
    log = open_log(source, schema, data_root, split, split_seed, cache, label, options)
    use_threads(threads)
    names = with_variants(divided(methods), gate.split(","), loss.split(","), log.schema)
    plan = Plan(names, seeds, options, epochs, patience, monitor, device, precision, replicates)
    comparison = run_comparison(log, plan, out, resume, told=None if can_show_bars() else _tell)
    comparison.print()
    print(f"Written: {out / REPORT} (open it in a browser), and results.json, predictions.parquet and runs/ beside it.")
    _tell_how_to_predict(out, comparison.results)


def _tell(name: str, seed: int, facts: Mapping[str, Any]) -> None:
    """Print a finished run to standard error, for logs of jobs that show no bars."""
    from clickwise.report.wording import decimals, duration

    took, loss = duration(facts["train_seconds"]), decimals(facts["valid_logloss"])
    print(f"{name}, seed {seed}: {took}, validation log loss {loss}", file=sys.stderr, flush=True)


def _tell_how_to_predict(out: Path, results: Mapping[str, Any]) -> None:
    """Print the command that predicts with the method of the highest AUC that is no control, where there is one."""
    from clickwise.experiment import run_folder
    from clickwise.finished_run import MODEL, own_modules
    from clickwise.methods.catalogue import entry
    from clickwise.metrics.summary import ORACLE
    from clickwise.report.reading import is_competitor, ranked, title

    order = [name for name in ranked(results) if name != ORACLE]
    best = next((name for name in order if is_competitor(results, name)), order[0])
    folder = run_folder(out, best, 0) / MODEL
    if folder.is_dir():
        own = own_modules(results["methods"] if entry(best).made_of_models else [best])
        trust = f" --trust {','.join(own)}" if own else ""
        words = f"clickwise predict {shlex.quote(str(folder))} FILE --out FILE.parquet{trust}"
        print(f"Predict with the best, {title(results, best)}: {words}")
