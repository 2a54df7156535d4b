"""Which columns of a table are its label, user, time and item: guesses by names and values, with what to check."""

from collections.abc import Sequence

import polars as pl

from clickwise.data.times import read_time
from clickwise.errors import InputError

LABELS = ("label", "click", "clicked", "is_click", "target", "clk", "y", "converted", "conversion")
LABEL_WORDS = ("click", "label", "clk", "target", "convert", "conversion")
USERS = (
    *("user", "user_id", "userid", "uid", "visitor", "visitor_id", "customer", "customer_id", "member", "member_id"),
    *("client_id", "account_id", "cookie", "reviewerid", "device_id"),
)
TIMES = ("time", "timestamp", "ts", "date", "datetime", "time_stamp", "event_time", "unixreviewtime")
ITEMS = ("item", "item_id", "itemid", "ad_id", "ad", "adgroup_id", "movie_id", "movie", "product_id", "product", "asin")
TWO_CLASSES = ({"0", "1"}, {"0.0", "1.0"}, {"true", "false"})
ANSWERS = ({"-1", "1"}, {"-1.0", "1.0"}, {"yes", "no"}, {"y", "n"}, {"t", "f"})
DATE = r"^\s*\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}(\D|$)"
NEAR_MISSES = 3


def named(columns: Sequence[str], wanted: Sequence[str], *taken: str) -> str:
    """The first of ``all_named``, or nothing."""
    return next(iter(all_named(columns, wanted, *taken)), "")


def all_named(columns: Sequence[str], wanted: Sequence[str], *taken: str) -> list[str]:
    """Columns of the wanted names in the order of those, whatever their case, spaces and signs."""
    free = {_letters(name): name for name in reversed(columns) if name not in taken}
    return list(dict.fromkeys(free[_letters(name)] for name in wanted if _letters(name) in free))


def _letters(name: str) -> str:
    return "".join(letter for letter in name.lower() if letter.isalnum())


def guess_label(sample: pl.DataFrame, origin: str) -> tuple[str, str]:
    """The column that is the label, and what its reader should check.

    Of the columns that hold just 0 and 1: the one named like a label, else one whose name speaks of clicks, else the
    last.

    Raises:
        InputError: no column holds just 0 and 1; the line says which come near.
    """
    binary = [name for name in sample.columns if _is_binary(sample[name])]
    if not binary:
        near = "; ".join(_near_misses(sample)) or "add one"
        raise InputError(f"{origin}: no column holds just 0 and 1, so none can be the label: {near}")
    speaking = [name for name in binary if _speaks_of_clicks(name)]
    found = named(binary, LABELS) or next(iter(speaking), binary[-1])
    others = [repr(name) for name in binary if name != found]
    remark = f"; {', '.join(others)} {'holds' if len(others) == 1 else 'hold'} just 0 and 1 too" if others else ""
    return found, f"? 1 is a click, 0 is none{remark}"


def _speaks_of_clicks(name: str) -> bool:
    return any(word in _letters(name) for word in LABEL_WORDS)


def _is_binary(values: pl.Series) -> bool:
    return not values.null_count() and _few(values) in TWO_CLASSES


def _few(values: pl.Series) -> set[str]:
    """The values of a column in small letters, three at most; none of a column of lists."""
    if isinstance(values.dtype, pl.List | pl.Struct | pl.Array | pl.Null) or values.dtype == pl.Binary:
        return set()
    return {str(value).lower() for value in values.drop_nulls().unique().head(3)}


def _near_misses(sample: pl.DataFrame) -> list[str]:
    """What keeps columns from being the label, those first that are named like one."""
    likely = [*all_named(sample.columns, LABELS), *filter(_speaks_of_clicks, sample.columns)]
    columns = dict.fromkeys([*likely, *sample.columns])
    reasons = (_near_miss(sample[name], name in likely) for name in columns)
    return [reason for reason in reasons if reason][:NEAR_MISSES]


def _near_miss(values: pl.Series, likely: bool) -> str:
    """Why a column is no label, or nothing where it is unlike one."""
    found, empty = _few(values), values.null_count()
    shown = " and ".join(value[:40] if value.isprintable() else repr(value[:40]) for value in sorted(found))
    if found in TWO_CLASSES:
        return f"{values.name!r} holds {shown}, but {empty} of its cells are empty; leave those rows out"
    if found in ANSWERS:
        return f"{values.name!r} holds {shown}; write 1 and 0"
    if len(found) == 1 and (likely or found <= {"0", "1", "0.0", "1.0", "true", "false"}):
        return f"{values.name!r} holds {shown} alone; a label needs clicks and rows without one"
    if likely and found:
        return f"{values.name!r} holds {values.drop_nulls().n_unique()} values; write 1 for a click and 0 for none"
    return ""


def guess_time(sample: pl.DataFrame, *taken: str) -> tuple[str, str]:
    """The column that is the time, or nothing, and what its reader should check: also what a time is nearly."""
    free = [name for name in sample.columns if name not in taken]
    dates = [name for name in free if isinstance(sample[name].dtype, pl.String | pl.Date | pl.Datetime)]
    likely = all_named(sample.columns, TIMES, *taken)
    remark = "? Unix seconds or ISO text; empty: the order of rows stands in for it"
    faults = []
    for name in dict.fromkeys([*likely, *dates]):
        if not (fault := _time_fault(sample[name])):
            return name, remark
        if name in likely or _mostly_dates(sample[name]):
            faults.append(fault)
    return "", "; ".join([remark, *faults[:1]])


def _time_fault(values: pl.Series) -> str:
    try:
        read_time(values, "")
    except InputError as error:
        return str(error).removeprefix(": ")
    return ""


def _mostly_dates(values: pl.Series) -> bool:
    if values.dtype != pl.String:
        return values.null_count() < len(values)
    known = values.drop_nulls()
    return 2 * int(known.str.contains(DATE).sum()) > len(known)
