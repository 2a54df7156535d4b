"""MovieLens-1M and MovieLens-100K, from their official files, with the features of the MetaSelector paper.

A row is a rating, in the order of the file. 4 and 5 stars count as a click. The rating itself is not kept: no model
may see it. Files are found in ``root`` as the official zip, unpacked in a folder of the zip's name, or unpacked in
``root`` itself, and are otherwise downloaded. The checksum of a file that is already there is not compared.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from clickwise.data.sources.archive import File, Files, find_files, parse
from clickwise.data.sources.movielens_schema import HISTORY_LENGTH, Options
from clickwise.errors import InputError
from clickwise.schema import Field, Schema

NUMBER = "[0-9]{1,12}"
GENRES_100K = (
    *("unknown", "Action", "Adventure", "Animation", "Children's", "Comedy", "Crime", "Documentary", "Drama"),
    *("Fantasy", "Film-Noir", "Horror", "Musical", "Mystery", "Romance", "Sci-Fi", "Thriller", "War", "Western"),
)


@dataclass(frozen=True)
class _Release:
    """One release of MovieLens: its official download, and how its three files are written."""

    name: str
    md5: str
    ratings: File
    users: File
    movies: File
    age: Field
    genres: Callable[[pl.DataFrame], pl.DataFrame]

    @property
    def url(self) -> str:
        return f"https://files.grouplens.org/datasets/movielens/{self.name}.zip"


def _genres_from_flags(movies: pl.DataFrame) -> pl.DataFrame:
    """``genres`` as text from 19 flags, one a genre; null for a movie without any."""
    flag = pl.col("flags").str.split("|").list
    names = [pl.when(flag.get(k) == "1").then(pl.lit(name)) for k, name in enumerate(GENRES_100K)]
    genres = pl.concat_str(names, separator="|", ignore_nulls=True)
    return movies.select("movie", genres=pl.when(genres != "").then(genres))


ML_1M = _Release(
    name="ml-1m",
    md5="c4d9eecfca2ab87c1945afe126590906",
    ratings=File(
        "ratings.dat",
        rf"^(?P<user>{NUMBER})::(?P<movie>{NUMBER})::(?P<rating>[1-5])::(?P<time>{NUMBER})$",
        "user::movie::rating::seconds",
        ("user", "movie", "rating", "time"),
    ),
    users=File(
        "users.dat",
        rf"^(?P<user>{NUMBER})::(?P<gender>[MF])::(?P<age>{NUMBER})::(?P<occupation>{NUMBER})::[^:]*$",
        "user::gender::age::occupation::zip-code",
        ("user", "age", "occupation"),
    ),
    # A title may hold colons, so it is whatever stands between the first '::' and the last.
    movies=File("movies.dat", rf"^(?P<movie>{NUMBER})::.*::(?P<genres>[^:]+)$", "movie::title::genres", ("movie",)),
    age=Field("age", "user"),
    genres=lambda movies: movies,
)

ML_100K = _Release(
    name="ml-100k",
    md5="0e33842e24a9c977be4e0107933c0723",
    ratings=File(
        "u.data",
        rf"^(?P<user>{NUMBER})\t(?P<movie>{NUMBER})\t(?P<rating>[1-5])\t(?P<time>{NUMBER})$",
        "user, movie, rating and seconds, tab-separated",
        ("user", "movie", "rating", "time"),
    ),
    users=File(
        "u.user",
        rf"^(?P<user>{NUMBER})\|(?P<age>{NUMBER})\|(?P<gender>[MF])\|(?P<occupation>[^|]+)\|[^|]*$",
        "user|age|gender|occupation|zip-code",
        ("user", "age"),
    ),
    movies=File(
        "u.item",
        rf"^(?P<movie>{NUMBER})\|.*\|(?P<flags>[01](?:\|[01]){{18}})$",
        "movie|title|dates|link|19 genre flags",
        ("movie",),
    ),
    # This release has ages in years; seven buckets stand for the seven bands of MovieLens-1M.
    age=Field("age", "user", "number", transform="quantile", buckets=7),
    genres=_genres_from_flags,
)


def load_1m(
    root: Path | None = None,
    label: str = "binary",
    features: str = "all",
    shared_vocabulary: bool = False,
    history_length: int = HISTORY_LENGTH,
    session_length: int = 0,
) -> tuple[pl.DataFrame, Schema]:
    """MovieLens-1M: 1,000,209 ratings of 3,706 movies by 6,040 users.

    Args:
        root: folder that holds ``ml-1m.zip`` or its files, or receives the download; None for the user's cache.
        label: ``binary`` (4 and 5 stars against the rest) or ``stars`` (classes 0 to 4 for 1 to 5 stars).
        features: ``all``, or ``ids`` for the user and the movie alone, as the AutoLoss paper has them; then the
            files of users and of movies are not read.
        shared_vocabulary: whether the history's movies and genres share ids and embeddings with the target's. The
            paper's count of features fits separate ones, and a linear weight means different things in the two places.
        history_length: slots of the history of movies and of that of genres.
        session_length: slots of the session, the last movies that the user rated, liked or not, with their labels; 0
            for none.

    Raises:
        InputError: files that cannot be downloaded, are damaged, or are not in the official layout.
    """
    return _load(ML_1M, root, Options(label, features, shared_vocabulary, history_length, session_length))


def load_100k(
    root: Path | None = None,
    label: str = "binary",
    features: str = "all",
    shared_vocabulary: bool = False,
    history_length: int = HISTORY_LENGTH,
    session_length: int = 0,
) -> tuple[pl.DataFrame, Schema]:
    """MovieLens-100K: 100,000 ratings of 1,682 movies by 943 users; arguments and errors as for ``load_1m``."""
    return _load(ML_100K, root, Options(label, features, shared_vocabulary, history_length, session_length))


def _load(release: _Release, root: Path | None, options: Options) -> tuple[pl.DataFrame, Schema]:
    schema = options.schema(profile=(release.age, Field("gender", "user"), Field("occupation", "user")))
    files = find_files(root, release.name, release.url, release.md5, release.ratings.name)
    stars = pl.col("rating") - 1
    label = stars if options.label == "stars" else (stars >= 3).cast(pl.Int64)
    table = parse(files, release.ratings).select("user", "movie", "time", label=label)
    return table if options.only_ids else _described(table, files, release), schema


def _described(table: pl.DataFrame, files: Files, release: _Release) -> pl.DataFrame:
    """What the release tells of user and movie beside each rating."""
    users = parse(files, release.users, unique="user")
    movies = release.genres(parse(files, release.movies, unique="movie"))
    for described, key, file in ((users, "user", release.users), (movies, "movie", release.movies)):
        absent = table.filter(~pl.col(key).is_in(described[key].implode()))
        if not absent.is_empty():
            raise InputError(f"{files.label(file.name)}: {key} {absent[key][0]} of {release.ratings.name} is absent")
        table = table.join(described, on=key, how="left", maintain_order="left")
    return table.select("user", "movie", "time", "label", "age", "gender", "occupation", "genres")
