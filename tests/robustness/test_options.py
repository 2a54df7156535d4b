"""Whatever is typed as an option or stands in its YAML file: it is taken, or refused in one line."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from clickwise.cli import COMMANDS, main
from clickwise.errors import InputError
from clickwise.methods.building import build, options_of
from clickwise.methods.method import Method
from clickwise.options import assignments, command_line, parse
from clickwise.version import __version__
from tests.logs import mixed_schema
from tests.robustness.judged import answer, plain_values, texts, tries

PARSER = command_line(COMMANDS, __version__)
WORDS = (
    *COMMANDS,
    *("synthetic", "lr", "--out", "--out=x", "--epochs", "--epochs=3", "--epochs=1e3", "--epochs=", "--resume"),
    *("--set", "lr.dropout=0.1", "--set=", "--threads", "None", "null", "[1", "{a: 1}", "--seed=-1", "--config"),
    *("--resume=yes", "--out=[1, 2]", "--split={}", "--", "-", "---", "--=", "-x", "--1", "--e", "--patience=true"),
    *("--compare", "--subcommand", "--set.x=1", "--source", "--method", "--print_config=x", "--cache=\t"),
)


def parsed(words: Sequence[str]) -> tuple[str, dict[str, Any]] | None:
    """What the parser makes of the words; asking for help or the version ends the command and is no mistake."""
    try:
        return parse(PARSER, COMMANDS, words)
    except SystemExit as ended:
        assert ended.code == 0
        return None


@tries(150)
@given(words=st.lists(st.sampled_from(WORDS) | texts(), max_size=6))
def test_any_words(words: list[str]) -> None:
    found = answer(lambda: parsed(words))
    assert found is None or isinstance(found, InputError) or found[0] in COMMANDS


TRAIN = ("train", "synthetic", "lr", "--out", "model")
CONFIG_KEYS = (
    "epochs",
    "out",
    "set",
    "resume",
    "schema",
    "source",
    "config",
    "train",
    "subcommand",
    "patiense",
    "threads",
)


@tries(80)
@given(document=st.dictionaries(st.sampled_from(CONFIG_KEYS) | texts(), plain_values(), max_size=3) | plain_values())
def test_any_configuration(tmp_path_factory: pytest.TempPathFactory, document: object) -> None:
    path = tmp_path_factory.getbasetemp() / "run.yaml"
    path.write_text(yaml.safe_dump(document, allow_unicode=True), encoding="utf-8", errors="surrogatepass")
    found = answer(lambda: parsed([*TRAIN, "--config", str(path)]))
    assert found is not None
    if not isinstance(found, InputError):
        name, values = found
        assert name == "train" and isinstance(values["out"], Path) and isinstance(values["epochs"], int)
        assert isinstance(values["resume"], bool) and all(isinstance(text, str) for text in values["set"])


CONTENTS = [b"", b"\xff\xfe\x00", b"epochs: [", b"epochs: 2024-13-45", b"epochs: !!int x", b"&a [*a]", b"epochs: 3: 4"]


@pytest.mark.parametrize(
    "content", [*CONTENTS, b"[" * 3000, b"epochs: &a [*a]", b"epochs: " + b"1" * 5000, b"? [a]\n: b"]
)
def test_files_that_are_no_configuration(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "run.yaml").write_bytes(content)
    answer(lambda: parsed([*TRAIN, "--config", str(tmp_path / "run.yaml")]))


PIECES = (
    "lr.",
    "fm.x=",
    "=",
    ".",
    "[1, 2]",
    "&a [*a]",
    "2024-13-45",
    "2024-01-02",
    "!!set {a}",
    "!!binary aGk=",
    "nan",
)
MORE_PIECES = ("1" * 5000, "1e400", "[" * 2000, "{", "!!python/name:os.system", "1_0", "0x1F", "\0", "*a", "<<: 3")


@tries(150)
@given(
    typed=st.lists(st.lists(st.sampled_from((*PIECES, *MORE_PIECES)) | texts(), max_size=4).map("".join), max_size=3)
)
def test_any_assignments(typed: list[str]) -> None:
    found = answer(lambda: assignments(typed))
    if not isinstance(found, InputError):
        assert all(name and option for name, options in found.items() for option in options)
        json.dumps(found)


OPTIONS = (
    "embedding_dim",
    "learning_rate",
    "batch_size",
    "optimizer",
    "dropout",
    "hidden_dims",
    "loss",
    "weight_decay",
)


@tries(60)
@given(options=st.dictionaries(st.sampled_from(OPTIONS) | texts(), plain_values(), min_size=1, max_size=2))
@pytest.mark.parametrize("name", ["fm", "deepfm", "global-rate"])
def test_any_values_of_options(name: str, options: dict[str, Any]) -> None:
    found = answer(lambda: build(name, mixed_schema(), options_of(name, {name: options}), []))
    assert isinstance(found, InputError | Method)


@pytest.mark.parametrize("long", ["x" * 300, "x/" * 3000, "x" * 300 + ".csv"])
@pytest.mark.parametrize("command", ["prepare", "compare", "train"])
def test_sources_with_names_too_long_for_the_disk(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], command: str, long: str
) -> None:
    words = [command, long, *(["lr"] if command == "train" else []), "--out", str(tmp_path / "out")]
    assert main(words) == 2
    assert "no such file, folder or named source" in capsys.readouterr().err
