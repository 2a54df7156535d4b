"""Numbers as people read them."""

import pytest

from clickwise.report import wording


def test_missing_values_are_dashes() -> None:
    for write in (wording.decimals, wording.signed, wording.percent, wording.count, wording.duration, wording.memory):
        assert write(None) == "-"
    assert wording.interval({"low": None, "high": None}) == ""
    assert wording.p_value(None) == "not tested"


@pytest.mark.parametrize(
    ("p", "stars"), [(None, ""), (0.05, ""), (0.0499, "*"), (0.01, "*"), (0.0099, "**"), (0.00099, "***")]
)
def test_stars_begin_strictly_below_the_limits(p: float | None, stars: str) -> None:
    assert wording.stars(p) == stars


def test_units() -> None:
    assert wording.duration(12.34) == "12.3 s"
    assert wording.duration(600) == "10.0 min"
    assert wording.duration(3 * 3600) == "3.0 h"
    assert wording.memory(512 * 2**20) == "512 MiB"
    assert wording.memory(3 * 2**29) == "1.5 GiB"
    assert wording.percent(0.1234) == "12.3 %"
    assert wording.p_value(0.0002) == "p < 0.001"
    assert wording.p_value(0.0123) == "p = 0.012"


def test_buckets_of_earlier_interactions() -> None:
    buckets: list[dict[str, int | None]] = [{"from": 0, "to": 0}, {"from": 3, "to": 5}, {"from": 101, "to": None}]
    assert [wording.earlier_range(bucket) for bucket in buckets] == ["0", "3-5", "101+"]
