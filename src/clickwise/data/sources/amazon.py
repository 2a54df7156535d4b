"""Amazon product reviews (2014), any category in its 5-core form, with the features of the MetaSelector paper.

A row is a review, in the order of the file; 4 and 5 stars count as a click, and a user's reviews of one item all stay.
The rating and the texts are not kept: no model may see them. ``reviews_NAME_5.json.gz`` holds the reviews and
``meta_NAME.json.gz`` the categories of the items; either may be unpacked. Nothing is downloaded.

An item's category is the last, most special one of its first category path. DIN's preparation takes the last path
instead, which ``category_path="last"`` does; most items have only one.
"""

import re
from pathlib import Path

import polars as pl

from clickwise.checks import require_choice, require_flag
from clickwise.data.sources.amazon_files import PAGE, read_categories, read_reviews
from clickwise.data.sources.stars import LABELS
from clickwise.errors import InputError, nearest
from clickwise.schema import Field, Schema

OWNER = "source 'amazon'"
CATEGORY_PATHS = {"first": 0, "last": -1}
REVIEWS_NAME = re.compile(r"reviews_(.+)_5\.json(\.gz)?")
WHERE = f"download reviews_NAME_5.json.gz and, for categories, meta_NAME.json.gz from {PAGE}"


def load(
    root: Path | None = None,
    reviews: str | None = None,
    metadata: str | None = None,
    label: str = "binary",
    shared_vocabulary: bool = False,
    history_length: int = 5,
    category_path: str = "first",
) -> tuple[pl.DataFrame, Schema]:
    """The reviews of one product category, for example Electronics: 1,689,188 of 63,001 items by 192,403 users.

    Args:
        root: folder that holds the files, or the file of reviews itself.
        reviews: name of the file of reviews; by default the only one in ``root`` called ``reviews_NAME_5.json[.gz]``.
        metadata: name of the file of items beside it; by default ``meta_NAME.json[.gz]`` where that is there. Without
            one there are no categories. An item that it does not describe has none.
        label: ``binary`` (4 and 5 stars against the rest) or ``stars`` (classes 0 to 4 for 1 to 5 stars).
        shared_vocabulary: whether the history's items and categories share ids and embeddings with the target's. The
            paper's count of features fits separate ones.
        history_length: slots of the history of items and of that of categories.
        category_path: ``first`` or ``last``: the path of an item's ``categories`` whose last category is taken.

    Raises:
        InputError: files that are absent, several, damaged, or not in the official layout.
    """
    require_choice(OWNER, "label", label, LABELS)
    require_choice(OWNER, "category_path", category_path, CATEGORY_PATHS)
    require_flag(OWNER, "shared_vocabulary", shared_vocabulary)
    reviews_path = _find_reviews(root, reviews)
    metadata_path = _find_metadata(reviews_path, metadata)
    schema = _schema(label, shared_vocabulary, history_length, categories=metadata_path is not None)
    stars = pl.col("overall").cast(pl.Int64) - 1
    table = read_reviews(reviews_path).select(
        user="reviewerID",
        item="asin",
        time="unixReviewTime",
        label=stars if label == "stars" else (stars >= 3).cast(pl.Int64),
    )
    if metadata_path is not None:
        described = read_categories(metadata_path, table["item"].unique(), CATEGORY_PATHS[category_path])
        if described.is_empty():
            raise InputError(f"{metadata_path}: describes none of the items of {reviews_path.name}; pair the two files")
        table = table.join(described.rename({"asin": "item"}), on="item", how="left", maintain_order="left")
    return table, schema


def _find_reviews(root: Path | None, name: str | None) -> Path:
    if root is None:
        raise InputError(f"{OWNER}: name the folder of its files (--data-root); {WHERE}")
    if not root.exists():
        raise InputError(f"{root}: no such file or folder; {WHERE}")
    if root.is_file():
        if name is not None:
            raise InputError(f"{OWNER}: reviews {name!r} names a file in a folder, but {root} is a file")
        return root
    if name is not None:
        return _named(root, "reviews", name)
    found = sorted(path.name for path in root.iterdir() if path.is_file() and REVIEWS_NAME.fullmatch(path.name))
    if not found:
        raise InputError(f"{root}: holds no reviews_NAME_5.json[.gz]; {WHERE}, or name another file with 'reviews'")
    return root / _only(root, "reviews", found)


def _find_metadata(reviews: Path, name: str | None) -> Path | None:
    folder = reviews.parent
    if name is not None:
        return _named(folder, "metadata", name)
    category = REVIEWS_NAME.fullmatch(reviews.name)
    if category is None:
        return None
    found = [file for end in (".json", ".json.gz") if (folder / (file := f"meta_{category[1]}{end}")).is_file()]
    return folder / _only(folder, "metadata", found) if found else None


def _named(folder: Path, option: str, name: str) -> Path:
    path = folder / str(name)
    if not path.is_file():
        others = [other.name for other in folder.iterdir() if other.is_file()]
        raise InputError(f"{path}: no such file for the option {option!r}{nearest(str(name), others)}")
    return path


def _only(folder: Path, option: str, found: list[str]) -> str:
    if len(found) > 1:
        raise InputError(f"{folder}: holds {', '.join(found)}; choose one with the option {option!r}")
    return found[0]


def _schema(label: str, shared_vocabulary: bool, history_length: int, categories: bool) -> Schema:
    items, kinds = ("item", "category") if shared_vocabulary else ("history_items", "history_categories")
    history_categories = Field(
        "history_categories", "history", "sequence", vocabulary=kinds, length=history_length, of="category"
    )
    fields = (
        Field("user", "user"),
        *((history_categories,) if categories else ()),
        Field("history_items", "history", "sequence", vocabulary=items, length=history_length, of="item"),
        Field("item", "item"),
        *((Field("category", "item"),) if categories else ()),
        Field("season", column="time", transform="season"),
    )
    classes, click_from = LABELS[label]
    return Schema(fields, user="user", time="time", item="item", classes=classes, click_from=click_from)
