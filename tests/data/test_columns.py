"""Columns as typed values: times in every form, bags and sequences, labels."""

import datetime as dt
import re

import numpy as np
import polars as pl
import pytest

from clickwise.data.columns import has_value, read_label, read_user, read_values, resolve
from clickwise.data.times import DAY, UNITS, read_time, span
from clickwise.errors import InputError
from clickwise.schema import Field, Schema

SECONDS = 1_706_745_599  # 2024-01-31 23:59:59 UTC, a Wednesday


@pytest.mark.parametrize(
    "values",
    [
        [SECONDS],
        [SECONDS * 10**3 + 250],
        [SECONDS * 10**6],
        [SECONDS * 10**9],
        [float(SECONDS) + 0.9],
        [str(SECONDS)],
        ["2024-01-31 23:59:59"],
        ["2024-01-31T23:59:59Z"],
        ["2024-01-31T23:59:59.750"],
        ["2024-02-01T02:59:59+03:00"],
        [dt.datetime(2024, 1, 31, 23, 59, 59)],
        [dt.datetime(2024, 1, 31, 23, 59, 59, tzinfo=dt.UTC)],
    ],
)
def test_times_of_every_form_are_unix_seconds(values: list[object]) -> None:
    seconds, missing = read_time(pl.Series("t", values), "table")
    assert seconds.tolist() == [SECONDS]
    assert not missing.any()


def test_dates_and_mixed_iso_text() -> None:
    expected = SECONDS - 86_399
    assert read_time(pl.Series("t", [dt.date(2024, 1, 31)]), "table")[0].tolist() == [expected]
    mixed = pl.Series("t", ["2024-01-31", "2024-01-31 00:01", "2024-01-31T00:00:02"])
    assert read_time(mixed, "table")[0].tolist() == [expected, expected + 60, expected + 2]


def test_times_before_1970_round_down() -> None:
    assert read_time(pl.Series("t", [dt.datetime(1969, 12, 31, 23, 59, 59, 500_000)]), "table")[0].tolist() == [-1]


@pytest.mark.parametrize("text", [False, True])
@pytest.mark.parametrize(("small", "large"), [("seconds", "milliseconds"), ("milliseconds", "nanoseconds")])
def test_a_time_column_of_two_units_is_refused(small: str, large: str, text: bool) -> None:
    units = {unit: factor for factor, unit in UNITS.items()}
    mixed = pl.Series("t", [SECONDS * units[large], SECONDS * units[small], None, SECONDS * units[large] + 1])
    message = (
        rf"table: time column 't' mixes units: data row 2 is {SECONDS * units[small]}, by its size {small}, .*{large}"
    )
    with pytest.raises(InputError, match=message):
        read_time(mixed.cast(pl.String) if text else mixed, "table")


def test_times_that_count_up_from_1970_are_of_one_unit() -> None:
    days = np.arange(0, 20_000)
    assert read_time(pl.Series("t", days * DAY * 1000), "table")[0].tolist() == (days * DAY).tolist()
    born = pl.Series("t", [SECONDS * 1000, 20 * DAY * 1000])  # in January 1970
    assert read_time(born, "table", required=False)[0].tolist() == [SECONDS, 20 * DAY]


def test_the_span_of_times() -> None:
    parts = [np.array([SECONDS, SECONDS - DAY]), np.array([SECONDS + 1])]
    assert span(parts) == "2024-01-30 23:59:59 to 2024-02-01 00:00:00 UTC"


@pytest.mark.parametrize(
    ("transform", "expected"), [("hour", [23, 0]), ("weekday", [2, 5]), ("weekend", [0, 1]), ("season", [0, 2])]
)
def test_parts_of_a_time(transform: str, expected: list[int]) -> None:
    field = Field("part", transform=transform)
    values = pl.Series("t", ["2024-01-31 23:59:59", "2024-06-01 00:30:00", None])
    assert read_values(values, field, "table").flat.to_list() == [*expected, None]


@pytest.mark.parametrize(
    "column",
    [
        ["a|b|c", "", None, "|c|", "b"],
        [["a", "b", "c"], [], None, [None, "c", ""], ["b"]],
    ],
)
def test_bags_keep_the_first_values_and_sequences_the_last(column: list[object]) -> None:
    values = pl.Series("x", column)
    bag = read_values(values, Field("x", kind="bag", length=2, separator="|"), "table")
    assert bag.flat.to_list() == ["a", "b", None, None, "c", "b"]
    assert bag.lengths is not None
    assert bag.lengths.tolist() == [2, 1, 1, 1, 1]
    sequence = read_values(values, Field("x", kind="sequence", length=2, separator="|"), "table")
    assert sequence.flat.to_list() == ["b", "c", "c", "b"]
    assert sequence.lengths is not None
    assert sequence.lengths.tolist() == [2, 0, 0, 1, 1]
    assert sequence.take(np.array([4, 0])).flat.to_list() == ["b", "b", "c"]


def test_lists_and_single_numbers_need_no_separator() -> None:
    numbers = read_values(pl.Series("x", [[3, 4], [5]]), Field("x", kind="bag", length=3), "table")
    assert numbers.flat.to_list() == [3, 4, 5]
    for single in ([3, None], [None, None]):
        found = read_values(pl.Series("x", single), Field("x", kind="bag", length=3), "table")
        assert found.flat.to_list() == [None if value is None else str(value) for value in single]


@pytest.mark.parametrize("dtype", [pl.String, pl.Categorical])
def test_text_without_a_separator_is_not_one_value(dtype: pl.DataType) -> None:
    values = pl.Series("x", [None, "a|b"], dtype=dtype)
    message = "table: column 'x' of bag field 'x' holds text such as 'a|b'; name the 'separator' of its values"
    with pytest.raises(InputError, match=re.escape(message)):
        read_values(values, Field("x", kind="bag", length=3), "table")
    assert read_values(values, Field("x"), "table").flat.to_list() == [None, "a|b"]


def test_labels() -> None:
    for values in ([0, 1], [False, True], [0.0, 1.0], ["0", "1"], ["false", "True"]):
        assert read_label(pl.Series("y", values), 2, "table").tolist() == [0, 1]
    assert read_label(pl.Series("y", [0, 4]), 5, "table").tolist() == [0, 4]
    for bad in (float("nan"), -1, 2, 0.5):
        with pytest.raises(InputError, match="data row 2"):
            read_label(pl.Series("y", [0.0, bad]), 2, "table")


def test_labels_that_are_not_wanted_are_not_read() -> None:
    empty = {"text": ["1", "", None], "numbers": [1.0, float("nan"), None], "whole": [1, None, None]}
    for values in empty.values():
        column = pl.Series("y", values)
        assert has_value(column).tolist() == [True, False, False]
        assert read_label(column, 2, "table", has_value(column)).tolist() == [1, 0, 0]
    nothing = pl.Series("y", [None, None])
    assert read_label(nothing, 2, "table", has_value(nothing)).tolist() == [0, 0]
    with pytest.raises(InputError, match="data row 3: 'yes' is not 0 or 1"):
        read_label(pl.Series("y", ["1", "", "yes"]), 2, "table", np.array([True, False, True]))


def test_each_row_without_user_is_a_user_of_its_own_where_none_is_required() -> None:
    for values in (["b", None, "a", "", "b"], [10**15, None, 7, None, 10**15]):
        codes, users = read_user(pl.Series("u", values), "table", required=False)
        assert codes.tolist() == [0, 1, 2, 3, 0]
        assert users.to_list() == [values[0], None, values[2], None]
        with pytest.raises(InputError, match="data row 2: the user is missing; leave such rows out, or give each an"):
            read_user(pl.Series("u", values), "table")
    codes, users = read_user(pl.Series("u", [None, None]), "table", required=False)
    assert (codes.tolist(), users.to_list()) == ([0, 1], [None, None])


def test_users_are_numbered_by_first_appearance() -> None:
    codes, users = read_user(pl.Series("u", ["b", "a", "b", "c", "a"]), "table")
    assert codes.tolist() == [0, 1, 0, 2, 1]
    assert users.to_list() == ["b", "a", "c"]
    codes, users = read_user(pl.Series("u", [10**15, 7, 10**15]), "table")
    assert codes.tolist() == [0, 1, 0]
    assert users.to_list() == [10**15, 7]


def test_time_transforms_read_the_time_column_unless_they_name_their_own() -> None:
    schema = Schema((Field("hour", transform="hour"), Field("born", transform="season")), time="when")
    resolved = resolve(schema, ("when", "born", "label"), "table")
    assert resolved["hour"].column == "when"
    assert resolved["born"].column == "born"
    with pytest.raises(InputError, match="no column 'hour'"):
        resolve(Schema((Field("hour", transform="hour"),)), ("label",), "table")
