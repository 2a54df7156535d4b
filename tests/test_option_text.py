"""Options of methods as they are typed, by ``--set`` and ``--space`` alike."""

from typing import Any

import pytest

from clickwise.errors import InputError
from clickwise.option_text import divided, number_of, value_of
from clickwise.options import assignments
from clickwise.tuning_space import Choices, parse_space


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("3", 3), ("-3", -3), ("1e-6", 1e-6), ("1_000", 1000), ("3.0", 3.0), ("0x1F", 31), ("true", True),
        ("null", None), ("adam", "adam"), ("[64, 64]", [64, 64]), ("{a: 1}", {"a": 1}), ("", None),
    ],
)  # fmt: skip
def test_values(text: str, value: Any) -> None:
    found = value_of(text, "here")
    assert found == value and type(found) is type(value)
    if text:
        assert assignments([f"fm.dropout={text}"]) == {"fm": {"dropout": value}}
        assert parse_space([f"fm.batch_size={text}|other"], "fm") == {"batch_size": Choices((value, "other"))}


@pytest.mark.parametrize(
    "text", ["nan", "inf", "-Infinity", "1e400", "9" * 5000, ".nan", ".inf", "[.inf]", "[", "!!set {a}"]
)
def test_values_that_cannot_be(text: str) -> None:
    for read in (lambda: assignments([f"fm.dropout={text}"]), lambda: parse_space([f"fm.batch_size={text}|1"], "fm")):
        with pytest.raises(InputError, match=r"finite|not YAML|no text, number"):
            read()


def test_numbers_keep_their_kind() -> None:
    assert [number_of(text) for text in ("7", "7.0", "7x")] == [7, 7.0, None]
    assert isinstance(number_of("7"), int) and isinstance(number_of("7.0"), float)


def test_the_name_may_have_dots_and_the_value_anything() -> None:
    assert divided("pkg.models:Mine.dim=a.b=c", "--set", "") == ("pkg.models:Mine", "dim", "a.b=c")
    for text in ("dim=3", "fm.=3", ".dim=3", "fm.dim", "="):
        with pytest.raises(InputError, match=r"--set .*: write it so"):
            divided(text, "--set", "write it so")
