"""The four files of Alimama's display advertising log: where they lie, how lines are written, what may be wrong.

Users, ads, categories and brands are whole numbers. The text NULL, or an empty cell, stands for a missing value.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from clickwise.data.layout import Layout, Rule
from clickwise.data.sources.packed import Official, find_file
from clickwise.data.tables import RawTable
from clickwise.errors import InputError

NULL = "NULL"
BTAGS = ("pv", "cart", "fav", "buy")
PAGE = "https://tianchi.aliyun.com/dataset/56"
PROFILE = (
    "cms_segid",
    "cms_group_id",
    "final_gender_code",
    "age_level",
    "pvalue_level",
    "shopping_level",
    "occupation",
    "new_user_class_level",
)
AD = ("cate_id", "campaign_id", "customer", "brand")
WHOLE = pl.Int32()


def _whole(*names: str) -> dict[str, Rule]:
    return {name: (pl.col(name).cast(pl.Int64, strict=False).is_not_null(), "a whole number") for name in names}


def _maybe(dtype: pl.DataType, in_words: str, *names: str) -> dict[str, Rule]:
    cells = {name: pl.col(name) for name in names}
    holds = {
        name: cell.is_null() | (cell == NULL) | cell.cast(dtype, strict=False).is_not_null()
        for name, cell in cells.items()
    }
    return {name: (holds[name], f"{in_words}, {NULL} or empty") for name in names}


def _layout(dtypes: Mapping[str, pl.DataType], rules: Mapping[str, Rule]) -> Layout:
    return Layout("csv", dtypes, header=True, rules=rules)


_CLICK = pl.col("clk").is_in(["0", "1"]) & pl.col("nonclk").is_in(["0", "1"]) & (pl.col("clk") != pl.col("nonclk"))
SAMPLES = _layout(
    {"user": WHOLE, "time_stamp": pl.Int64(), "adgroup_id": WHOLE, "pid": pl.String(), "nonclk": WHOLE, "clk": WHOLE},
    _whole("user", "time_stamp", "adgroup_id") | {"clk": (_CLICK, "0 or 1, and 'nonclk' the other of the two")},
)
ADS = _layout(
    {"adgroup_id": WHOLE, **dict.fromkeys(AD, WHOLE), "price": pl.Float64()},
    _whole("adgroup_id") | _maybe(WHOLE, "a whole number", *AD) | _maybe(pl.Float64(), "a number", "price"),
)
LOG = _layout(
    {"user": WHOLE, "time_stamp": pl.Int64(), "btag": pl.String(), "cate": WHOLE, "brand": WHOLE},
    _whole("user", "time_stamp")
    | {"btag": (pl.col("btag").is_in(BTAGS), f"one of {', '.join(BTAGS)}")}
    | _maybe(WHOLE, "a whole number", "cate", "brand"),
)


def profiles_layout(path: Path) -> Layout:
    """Of ``user_profile.csv``, whose last column is officially called ``new_user_class_level`` and a space."""
    with path.open("rb") as stream:
        last = PROFILE[-1] + " " * stream.readline().rstrip(b"\r\n").endswith(b" ")
    names = (*PROFILE[:-1], last)
    return _layout(dict.fromkeys(("userid", *names), WHOLE), _whole("userid") | _maybe(WHOLE, "a whole number", *names))


@dataclass(frozen=True)
class AlimamaFiles:
    """The four files, as plain text; ``behaviours`` is None where they are not asked for."""

    samples: Path
    ads: Path
    profiles: Path
    behaviours: Path | None


def find_files(root: Path | None, unpacked: str | None, behaviours: bool) -> AlimamaFiles:
    """The files below ``root``, each plain or packed; a packed one is unpacked once.

    Raises:
        InputError: a file that is absent or in a damaged archive, or whose header or first line is of another layout.
    """
    if root is not None and root.is_file():
        raise InputError(f"{root}: is a file; name the folder that holds raw_sample.csv and the other files")
    ads, profiles, samples = (_find(name, root, unpacked) for name in ("ad_feature", "user_profile", "raw_sample"))
    log = _find("behavior_log", root, unpacked) if behaviours else None
    ADS.check_start(ads)
    profiles_layout(profiles).check_start(profiles)
    SAMPLES.check_start(samples)
    if log is not None:
        LOG.check_start(log)
    return AlimamaFiles(samples, ads, profiles, log)


def _find(name: str, root: Path | None, unpacked: str | None) -> Path:
    archives = tuple(f"{name}{end}" for end in (".csv.tar.gz", ".tar.gz", ".csv.zip", ".zip"))
    advice = f"download {name}.csv.tar.gz from {PAGE} and put it there, packed or not"
    official = Official("alimama", (f"{name}.csv", f"{name}.csv.gz"), archives, advice)
    return find_file(official, root, None, unpacked)


def scan(layout: Layout, path: Path) -> pl.LazyFrame:
    """All rows of a file, lazily."""
    return pl.scan_csv(path, schema=dict(layout.dtypes), quote_char=None, null_values=NULL)


@contextmanager
def explained(layout: Layout, path: Path) -> Iterator[None]:
    """Checks the widths of all lines, and names the first faulty line where the block cannot parse the file."""
    layout.check_widths([path])
    try:
        yield
    except pl.exceptions.PolarsError as error:
        raise RawTable("alimama", layout.kind, (path,), layout=layout).explained(error) from None


def faulty(layout: Layout, path: Path) -> InputError:
    """The error for a file in which some line breaks a rule."""
    return layout.fault([path]) or InputError(
        f"{path}: holds a line that breaks the layout; fetch it again from {PAGE}"
    )


def read_described(layout: Layout, path: Path, key: str) -> pl.DataFrame:
    """A small file with one row a ``key``, in memory.

    Raises:
        InputError: a line in another layout, or a key that is missing or stands twice.
    """
    with explained(layout, path):
        table = scan(layout, path).collect()
    if table[key].null_count():
        raise faulty(layout, path)
    if (twice := table[key].is_duplicated()).any():
        raise InputError(f"{path}: {key} {table[key].filter(twice)[0]} stands twice; keep one of its lines")
    return table.rename({name: name.strip() for name in table.columns})
