"""Impressions joined with what is known of the ad and the user, and with the user's last behaviours before each.

The log of behaviours has 723 million rows and never stands in memory as a whole. It is read once, as a stream, and
spread by user over partitions on disk, as the impressions are. Each partition is then joined by itself.
"""

import math
import shutil
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from clickwise.data.history import HistoryColumn, Moments, earlier_range
from clickwise.data.sources.alimama_files import (
    ADS,
    BTAGS,
    LOG,
    SAMPLES,
    AlimamaFiles,
    explained,
    faulty,
    profiles_layout,
    read_described,
    scan,
)
from clickwise.errors import InputError
from clickwise.files import new_folder

PARTITION_BYTES = 400 << 20  # of the log's text in a partition: some 11 million behaviours
PARTITION_CELLS = 20_000_000  # behaviours of all impressions of a partition
SAMPLE_LINE = 30  # bytes of an impression's line, at the least
MOST_PARTITIONS = 256  # files that are open for writing at once
ROW_GROUP = 100_000
NONE = -1  # a behaviour without a category or brand: a value of its own, so that both sequences stay aligned
UTC_OFFSET = 8 * 3600  # China Standard Time
PART, ROW, SEEN = "part", "row", "seen"
BEHAVIOUR = {"user": pl.Int32(), "time_stamp": pl.Int64(), "cate": pl.Int32(), "brand": pl.Int32()}


@dataclass(frozen=True)
class Wanted:
    """What to keep.

    Attributes:
        length: behaviours an impression holds, the most recent ones; 0 for none.
        btags: kinds of behaviours.
        user_share: share of the users, above 0 and up to 1.
    """

    length: int
    btags: tuple[str, ...]
    user_share: float


def write_impressions(files: AlimamaFiles, wanted: Wanted, out: Path) -> None:
    """Write the joined impressions as a folder of Parquet files, in order of partition, user and time.

    The folder appears only when it is complete.

    Raises:
        InputError: a line that is not in the official layout, files that do not belong together, or a full disk.
    """
    ads = read_described(ADS, files.ads, "adgroup_id")
    profiles = read_described(profiles_layout(files.profiles), files.profiles, "userid").rename({"userid": "user"})
    parts = _partitions(files, wanted.length)
    with new_folder(out) as folder:
        work = folder / "work"
        users = _spread_samples(files, wanted.user_share, parts, work / "samples")
        _check_pairs(files, ads, profiles, work / "samples")
        if files.behaviours is not None:
            _spread_behaviours(files.behaviours, wanted.btags, users, parts, work / "behaviours")
        for part in range(parts):
            samples = _read(work / "samples", part)
            if samples is not None:
                joined = _joined(samples, work / "behaviours", part, wanted.length)
                joined = joined.join(ads, on="adgroup_id", how="left", maintain_order="left")
                joined = joined.join(profiles, on="user", how="left", maintain_order="left")
                joined.write_parquet(folder / f"impressions-{part:03d}.parquet")
        shutil.rmtree(work)


def last_behaviours(impressions: pl.DataFrame, behaviours: pl.DataFrame, length: int) -> pl.DataFrame:
    """``behaviour_cates`` and ``behaviour_brands`` of each impression: lists of the last values, most recent last.

    Args:
        impressions: ``user`` and ``time_stamp``.
        behaviours: ``user``, ``time_stamp``, ``cate`` and ``brand``, sorted by user and time. Only those of the same
            user at a strictly earlier time are seen.
        length: values of a list.
    """
    both = pl.concat([frame.select(pl.col("user", "time_stamp").cast(pl.Int64)) for frame in (impressions, behaviours)])
    moments, rows = Moments.of(both["user"].to_numpy(), both["time_stamp"].to_numpy()), len(impressions)
    start, end = earlier_range(moments.key[rows:], moments.key[:rows], moments.first[:rows])
    flat = {f"behaviour_{name}s": behaviours[name].to_numpy() for name in ("cate", "brand")}
    blocks = {name: HistoryColumn(values, None, length).block(start, end) for name, values in flat.items()}
    lists = pl.DataFrame(blocks | {SEEN: np.minimum(end - start, length)})
    return lists.select(pl.col(*blocks).arr.to_list().list.head(pl.col(SEEN)))


def _partitions(files: AlimamaFiles, length: int) -> int:
    bytes_of_log = files.behaviours.stat().st_size if files.behaviours is not None else 0
    impressions = files.samples.stat().st_size / SAMPLE_LINE
    needed = max(bytes_of_log / PARTITION_BYTES, impressions * max(length, 1) / PARTITION_CELLS)
    return min(math.ceil(needed), MOST_PARTITIONS)


def _spread_samples(files: AlimamaFiles, user_share: float, parts: int, folder: Path) -> pl.DataFrame:
    """Write the impressions by partition; returns their distinct users."""
    sound = pl.col("clk").is_in([0, 1]) & (pl.col("clk") + pl.col("nonclk") == 1)
    sound &= pl.col("time_stamp").is_not_null() & pl.col("adgroup_id").is_not_null()
    rows = scan(SAMPLES, files.samples).with_row_index(ROW).with_columns(pl.when(sound).then("user"))
    if user_share < 1:
        # Fibonacci hashing: as good as drawn by lot, and the same users each time.
        drawn = pl.col("user").cast(pl.Int64) * 2_654_435_769 % 2**32 < int(user_share * 2**32)
        rows = rows.filter(drawn | pl.col("user").is_null())
    with explained(SAMPLES, files.samples):
        _spread(rows.drop("nonclk"), parts, folder)
    if not folder.exists():
        raise InputError(f"source 'alimama': user_share {user_share} keeps none of the users; use a larger one")
    users = pl.scan_parquet(folder, hive_partitioning=False).select("user").unique().collect()
    if users["user"].null_count():
        raise faulty(SAMPLES, files.samples)
    return users


def _spread_behaviours(path: Path, btags: tuple[str, ...], users: pl.DataFrame, parts: int, folder: Path) -> None:
    """Write the behaviours of ``users`` by partition."""
    sound = pl.col("btag").is_in(BTAGS) & pl.col("time_stamp").is_not_null()
    rows = scan(LOG, path).with_columns(pl.when(sound).then("user"))
    rows = rows.filter(pl.col("btag").is_in(btags) | pl.col("user").is_null())
    # A faulty line has lost its user; the null among the users lets it through to be found.
    wanted = pl.concat([users, pl.DataFrame({"user": [None]}, schema=users.schema)]).lazy()
    rows = rows.join(wanted, on="user", how="semi", nulls_equal=True)
    with explained(LOG, path):
        _spread(rows.select("user", "time_stamp", pl.col("cate", "brand").fill_null(NONE)), parts, folder)
    if folder.exists():
        faults = pl.scan_parquet(folder, hive_partitioning=False).select(pl.col("user").null_count())
        if faults.collect().item():
            raise faulty(LOG, path)


def _spread(rows: pl.LazyFrame, parts: int, folder: Path) -> None:
    by_user = pl.PartitionBy(folder, key={PART: pl.col("user").fill_null(0) % parts}, include_key=False)
    rows.sink_parquet(by_user, mkdir=True, compression="lz4", row_group_size=ROW_GROUP, maintain_order=False)


def _read(folder: Path, part: int) -> pl.DataFrame | None:
    """The rows of a partition, or None where it has none."""
    files = sorted((folder / f"{PART}={part}").glob("*.parquet"))
    return pl.read_parquet(files, hive_partitioning=False) if files else None


def _joined(samples: pl.DataFrame, folder: Path, part: int, length: int) -> pl.DataFrame:
    """Impressions of a partition by user and time, those of one moment in file order, with the user's behaviours."""
    samples = samples.sort("user", "time_stamp", ROW).drop(ROW)
    samples = samples.with_columns(local_time=pl.col("time_stamp") + UTC_OFFSET)
    if not length:
        return samples
    behaviours = _read(folder, part)
    if behaviours is None:
        behaviours = pl.DataFrame(schema=BEHAVIOUR)
    # Behaviours of one moment have no order; by their values it is the same each time.
    return samples.hstack(last_behaviours(samples, behaviours.sort(*BEHAVIOUR), length))


def _check_pairs(files: AlimamaFiles, ads: pl.DataFrame, profiles: pl.DataFrame, folder: Path) -> None:
    """Raise where the ads or the users of the impressions are described by none of the rows: mixed-up data sets."""
    samples = pl.scan_parquet(folder, hive_partitioning=False)
    for path, table, key in ((files.ads, ads, "adgroup_id"), (files.profiles, profiles, "user")):
        known = table.select(key).lazy().join(samples.select(key).unique(), on=key, how="semi")
        if not known.select(pl.len()).collect().item():
            raise InputError(f"{path}: describes none of the impressions of {files.samples.name}; pair the files")
