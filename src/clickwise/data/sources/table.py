"""The raw table of the synthetic log, as a user's own log would look, and its schema."""

import numpy as np
import polars as pl

from clickwise.data.sources.exposure import Impressions
from clickwise.data.sources.population import BRANDS, CATEGORIES, OCCUPATIONS, TAGS, TAGS_PER_ITEM, Ints, Items, Users
from clickwise.schema import Field, Schema

AGE_NAMES = ("under 18", "18-24", "25-34", "35-44", "45-54", "55 and over")
GENDER_NAMES = ("female", "male")
OCCUPATION_NAMES = tuple(f"occupation {code}" for code in range(OCCUPATIONS))
CATEGORY_NAMES = tuple(f"category {code}" for code in range(CATEGORIES))
BRAND_NAMES = tuple(f"brand {code}" for code in range(BRANDS))
TAG_NAMES = tuple(f"tag {code}" for code in range(TAGS))
PLACEMENT_NAMES = ("feed", "search", "banner", "video")
DEVICE_NAMES = ("phone", "desktop", "tablet")
CHANNEL_NAMES = ("direct", "organic", "email", "partner")
MEDIAN_PRICE, PRICE_SPREAD = 20.0, 0.8


def raw_table(users: Users, items: Items, rows: Impressions) -> pl.DataFrame:
    """What the log shows of each impression, the label and the truth left out."""
    u, i = rows.user, rows.item
    tags = np.array(["|".join(TAG_NAMES[code] for code in codes) for codes in items.tags.tolist()])
    price = np.round(MEDIAN_PRICE * np.exp(PRICE_SPREAD * items.price), 2)
    return pl.DataFrame(
        {
            "user": u,
            "item": items.name[i],
            "time": rows.time,
            "age": _names(AGE_NAMES, np.where(users.age_missing, -1, users.age)[u]),
            "gender": _names(GENDER_NAMES, users.gender[u]),
            "occupation": _names(OCCUPATION_NAMES, users.occupation[u]),
            "category": _names(CATEGORY_NAMES, items.category[i]),
            "brand": _names(BRAND_NAMES, np.where(items.brand_missing, -1, items.brand)[i]),
            "tags": pl.Series(tags).gather(i),
            "price": pl.Series(np.where(items.price_missing, np.nan, price)[i]).fill_nan(None),
            "item_age": np.round((rows.time - items.arrival[i]) / 86_400, 3),
            "placement": _names(PLACEMENT_NAMES, rows.placement),
            "device": _names(DEVICE_NAMES, rows.device),
            "channel": _names(CHANNEL_NAMES, rows.channel),
        }
    )


def _names(names: tuple[str, ...], codes: Ints) -> pl.Series:
    """The name of each code; null for -1."""
    known = pl.Series([*names, None], dtype=pl.String)
    return known.gather(np.where(codes < 0, len(names), codes))


def synthetic_schema(session_length: int = 0) -> Schema:
    """The unfitted schema of the log; ``session_length`` adds the user's last impressions with their labels."""
    return Schema(
        fields=(
            Field("user", "user"),
            Field("age", "user"),
            Field("gender", "user"),
            Field("occupation", "user"),
            Field("history_items", "history", "sequence", vocabulary="item", length=10, of="item"),
            Field("history_categories", "history", "sequence", vocabulary="category", length=10, of="category"),
            *_session(session_length),
            Field("item", "item"),
            Field("category", "item"),
            Field("brand", "item"),
            Field("tags", "item", "bag", length=TAGS_PER_ITEM, separator="|"),
            Field("price", "item", "number", transform="quantile", buckets=10),
            Field("item_age", "item", "number"),
            Field("hour", column="time", transform="hour"),
            Field("placement"),
            Field("device"),
            Field("channel"),
        ),
        user="user",
        time="time",
        item="item",
        keep=("true_probability", "clean_probability", "group", "flipped", "session"),
    )


def _session(length: int) -> tuple[Field, ...]:
    if not length:
        return ()
    return (
        Field("session_items", "history", "sequence", "item", length, of="item", events="all"),
        Field("session_categories", "history", "sequence", "category", length, of="category", events="all"),
        Field("session_labels", "history", "sequence", length=length, of="label", events="all"),
    )
