"""Avazu: the official layout made by hand, bad lines, users and hours, and the counts of the real sample."""

import gzip
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from clickwise.data.opening import load
from clickwise.data.sources import load_source
from clickwise.data.sources.avazu import CATEGORIES, NULL_DEVICE
from clickwise.errors import InputError
from clickwise.schema import Schema

HEADER = (
    "id,click,hour,C1,banner_pos,site_id,site_domain,site_category,app_id,app_domain,app_category,device_id,device_ip,"
    "device_model,device_type,device_conn_type,C14,C15,C16,C17,C18,C19,C20,C21"
)


def line(row: int, click: object = 0, hour: str = "14102100", device: str = NULL_DEVICE, ip: str = "ddd2926e") -> str:
    place = "1005,0,1fbe01fe,f3845767,28905ebd,ecad2386,7801e8d9,07d7df22"
    return f"{10**19 + row},{click},{hour},{place},{device},{ip},44956a24,1,2,15706,320,50,1722,0,35,-1,79"


def official(root: Path, *lines: str, header: str = HEADER) -> Path:
    (root / "train.csv").write_text("\n".join([header, *lines]) + "\n")
    return root


def columns(schema: Schema) -> list[str]:
    return [field.name for field in schema.fields]


def test_the_official_layout(tmp_path: Path) -> None:
    table, schema = load_source("avazu", official(tmp_path, line(0, 1), line(1, hour="14103023")))
    assert table.columns == [*HEADER.split(","), "time"]
    assert table["id"].to_list() == ["10000000000000000000", "10000000000000000001"]
    assert table["click"].to_list() == [1, 0]
    assert table["C20"].to_list() == ["-1", "-1"]
    expected = [datetime(2014, 10, 21, 0, tzinfo=UTC), datetime(2014, 10, 30, 23, tzinfo=UTC)]
    assert table["time"].to_list() == [int(moment.timestamp()) for moment in expected]
    assert columns(schema) == [*CATEGORIES, "hour", "weekday", "weekend"]
    assert (schema.label, schema.user, schema.time) == ("click", "", "")
    assert load_source("avazu", tmp_path, calendar=False)[1].width == 22


def test_hour_weekday_and_weekend(tmp_path: Path) -> None:
    hours = ["14102100", "14102123", "14102505", "14102623"]  # a Tuesday twice, a Saturday, a Sunday
    lines = [line(row, row % 2, hours[row % 4]) for row in range(80)]
    log = load("avazu", official(tmp_path, *lines), cache=tmp_path / "cache")
    for name, values in (("hour", [0, 23, 5, 23]), ("weekday", [1, 1, 5, 6]), ("weekend", [0, 0, 1, 1])):
        ids = log.train.ids[:4, log.schema.slots(name)][:, 0] - log.schema.offsets[name] - 2
        assert [log.encoder.vocabularies[name].values[int(i)] for i in ids] == values


def test_without_a_user_the_order_of_the_file_stands_in_for_time(tmp_path: Path) -> None:
    lines = [line(row, row % 2) for row in range(100)]
    log = load("avazu", official(tmp_path, *lines), cache=tmp_path / "cache")
    assert log.test.row.tolist() == list(range(90, 100))
    assert log.train.earlier.max() == 0


def test_users_are_devices_and_rows_of_one_hour_are_one_moment(tmp_path: Path) -> None:
    known = [line(row, row % 2, f"141021{row // 4:02d}", "aaaaaaaa") for row in range(40)]
    unknown = [line(row, row % 2, "14102110", ip=f"0000000{row % 3}") for row in range(40)]
    root = official(tmp_path, *known, *unknown)
    table, schema = load_source("avazu", root, user="device")
    assert table["user"].unique().sort().to_list() == [*(f"0000000{k} 44956a24" for k in range(3)), "aaaaaaaa"]
    assert schema.user_field is not None and schema.user_field.name == columns(schema)[0] == "user"
    log = load("avazu", root, split="random-per-user", cache=tmp_path / "cache", user="device")
    assert log.manifest["users"] == 4
    assert log.test.time.min() >= 1_413_849_600
    every = [(row, earlier) for part in log for row, earlier in zip(part.row, part.earlier, strict=True)]
    assert all(earlier <= 4 * (row // 4) for row, earlier in every if row < 40)
    assert all(earlier == 0 for row, earlier in every if row >= 40)
    _, of_column = load_source("avazu", root, user="device_id")
    assert of_column.user_field is not None and of_column.user_field.name == "device_id"
    assert of_column.width == 24


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (line(3, hour="14102124"), "line 4: 'hour' is '14102124'; it must be an hour as YYMMDDHH"),
        (line(3, hour="14133100"), "line 4: 'hour' is '14133100'; it must be an hour as YYMMDDHH"),
        (line(3, hour="141021"), "line 4: 'hour' is '141021'; it must be an hour as YYMMDDHH"),
        (line(3, hour=""), "line 4: 'hour' is None; it must be an hour as YYMMDDHH"),
        (line(3, click="no"), "line 4: 'click' is 'no'; it must be 0 or 1"),
        (line(3) + ",1", "line 4 has 25 comma-separated columns; a line there has 24"),
        (line(3)[:-3], "line 4 has 23 comma-separated columns; a line there has 24"),
    ],
)
def test_a_bad_line_is_named(bad: str, message: str, tmp_path: Path) -> None:
    root = official(tmp_path, line(0), line(1, 1), bad, line(4))
    with pytest.raises(InputError, match=f"train.csv: {message}") as error:
        load_source("avazu", root)
    assert "\n" not in str(error.value)


def test_a_click_that_is_neither_0_nor_1(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"avazu: label column 'click', data row 3: 2 is not 0 or 1"):
        load("avazu", official(tmp_path, line(0), line(1, 1), line(2, 2)), cache=tmp_path / "cache")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"user": "device_ip"}, "source 'avazu': user 'device_ip' is unknown; did you mean 'device_i?d?'"),
        ({"calendar": "no"}, "source 'avazu': calendar must be true or false, not 'no'"),
        ({"min_count": 0}, "min_count must be a whole number of at least 1, not 0"),
    ],
)
def test_options_that_cannot_be_used(options: dict[str, Any], message: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=message):
        load_source("avazu", official(tmp_path, line(0)), **options)


def test_another_header_and_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"holds no train.csv; download train.gz from https://www.kaggle.com/c/avazu"):
        load_source("avazu", tmp_path)
    with pytest.raises(InputError, match=r"train.csv: line 1 is .*; it must name these columns: id, click, hour, C1"):
        load_source("avazu", official(tmp_path, line(0), header=HEADER.replace("click,", "")))


def test_the_official_download_is_in_gzip(tmp_path: Path) -> None:
    plain = official(tmp_path, line(0), line(1, 1)) / "train.csv"
    expected, _ = load_source("avazu", tmp_path)
    (tmp_path / "packed").mkdir()
    (tmp_path / "packed" / "train.gz").write_bytes(gzip.compress(plain.read_bytes()))
    assert load_source("avazu", tmp_path / "packed", unpacked=str(tmp_path / "cache"))[0].equals(expected)


def test_the_real_sample(shared_data: Path, tmp_path: Path) -> None:
    table, _ = load_source("avazu", shared_data, user="device", unpacked=str(tmp_path))
    assert len(table) == 9_999
    assert round(table["click"].mean(), 3) == 0.171
    assert table["device_id"].n_unique() == 1_075
    assert table["device_ip"].n_unique() == 7_302
    assert table["time"].unique().to_list() == [int(datetime(2014, 10, 21, tzinfo=UTC).timestamp())]


def test_an_item_is_named_and_a_publisher_is_the_app_where_the_site_is_the_null_one(tmp_path: Path) -> None:
    in_app = line(1).replace("1fbe01fe", "85f751fd").replace("ecad2386", "54c5d545")
    table, schema = load_source("avazu", official(tmp_path, line(0), in_app), item="publisher")
    assert table["publisher"].to_list() == ["1fbe01fe", "54c5d545"]
    assert schema.item == "publisher"
    assert [field.name for field in schema.fields if field.owner == "item"] == ["publisher"]
    assert columns(schema) == [*CATEGORIES, "publisher", "hour", "weekday", "weekend"]
    for name in ("C14", "C17"):
        _, schema = load_source("avazu", tmp_path, item=name)
        assert (schema.item, schema[name].owner, schema["site_id"].owner) == (name, "item", "context")
        assert columns(schema) == [*CATEGORIES, "hour", "weekday", "weekend"]
    assert load_source("avazu", tmp_path)[1].item == ""


def test_sessions_hold_earlier_hours_clicked_or_not(tmp_path: Path) -> None:
    ads = [15_706 + row % 3 for row in range(60)]
    lines = [
        line(row, row % 2, f"141021{row // 3:02d}", "aaaaaaaa").replace("15706", str(ad)) for row, ad in enumerate(ads)
    ]
    root = official(tmp_path, *lines)
    options = {"user": "device", "item": "C14", "session_length": 4, "min_count": 1}
    log = load("avazu", root, split="chronological-per-user", cache=tmp_path / "cache", **options)
    schema = log.schema
    assert (schema["session_items"].vocabulary, schema["session_items"].events) == ("C14", "all")
    values = log.encoder.vocabularies["C14"].values.to_list()
    for part in log:
        for row, ids in zip(part.row.tolist(), part.ids, strict=True):
            before = range(row // 3 * 3)[-4:]
            items, labels = (ids[schema.slots(name)] for name in ("session_items", "session_labels"))
            named = [int(values[k]) for k in items[items > 0] - schema.offsets["C14"] - 2]
            assert named == [ads[k] for k in before]
            held = labels[labels > 0] - schema.offsets["session_labels"] - 2
            assert held.tolist() == [k % 2 for k in before]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"item": "id"},
            "item 'id' names the impression, so that every row is an item of its own, seen once; use one of",
        ),
        ({"item": "C15"}, "item 'C15' is unknown; did you mean 'C1"),
        ({"session_length": 5}, "session_length is of a user's earlier items; give user too: device, device_id"),
        ({"session_length": 5, "user": "device"}, "session_length is of .*; give item too: C14, C17, publisher"),
        ({"session_length": True}, "session_length must be a whole number of at least 0, not True"),
    ],
)
def test_items_and_sessions_that_cannot_be(options: dict[str, Any], message: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=f"source 'avazu': {message}") as error:
        load_source("avazu", official(tmp_path, line(0)), **options)
    assert "\n" not in str(error.value)
