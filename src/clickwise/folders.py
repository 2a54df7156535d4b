"""The kinds of folder that clickwise writes, each told by a file in it, and what to do with one that stands amiss."""

from pathlib import Path

from clickwise.errors import InputError

PREPARED, MODEL, COMPARISON = "manifest.json", "model.json", "plan.json"


def refuse_as_table(path: Path) -> None:
    """Raise ``InputError`` where raw rows are wanted and ``path`` is a folder of clickwise's own."""
    if (path / PREPARED).is_file():
        advice = f"`clickwise compare {path}` and `clickwise train {path} METHOD` take it as it is"
        raise InputError(f"{path}: a prepared log, not a raw table; {advice}")
    if (path / MODEL).is_file():
        advice = f"`clickwise predict {path} FILE --out OUT` scores the rows of one"
        raise InputError(f"{path}: a model folder, not a log; {advice}")
    if (path / COMPARISON).is_file():
        raise InputError(f"{path}: a comparison, not a log; {_its_models(path)}")


def refuse_as_model(path: Path) -> None:
    """Raise ``InputError`` where a model folder is wanted and ``path`` is none."""
    if (path / MODEL).is_file():
        return
    if (path / PREPARED).is_file():
        advice = f"`clickwise train {path} METHOD --out MODEL` trains a model on it"
        raise InputError(f"{path}: a prepared log, not a model folder; {advice}")
    if (path / COMPARISON).is_file():
        raise InputError(f"{path}: a comparison, not a model folder; {_its_models(path)}")
    raise InputError(f"{path}: not a model folder: {MODEL} is missing")


def _its_models(path: Path) -> str:
    return f"its models are {path / 'runs' / 'METHOD@SEED' / 'model'}"
