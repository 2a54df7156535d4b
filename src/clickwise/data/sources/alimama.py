"""Alimama's display ads on Taobao (Tianchi): 26,557,961 impressions over eight days, with the users' shopping before.

Four files: ``raw_sample.csv`` (impressions and clicks of 1,141,729 users, 6 to 13 May 2017), ``ad_feature.csv``,
``user_profile.csv`` (some 7 % of the users have none), and ``behavior_log.csv`` (723,268,134 page views, carts,
favourites and purchases over 22 days). They are joined once, as a stream, into a folder of Parquet files that is read
from then on: an impression, its ad, its user, and the categories and brands of the user's last behaviours before it.

A behaviour names a category and a brand and no ad, so both are compared with those of the candidate ad, whose
vocabularies they share. Behaviours are no clicks of the log: they lie before each impression whatever the split.
Hours and weekdays are those of China.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from clickwise.checks import require_choice, require_flag, require_whole
from clickwise.data.sources.alimama_behaviours import Wanted, write_impressions
from clickwise.data.sources.alimama_files import AD, BTAGS, PROFILE, AlimamaFiles, find_files
from clickwise.data.tables import RawTable, read_table
from clickwise.errors import InputError
from clickwise.files import clear_abandoned, user_cache
from clickwise.schema import NUMBER_TRANSFORMS, Field, Schema

OWNER = "source 'alimama'"
VERSION = 1  # of the joined files; a change of what they hold makes old ones useless


def load(
    root: Path | None = None,
    behaviours: bool = True,
    behaviour_length: int = 50,
    btags: Sequence[str] = BTAGS,
    user_share: float = 1.0,
    price: str = "quantile",
    buckets: int = 20,
    min_count: int = 2,
    unpacked: str | None = None,
) -> tuple[RawTable, Schema]:
    """The impressions, joined with all that is known of them and never in memory as a whole.

    Args:
        root: folder that holds the four files, plain or each in the archive it came in, or has a folder ``alimama``.
        behaviours: whether to join the log of behaviours; without, ``behavior_log.csv`` is not needed.
        behaviour_length: behaviours an impression holds: the most recent ones at a strictly earlier time.
        btags: kinds of behaviours: some of ``pv`` (page view), ``cart``, ``fav`` and ``buy``.
        user_share: share of the users whose impressions are kept, the same ones each time; 1 for all.
        price: ``quantile`` (``buckets`` categories), ``log_square`` (categories too), or ``standardise`` (a number).
        buckets: of ``quantile``.
        min_count: values seen less often in the training rows are one unknown value; 1 keeps all.
        unpacked: folder that receives the joined files and those of archives, once; None for the user's cache.

    Raises:
        InputError: an option that cannot be used, a file that is absent or damaged, or a line of another layout.
    """
    require_flag(OWNER, "behaviours", behaviours)
    require_whole(OWNER, "behaviour_length", behaviour_length, 1)
    kinds = _kinds(btags)
    if isinstance(user_share, bool) or not isinstance(user_share, int | float) or not 0 < user_share <= 1:
        raise InputError(f"{OWNER}: user_share must lie above 0 and up to 1, not {user_share!r}")
    require_choice(OWNER, "price", price, NUMBER_TRANSFORMS)
    schema = _schema(behaviour_length if behaviours else 0, price, buckets, min_count)
    files = find_files(root, unpacked, behaviours)
    wanted = Wanted(behaviour_length, kinds, float(user_share)) if behaviours else Wanted(0, (), float(user_share))
    folder = _folder(files, wanted, unpacked)
    if not folder.is_dir():
        clear_abandoned(folder.parent, "alimama-*")
        write_impressions(files, wanted, folder)
    return replace(read_table(folder), name="alimama"), schema


def _kinds(btags: Sequence[str]) -> tuple[str, ...]:
    kinds = (btags,) if isinstance(btags, str) else tuple(btags)
    for kind in kinds:
        require_choice(OWNER, "btags", kind, BTAGS)
    if not kinds:
        raise InputError(f"{OWNER}: btags is empty; name some of {', '.join(BTAGS)}, or use behaviours=false")
    return tuple(kind for kind in BTAGS if kind in kinds)


def _folder(files: AlimamaFiles, wanted: Wanted, unpacked: str | None) -> Path:
    """Where the joined files lie: named by what they come from."""
    cache = user_cache("unpacked") if unpacked is None else Path(unpacked)
    found = [path for path in vars(files).values() if path is not None]
    states = [(str(path.resolve()), path.stat().st_size, path.stat().st_mtime_ns) for path in found]
    key = hashlib.sha256(repr((VERSION, states, wanted)).encode()).hexdigest()[:16]
    return cache / f"alimama-{key}-impressions"


def _schema(length: int, price: str, buckets: int, min_count: int) -> Schema:
    fields = [Field(name, "user", min_count=min_count) for name in ("user", *PROFILE)]
    if length:
        for name, vocabulary in (("behaviour_cates", "cate_id"), ("behaviour_brands", "brand")):
            fields.append(Field(name, "user", "sequence", vocabulary=vocabulary, length=length, min_count=min_count))
    fields += [Field(name, "item", min_count=min_count) for name in ("adgroup_id", *AD)]
    fields += [
        Field("price", "item", "number", transform=price, buckets=buckets, min_count=min_count),
        Field("pid", min_count=min_count),
        Field("hour", column="local_time", transform="hour"),
        Field("weekday", column="local_time", transform="weekday"),
    ]
    return Schema(tuple(fields), label="clk", user="user", time="time_stamp", item="adgroup_id")
