"""Options that cannot be used: one line that names the option and the nearest known one, status 2."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.commands import listing, refused


@pytest.fixture(autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The user's cache, away from the real one; a refused command leaves nothing in it."""
    folder = tmp_path_factory.mktemp("cache")
    monkeypatch.setenv("XDG_CACHE_HOME", str(folder))
    yield folder


OPTIONS: list[tuple[tuple[object, ...], list[str]]] = [
    (("compare", "synthetic", "--epoch", 3), ["--epoch", "did you mean '--epochs'?"]),
    (("compare", "synthetic", "--data-rot=x"), ["--data-rot", "did you mean '--data-root'?"]),
    (("compare", "synthetic", "--epochs", "many"), ["epochs", "many"]),
    (("compare", "synthetic", "--split", "random"), ["split", "random", "random-per-user"]),
    (("compare", "synthetic", "--methods", "deepf"), ["'deepf'", "did you mean 'deepfm'?"]),
    (("compare", "synthetic", "--methods", ""), ["methods"]),
    (("compare", "synthetic", "--methods", "stacking"), ["'stacking'", "two models"]),
    (("compare", "synthetic", "--methods", "nowhere:Net"), ["'nowhere:Net'", "imported"]),
    (
        ("compare", "synthetic", "--methods", "lr", "--set", "lr.learnin_rate=1"),
        ["lr", "did you mean 'learning_rate'?"],
    ),
    (("compare", "synthetic", "--methods", "lr", "--set", "fm.embedding_dim=4"), ["'fm'", "lr"]),
    (("compare", "synthetic", "--methods", "fm", "--set", "fm.embedding_dim=four"), ["fm", "embedding_dim", "four"]),
    (("compare", "synthetic", "--methods", "fm", "--set", "fm.embedding_dim=-1"), ["fm", "embedding_dim", "-1"]),
    (("compare", "synthetic", "--methods", "fm", "--set", "fm.learning_rate=fast"), ["fm", "learning_rate", "fast"]),
    (("compare", "synthetic", "--methods", "fm", "--set", "fm.batch_size=0"), ["batch_size"]),
    (("compare", "synthetic", "--set", "source.impresions=10"), ["'impresions'", "did you mean 'impressions'?"]),
    (("compare", "synthetic", "--set", "source.impressions=ten"), ["impressions", "'ten'"]),
    (("compare", "synthetic", "--set", "impressions"), ["--set", "NAME.OPTION=VALUE"]),
    (("compare", "synthetic", "--seeds", 0), ["seeds", "at least 1"]),
    (("compare", "synthetic", "--epochs", 0), ["epochs", "at least 1"]),
    (("compare", "synthetic", "--replicates", 1), ["replicates", "at least 100"]),
    (("compare", "synthetic", "--threads", 0), ["--threads", "at least 1"]),
    (("compare", "synthetic", "--device", "tpux"), ["device", "tpux"]),
    (("compare", "synthetic", "--schema", "x.yaml"), ["--schema", "synthetic"]),
    (("compare", "movielens-1m", "--data-root", "nowhere"), ["nowhere", "no such folder"]),
    (("compare", "movielens-1m", "--label", "star"), ["label", "star"]),
    (("compare",), ["SOURCE"]),
    (("train", "synthetic"), ["METHOD"]),
    (("train", "synthetic", "stacking"), ["stacking", "compare"]),
    (("train", "synthetic", "controls"), ["'controls' is a group", "one is wanted", "'global-rate'"]),
    (("train", "synthetic", "DeepFM"), ["'DeepFM'", "did you mean 'deepfm'?"]),
    (("prepare", "synthetic", "--set", "lr.learning_rate=1"), ["lr", "source.OPTION"]),
    (("compair", "synthetic"), ["'compair'", "did you mean 'compare'?"]),
    ((), ["compare", "prepare"]),
]


@pytest.mark.parametrize(("words", "named"), OPTIONS, ids=lambda value: " ".join(map(str, value)))
def test_bad_options(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    words: tuple[object, ...],
    named: list[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    small = ("--set", "source.impressions=600", "--set", "source.users=20", "--set", "source.items=10")
    sized = (
        words[1:2] == ("synthetic",)
        and not any("source." in str(word) for word in words)
        and "impressions" not in words
    )
    out = ("--out", "out") if words[:1] in (("compare",), ("train",), ("prepare",)) else ()
    line = refused(capsys, *words, *out, *(small if sized else ()))
    assert [word for word in named if word not in line] == []
    assert listing(tmp_path) == set()


def test_a_configuration_file_with_an_unknown_key(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = tmp_path / "run.yaml"
    config.write_text("epochs: 1\npatiense: 3\n")
    line = refused(capsys, "compare", "synthetic", "--config", config, "--out", tmp_path / "out")
    assert "patiense" in line
    assert "did you mean '--patience'?" in line
