"""What the tests of this folder share: how much is tried, and what counts as a good answer."""

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from clickwise.errors import InputError

Answer = TypeVar("Answer")

ODD_TEXTS = ("", " ", "😀", "年龄", "a/b", "..", "%41", "it's", 'a"b', "a\nb", "x\0y", "-", "~", "x" * 300, "😀" * 40)


def tries(examples: int) -> settings:
    """The same examples on every machine and at every time."""
    slow = [HealthCheck.too_slow, HealthCheck.function_scoped_fixture, HealthCheck.data_too_large]
    return settings(max_examples=examples, deadline=None, derandomize=True, database=None, suppress_health_check=slow)


def answer(action: Callable[[], Answer]) -> Answer | InputError:
    """What ``action`` returns, or the error that it refuses its input with, which is of one line."""
    try:
        return action()
    except InputError as error:
        assert str(error).strip() and len(str(error).splitlines()) == 1, repr(str(error))
        return error


def texts() -> st.SearchStrategy[str]:
    return st.sampled_from(ODD_TEXTS) | st.text(max_size=8)


def plain_values() -> st.SearchStrategy[object]:
    """What YAML and JSON can hold."""
    numbers = st.integers(-3, 70) | st.sampled_from([2**62, -(2**70)]) | st.floats()
    return st.recursive(
        st.none() | st.booleans() | numbers | texts(),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts(), inner, max_size=3),
        max_leaves=4,
    )


def listing(folder: Path) -> list[str]:
    """Every file and folder below ``folder``, hidden ones too."""
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))
