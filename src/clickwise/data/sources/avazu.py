"""Avazu's click-through rate prediction challenge (Kaggle 2014): 40,428,967 impressions over ten days, ``train.csv``.

Its columns are an id, the click, the hour as YYMMDDHH (UTC), and 21 categories. Rows stand in order of the hour, and
within an hour in no order that means anything. There is no user: ``device_id`` is one value, a99f214a, for most rows.
So by default every row counts as a user of its own, and the order of the file stands in for time, which lets a split
by time cut inside an hour. With a user, time is the hour: rows of one hour are one moment and in nobody's past.

Nor is there an item. ``id`` numbers the impressions. Taken for the item, as in the count of 40,428,967 items in the
recurrent meta-learning paper, it makes each of them an item of its own: none ever has a second row, so nothing can be
learned of any, all are equally cold, and to divide them into warm and cold ones is to divide the rows at random. What
stands in for the item is therefore an option. The columns C14 to C21 have no published meaning; by their counts of
values (2,626 and 435 in the official file) C14 is about as fine as an ad and C17 as a campaign.
"""

from dataclasses import replace
from pathlib import Path

import polars as pl

from clickwise.checks import require_choice, require_flag, require_whole
from clickwise.data.layout import Layout
from clickwise.data.sources.packed import Official, find_file
from clickwise.data.tables import RawTable, of_layout
from clickwise.errors import InputError
from clickwise.schema import Field, Owner, Schema

OWNER = "source 'avazu'"
USERS = ("none", "device", "device_id")
ITEMS = ("none", "C14", "C17", "publisher")
NULL_SITE = "85f751fd"
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
# An ad is shown in an app where its site is the null one.
_PUBLISHER = pl.when(pl.col("site_id") == NULL_SITE).then("app_id").otherwise("site_id")


def load(
    root: Path | None = None,
    file: str | None = None,
    user: str = "none",
    item: str = "none",
    session_length: int = 0,
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
        item: what counts as the item, for controls, histories and the division into warm and cold: ``none``; ``C14`` or
            ``C17``, the columns as they are; or ``publisher``: the site, or the app where the site is the null one.
            ``publisher`` is one field more.
        session_length: slots of the session, which are the user's last impressions of earlier hours, clicked or not, as
            items and labels; 0 for none. It needs a user and an item.
        calendar: whether weekday and weekend are fields beside the hour of the day; without them there are 22 fields.
        min_count: values seen less often in the training rows are one unknown value; 1 keeps all.
        unpacked: folder that receives the file of an archive, once; None for the user's cache.

    Raises:
        InputError: no file or several, a damaged archive, or another layout.
    """
    require_choice(OWNER, "user", user, USERS)
    require_flag(OWNER, "calendar", calendar)
    _check_item(item, session_length, user)
    derived = dict(LAYOUT.derived)
    derived |= {"user": _DEVICE_USER} if user == "device" else {}
    derived |= {"publisher": _PUBLISHER} if item == "publisher" else {}
    table = of_layout(replace(LAYOUT, derived=derived), find_file(OFFICIAL, root, file, unpacked), "avazu")
    user = {"none": "", "device": "user"}.get(user, user)
    return table, _schema(user, "" if item == "none" else item, session_length, calendar, min_count)


def _check_item(item: str, session_length: int, user: str) -> None:
    if item == "id":
        raise InputError(
            f"{OWNER}: item 'id' names the impression, so that every row is an item of its own, seen once; "
            f"use one of {', '.join(ITEMS[1:])}"
        )
    require_choice(OWNER, "item", item, ITEMS)
    require_whole(OWNER, "session_length", session_length, 0)
    for option, value, known in (("user", user, USERS), ("item", item, ITEMS)):
        if session_length and value == "none":
            raise InputError(
                f"{OWNER}: session_length is of a user's earlier items; give {option} too: {', '.join(known[1:])}"
            )


def _schema(user: str, item: str, session_length: int, calendar: bool, min_count: int) -> Schema:
    fields = [Field("user", "user", min_count=min_count)] if user == "user" else []
    if session_length:
        slots = session_length
        fields += [
            Field("session_items", "history", "sequence", item, slots, of=item, events="all", min_count=min_count),
            Field("session_labels", "history", "sequence", length=slots, of="click", events="all"),
        ]
    for name in (*CATEGORIES, *(("publisher",) if item == "publisher" else ())):
        owner: Owner = "item" if name == item else "user" if name in DEVICE else "context"
        fields.append(Field(name, owner, min_count=min_count))
    fields += [
        Field(part, column="time", transform=part) for part in ("hour", "weekday", "weekend")[: 1 + 2 * calendar]
    ]
    return Schema(tuple(fields), label="click", user=user, time="time" if user else "", item=item)
