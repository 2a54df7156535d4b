"""Avazu's click-through rate prediction challenge (Kaggle 2014): 40,428,967 impressions over ten days, ``train.csv``.

Its columns are an id, the click, the hour as YYMMDDHH (UTC), and 21 categories. Rows stand in order of the hour, and
within an hour in no order that means anything. There is no user: ``device_id`` is one value, a99f214a, for most rows.
So by default every row counts as a user of its own, and the order of the file stands in for time, which lets a split
by time cut inside an hour. With a user, time is the hour: rows of one hour are one moment and in nobody's past.
"""

from dataclasses import replace
from pathlib import Path

import polars as pl

from clickwise.data.layout import Layout
from clickwise.data.sources.packed import Official, find_file
from clickwise.data.tables import RawTable, of_layout
from clickwise.errors import InputError, nearest
from clickwise.schema import Field, Schema

USERS = ("none", "device", "device_id")
NULL_DEVICE = "a99f214a"
PLACE = ("C1", "banner_pos", "site_id", "site_domain", "site_category", "app_id", "app_domain", "app_category")
DEVICE = ("device_id", "device_ip", "device_model", "device_type", "device_conn_type")
ANONYMOUS = tuple(f"C{index}" for index in range(14, 22))
CATEGORIES = (*PLACE, *DEVICE, *ANONYMOUS)
OFFICIAL = Official(
    "avazu",
    ("train.csv", "train.gz", "train.csv.gz"),
    ("avazu*.zip",),
    "download train.gz from https://www.kaggle.com/c/avazu-ctr-prediction/data and put it there, packed or not",
)

_WHOLE_HOUR = pl.when(pl.col("hour").str.contains(r"^\d{8}$")).then(pl.col("hour")).otherwise(pl.lit("wrong"))


def _parsed_hour(strict: bool) -> pl.Expr:
    return (_WHOLE_HOUR + "00").str.to_datetime("%y%m%d%H%M", strict=strict, time_unit="ms")


LAYOUT = Layout(
    kind="csv",
    dtypes={"id": pl.String(), "click": pl.Int64(), **dict.fromkeys(("hour", *CATEGORIES), pl.String())},
    header=True,
    derived={"time": _parsed_hour(strict=True).dt.timestamp("ms") // 1000},
    rules={
        "click": (pl.col("click").is_in(["0", "1"]), "0 or 1"),
        "hour": (_parsed_hour(strict=False).is_not_null(), "an hour as YYMMDDHH, for example 14102123"),
    },
)
# A device where it is known, else where it stands in the net and what it is: the rule of a winner of the challenge.
_DEVICE_USER = (
    pl.when(pl.col("device_id") == NULL_DEVICE)
    .then(pl.concat_str("device_ip", "device_model", separator=" "))
    .otherwise("device_id")
)


def load(
    root: Path | None = None,
    file: str | None = None,
    user: str = "none",
    calendar: bool = True,
    min_count: int = 2,
    unpacked: str | None = None,
) -> tuple[RawTable, Schema]:
    """The rows of ``train.csv``, which are read from the file and never stand in memory as a whole.

    Args:
        root: folder that holds ``train.csv``, ``train.gz`` or an archive of one, or has a folder ``avazu`` that does.
        file: name of the file or archive in ``root``, where it holds several or has a name of its own.
        user: ``none``; ``device_id``, the column as it is; or ``device``: the device id, or the device's ip and model
            together where that id is the null one. ``device`` is one field more.
        calendar: whether weekday and weekend are fields beside the hour of the day; without them there are 22 fields.
        min_count: values seen less often in the training rows are one unknown value; 1 keeps all.
        unpacked: folder that receives the file of an archive, once; None for the user's cache.

    Raises:
        InputError: no file or several, a damaged archive, or another layout.
    """
    if user not in USERS:
        raise InputError(f"source 'avazu': user {user!r} is unknown{nearest(str(user), USERS)}")
    if not isinstance(calendar, bool):
        raise InputError(f"source 'avazu': calendar must be true or false, not {calendar!r}")
    layout = replace(LAYOUT, derived={**LAYOUT.derived, "user": _DEVICE_USER}) if user == "device" else LAYOUT
    table = of_layout(layout, find_file(OFFICIAL, root, file, unpacked), "avazu")
    return table, _schema({"none": "", "device": "user"}.get(user, user), calendar, min_count)


def _schema(user: str, calendar: bool, min_count: int) -> Schema:
    fields = [Field("user", "user", min_count=min_count)] if user == "user" else []
    for name in CATEGORIES:
        fields.append(Field(name, "user" if name in DEVICE else "context", min_count=min_count))
    fields += [
        Field(part, column="time", transform=part) for part in ("hour", "weekday", "weekend")[: 1 + 2 * calendar]
    ]
    return Schema(tuple(fields), label="click", user=user, time="time" if user else "")
