"""Alimama: files that are absent, of another layout or of other data sets, bad lines, and interrupted writing."""

from pathlib import Path
from typing import Any

import polars as pl
import pytest

from clickwise.data.sources import alimama_behaviours, load_source
from clickwise.errors import InputError
from tests.data.sources.alimama_log import HEADERS, START, behaviour, official, sample, tiny, write


@pytest.mark.parametrize("name", list(HEADERS))
def test_a_missing_file_is_named_with_what_to_download(name: str, tmp_path: Path) -> None:
    root = tiny(tmp_path / "data")
    (root / f"{name}.csv").unlink()
    with pytest.raises(
        InputError, match=rf"data: holds no {name}.csv; download {name}.csv.tar.gz from https://tianchi"
    ):
        load_source("alimama", root, unpacked=str(tmp_path / "cache"))
    assert not (tmp_path / "cache").exists()


def test_a_folder_is_needed(tmp_path: Path) -> None:
    with pytest.raises(
        InputError, match=r"name the folder of its file \(--data-root\); download ad_feature.csv.tar.gz"
    ):
        load_source("alimama")
    with pytest.raises(InputError, match=r"raw_sample.csv: is a file; name the folder that holds raw_sample.csv"):
        load_source("alimama", tiny(tmp_path) / "raw_sample.csv")


@pytest.mark.parametrize("name", list(HEADERS))
def test_another_header_and_no_rows(name: str, tmp_path: Path) -> None:
    root = tiny(tmp_path / "data")
    write(root, name, "1,2,3,4,5,6", header="item,price")
    with pytest.raises(InputError, match=rf"{name}.csv: line 1 is 'item,price'; it must name these columns: "):
        load_source("alimama", root, unpacked=str(tmp_path / "cache"))
    (root / f"{name}.csv").write_text(HEADERS[name] + "\n")
    with pytest.raises(InputError, match=rf"{name}.csv: the file has no rows of data"):
        load_source("alimama", root, unpacked=str(tmp_path / "cache"))


def test_the_space_in_the_official_header_may_be_gone(tmp_path: Path) -> None:
    root = tiny(tmp_path / "data")
    expected, _ = load_source("alimama", root, unpacked=str(tmp_path / "cache"))
    write(root, "user_profile", "1,0,5,2,5,,3,0,3", header=HEADERS["user_profile"].strip())
    assert load_source("alimama", root, unpacked=str(tmp_path / "cache"))[0].equals(expected)
    assert expected["new_user_class_level"].to_list() == [3, 3]


@pytest.mark.parametrize(
    ("name", "line", "message"),
    [
        ("raw_sample", f"x,{START},1,430548_1007,1,0", "'user' is 'x'; it must be a whole number"),
        ("raw_sample", f",{START},1,430548_1007,1,0", "'user' is None; it must be a whole number"),
        ("raw_sample", "1,NULL,1,430548_1007,1,0", "'time_stamp' is 'NULL'; it must be a whole number"),
        ("raw_sample", f"1,{START},1,430548_1007,-1,2", "'clk' is '2'; it must be 0 or 1, and 'nonclk' the other"),
        ("raw_sample", f"1,{START},1,430548_1007,1,1", "'clk' is '1'; it must be 0 or 1, and 'nonclk' the other"),
        ("raw_sample", f"1,{START},1,430548_1007,1", "has 5 comma-separated columns; a line there has 6"),
        ("ad_feature", "2,5,7,3,nine,170.0", "'brand' is 'nine'; it must be a whole number, NULL or empty"),
        ("ad_feature", "2,5,7,3,9,much", "'price' is 'much'; it must be a number, NULL or empty"),
        ("ad_feature", ",5,7,3,9,1.0", "'adgroup_id' is None; it must be a whole number"),
        (
            "user_profile",
            "2,0,5,old,5,,3,0,3",
            "'final_gender_code' is 'old'; it must be a whole number, NULL or empty",
        ),
        ("behavior_log", f"1,{START},look,5,9", "'btag' is 'look'; it must be one of pv, cart, fav, buy"),
        ("behavior_log", f"1,{START},,5,9", "'btag' is None; it must be one of pv, cart, fav, buy"),
        ("behavior_log", f",{START},pv,5,9", "'user' is None; it must be a whole number"),
        ("behavior_log", "1,,pv,5,9", "'time_stamp' is None; it must be a whole number"),
        ("behavior_log", f"1,{START},pv,five,9", "'cate' is 'five'; it must be a whole number, NULL or empty"),
        ("behavior_log", f"1,{START},pv,5", "has 4 comma-separated columns; a line there has 5"),
    ],
)
def test_a_bad_line_is_named_and_nothing_is_left(name: str, line: str, message: str, tmp_path: Path) -> None:
    root = tiny(tmp_path / "data")
    with (root / f"{name}.csv").open("a") as stream:
        stream.write(line + "\n")
    number = (root / f"{name}.csv").read_text().count("\n")
    where = rf"{name}.csv: line {number}:? {message}"
    with pytest.raises(InputError, match=where) as caught:
        load_source("alimama", root, btags=["pv"], unpacked=str(tmp_path / "cache"))
    assert "\n" not in str(caught.value)
    assert list((tmp_path / "cache").glob("*")) == []


@pytest.mark.parametrize(
    ("name", "line", "key"),
    [("ad_feature", "1,5,7,3,9,180.0", "adgroup_id 1"), ("user_profile", "1,0,5,2,5,,3,0,3", "userid 1")],
)
def test_a_description_that_stands_twice(name: str, line: str, key: str, tmp_path: Path) -> None:
    root = tiny(tmp_path / "data")
    write(root, name, line, line)
    with pytest.raises(InputError, match=rf"{name}.csv: {key} stands twice; keep one of its lines"):
        load_source("alimama", root, unpacked=str(tmp_path / "cache"))


@pytest.mark.parametrize(("name", "line"), [("ad_feature", "77,5,7,3,9,1.0"), ("user_profile", "77,0,5,2,5,,3,0,3")])
def test_files_of_different_data_sets(name: str, line: str, tmp_path: Path) -> None:
    root = tiny(tmp_path / "data")
    write(root, name, line)
    with pytest.raises(InputError, match=rf"{name}.csv: describes none of the impressions of raw_sample.csv"):
        load_source("alimama", root, unpacked=str(tmp_path / "cache"))
    assert list((tmp_path / "cache").glob("*")) == []


def test_a_log_without_behaviours_of_these_users(tmp_path: Path) -> None:
    root = tiny(tmp_path / "data")
    write(root, "behavior_log", behaviour(user=99))
    table, _ = load_source("alimama", root, unpacked=str(tmp_path / "cache"))
    assert table["behaviour_cates"].to_list() == [[], []]
    assert table.schema["behaviour_brands"] == pl.List(pl.Int32)


@pytest.mark.parametrize("step", ["_spread_behaviours", "last_behaviours"])
def test_interrupted_writing_leaves_nothing(step: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    root = official(tmp_path / "data")
    with monkeypatch.context() as patched:
        patched.setattr(alimama_behaviours, step, interrupted)
        with pytest.raises(KeyboardInterrupt):
            load_source("alimama", root, unpacked=str(tmp_path / "cache"))
    assert list((tmp_path / "cache").iterdir()) == []
    assert len(load_source("alimama", root, unpacked=str(tmp_path / "cache"))[0]) == 400


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"behaviours": "no"}, "source 'alimama': behaviours must be true or false, not 'no'"),
        ({"behaviour_length": 0}, "source 'alimama': behaviour_length must be a whole number of at least 1, not 0"),
        ({"btags": ["pv", "cat"]}, r"source 'alimama': btags 'cat' is unknown; did you mean 'cart'\?"),
        ({"btags": []}, "source 'alimama': btags is empty; name some of pv, cart, fav, buy, or use behaviours=false"),
        ({"user_share": 0}, "source 'alimama': user_share must lie above 0 and up to 1, not 0"),
        ({"user_share": 1e-9}, "source 'alimama': user_share 1e-09 keeps none of the users; use a larger one"),
        ({"price": "bucket"}, "source 'alimama': price 'bucket' is unknown; known: log_square, quantile, standardise"),
        ({"min_count": 0}, "min_count must be a whole number of at least 1, not 0"),
    ],
)
def test_options_that_cannot_be_used(options: dict[str, Any], message: str, tmp_path: Path) -> None:
    root = tiny(tmp_path / "data")
    write(root, "raw_sample", sample(), sample(clicked=1))
    with pytest.raises(InputError, match=message):
        load_source("alimama", root, unpacked=str(tmp_path / "cache"), **options)
    assert list((tmp_path / "cache").glob("*")) == []
