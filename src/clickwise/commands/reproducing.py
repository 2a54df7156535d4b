"""Tables and figures of the papers that the methods come from, made anew."""

from collections.abc import Sequence
from pathlib import Path

from clickwise.commands.common import names_sources, source_options, use_threads
from clickwise.options import assignments

OF_ARTEFACTS = ("target", "sweep", "traffic", "newcomers", "sessions")
"""What --set gives for an artefact: the log that controllers are transferred to, what is swept over, how many requests
a simulated test has, who counts as a new user, and how sessions of cold users and items are divided."""


@names_sources
def reproduce_command(
    paper: str,
    artefact: str,
    *,
    setting: str = "",
    version: str = "paper",
    trials: int = 0,
    models: str = "",
    source: str = "",
    seeds: int = 3,
    data_root: Path | None = None,
    out: Path | None = None,
    set: Sequence[str] = (),
    epochs: int = 30,
    patience: int = 2,
    device: str = "auto",
    threads: int | None = None,
    replicates: int = 1000,
    split_seed: int = 0,
    cache: Path | None = None,
    resume: bool = False,
) -> None:
    """Make a table or figure of a paper anew, published numbers beside ours.

    Args:
        paper: metaselector, autoloss, udg or recurrent-meta; or combinations, of all four.
        artefact: table1, ..., figure2, ...; metaselector: cold-start; autoloss: controller; combinations: table.
        setting: published (default; the paper's own split) or honest (chronological, which leaks nothing).
        version: paper (its hyper-parameters) or tuned (the defaults of compare).
        trials: autoloss, version tuned: trainings that tune each row on validation rows; 0 for none.
        models: autoloss, udg, recurrent-meta: comma-separated models of the tables; by default those of the paper.
        source: movielens-1m by default; one of SOURCES.
        seeds: number of training seeds.
        data_root: folder of the official files of a public data set; downloaded to your cache by default.
        out: folder of the artefact and its runs; by default one below runs/PAPER, named after what was asked for.
        set: option of a method, of the source as source.OPTION, or of the artefact; may be given many times.
        epochs: passes over the training rows at most.
        patience: epochs without a better validation value before stopping.
        device: auto, cpu or cuda.
        threads: processor threads; all by default.
        replicates: bootstrap resamples of the users.
        split_seed: seed of the split.
        cache: folder for prepared logs; your user cache by default.
        resume: go on with interrupted runs of the same options, or add models and seeds to finished ones.
    """
    from clickwise.methods.names import divided
    from clickwise.reproduce import reproduce
    from clickwise.reproduce.job import Job

    options = assignments(set)
    of_source = source_options(options, None)
    own = {name: options.pop(name) for name in OF_ARTEFACTS if name in options}
    use_threads(threads)
    folder = out or Path("runs") / paper / "-".join(part for part in (source, setting or "published", version) if part)
    job = Job(
        paper, artefact, folder, source, setting, version, seeds, epochs, patience, device, replicates, data_root,
        of_source, options, split_seed, cache, resume, trials, tuple(name for name in divided(models) if name), own,
    )  # fmt: skip
    files = reproduce(job)
    print(next(path for path in files if path.suffix == ".md").read_text(encoding="utf-8"))
    print("Written:", ", ".join(str(path) for path in files))
