"""MovieLens-20M, 25M and the changing ``latest`` releases: ratings in half stars, and movies without their raters.

A row is a rating, in the order of the file. 4 stars and more count as a click. The five classes of ``stars`` are half
stars rounded up, so 0.5 and 1 are class 0, and 4.5 and 5 are class 4; 3.5 stars share a class with 4 there, and count
as a click in histories. These releases say nothing of users but their number.

A movie of a rating must stand in ``movies.csv``. All do in an official download, so one that does not shows files of
two releases side by side. With ``features="ids"`` that file is not read.
"""

from dataclasses import dataclass
from pathlib import Path

import polars as pl

from clickwise.data.sources.archive import Files, find_files
from clickwise.data.sources.movielens_files import MOVIES, RATINGS, read_movies, read_ratings
from clickwise.data.sources.movielens_schema import HISTORY_LENGTH, Options
from clickwise.errors import InputError
from clickwise.schema import Field, Schema


@dataclass(frozen=True)
class _Release:
    """One release: its official download, and the MD5 that GroupLens publishes; None for a release that changes."""

    name: str
    md5: str | None

    @property
    def url(self) -> str:
        return f"https://files.grouplens.org/datasets/movielens/{self.name}.zip"


ML_20M = _Release("ml-20m", "cd245b17a1ae2cc31bb14903e1204af3")
ML_25M = _Release("ml-25m", "6b51fb2759a8657d3bfcbfc42b592ada")
ML_LATEST = _Release("ml-latest", None)
ML_LATEST_SMALL = _Release("ml-latest-small", None)


def load_20m(
    root: Path | None = None,
    label: str = "binary",
    features: str = "all",
    shared_vocabulary: bool = False,
    history_length: int = HISTORY_LENGTH,
    session_length: int = 0,
) -> tuple[pl.DataFrame, Schema]:
    """MovieLens-20M: 20,000,263 ratings of 26,744 movies by 138,493 users.

    Args:
        root: folder that holds ``ml-20m.zip`` or its files, or receives the download; None for the user's cache.
        label: ``binary`` (4 stars and more against the rest) or ``stars`` (classes 0 to 4: half stars rounded up).
        features: ``all`` (with genres, year, weekday, season and histories) or ``ids`` (user and movie alone, as the
            AutoLoss paper has them).
        shared_vocabulary: whether the history's movies and genres share ids and embeddings with the target's.
        history_length: slots of the history of movies and of that of genres.
        session_length: slots of the session, the last movies that the user rated, liked or not, with their labels; 0
            for none.

    Raises:
        InputError: files that cannot be downloaded, are damaged, or are not in the official layout.
    """
    return _load(ML_20M, root, Options(label, features, shared_vocabulary, history_length, session_length))


def load_25m(
    root: Path | None = None,
    label: str = "binary",
    features: str = "all",
    shared_vocabulary: bool = False,
    history_length: int = HISTORY_LENGTH,
    session_length: int = 0,
) -> tuple[pl.DataFrame, Schema]:
    """MovieLens-25M: 25,000,095 ratings of 59,047 movies by 162,541 users; the rest is as for ``load_20m``."""
    return _load(ML_25M, root, Options(label, features, shared_vocabulary, history_length, session_length))


def load_latest(
    root: Path | None = None,
    label: str = "binary",
    features: str = "all",
    shared_vocabulary: bool = False,
    history_length: int = HISTORY_LENGTH,
    session_length: int = 0,
) -> tuple[pl.DataFrame, Schema]:
    """MovieLens-latest: all ratings, replaced from time to time, so its download has no checksum; as ``load_20m``."""
    return _load(ML_LATEST, root, Options(label, features, shared_vocabulary, history_length, session_length))


def load_latest_small(
    root: Path | None = None,
    label: str = "binary",
    features: str = "all",
    shared_vocabulary: bool = False,
    history_length: int = HISTORY_LENGTH,
    session_length: int = 0,
) -> tuple[pl.DataFrame, Schema]:
    """MovieLens-latest-small: some 100,000 of the ratings of ``load_latest``, and replaced like them."""
    return _load(ML_LATEST_SMALL, root, Options(label, features, shared_vocabulary, history_length, session_length))


def _load(release: _Release, root: Path | None, options: Options) -> tuple[pl.DataFrame, Schema]:
    # The year stays a category: taste for it is no line, and its hundred values cost next to nothing.
    schema = options.schema(described=(Field("year", "item"),))
    files = find_files(root, release.name, release.url, release.md5, RATINGS)
    stars = pl.col("rating").ceil() - 1 if options.label == "stars" else pl.col("rating") >= 4
    ratings = read_ratings(files, stars.cast(pl.Int8))
    return ratings if options.only_ids else _described(ratings, files), schema


def _described(ratings: pl.DataFrame, files: Files) -> pl.DataFrame:
    """Genres and year beside each rating."""
    movies = read_movies(files)
    rated = ratings["movie"].unique(maintain_order=True)
    absent = rated.filter(~rated.is_in(movies["movie"].implode()))
    if len(absent):
        raise InputError(
            f"{files.label(MOVIES)}: movie {absent[0]} of {RATINGS} is absent; take both files from one download"
        )
    return ratings.join(movies, on="movie", how="left", maintain_order="left")
