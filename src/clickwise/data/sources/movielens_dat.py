"""The three files of MovieLens-1M and MovieLens-100K: ratings, users and movies, one a line without a header."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import polars as pl

from clickwise.data.sources.archive import Files, LineForm, parse
from clickwise.data.sources.movielens_schema import Options, Release
from clickwise.errors import InputError
from clickwise.schema import Field

NUMBER = "[0-9]{1,12}"
GENRES_100K = (
    *("unknown", "Action", "Adventure", "Animation", "Children's", "Comedy", "Crime", "Documentary", "Drama"),
    *("Fantasy", "Film-Noir", "Horror", "Musical", "Mystery", "Romance", "Sci-Fi", "Thriller", "War", "Western"),
)


@dataclass(frozen=True)
class _Forms:
    """How the files are written; ``genres`` brings what was read of movies to ``movie`` and ``genres``."""

    ratings: LineForm
    users: LineForm
    movies: LineForm
    genres: Callable[[pl.DataFrame], pl.DataFrame]


def _read(files: Files, options: Options, forms: _Forms) -> pl.DataFrame:
    stars = pl.col("rating") - 1
    label = stars if options.label == "stars" else (stars >= 3).cast(pl.Int64)
    table = parse(files, forms.ratings).select("user", "movie", "time", label=label)
    return table if options.only_ids else _described(table, files, forms)


def _described(table: pl.DataFrame, files: Files, forms: _Forms) -> pl.DataFrame:
    """What the files tell of user and movie beside each rating."""
    users = parse(files, forms.users, unique="user")
    movies = forms.genres(parse(files, forms.movies, unique="movie"))
    for described, key, form in ((users, "user", forms.users), (movies, "movie", forms.movies)):
        absent = table.filter(~pl.col(key).is_in(described[key].implode()))
        if not absent.is_empty():
            raise InputError(f"{files.label(form.name)}: {key} {absent[key][0]} of {forms.ratings.name} is absent")
        table = table.join(described, on=key, how="left", maintain_order="left")
    return table.select("user", "movie", "time", "label", "age", "gender", "occupation", "genres")


def _genres_from_flags(movies: pl.DataFrame) -> pl.DataFrame:
    """``genres`` as text from 19 flags, one a genre; null for a movie without any."""
    flag = pl.col("flags").str.split("|").list
    names = [pl.when(flag.get(k) == "1").then(pl.lit(name)) for k, name in enumerate(GENRES_100K)]
    genres = pl.concat_str(names, separator="|", ignore_nulls=True)
    return movies.select("movie", genres=pl.when(genres != "").then(genres))


_FORMS_1M = _Forms(
    ratings=LineForm(
        "ratings.dat",
        rf"^(?P<user>{NUMBER})::(?P<movie>{NUMBER})::(?P<rating>[1-5])::(?P<time>{NUMBER})$",
        "user::movie::rating::seconds",
        ("user", "movie", "rating", "time"),
    ),
    users=LineForm(
        "users.dat",
        rf"^(?P<user>{NUMBER})::(?P<gender>[MF])::(?P<age>{NUMBER})::(?P<occupation>{NUMBER})::[^:]*$",
        "user::gender::age::occupation::zip-code",
        ("user", "age", "occupation"),
    ),
    # A title may hold colons, so it is whatever stands between the first '::' and the last.
    movies=LineForm("movies.dat", rf"^(?P<movie>{NUMBER})::.*::(?P<genres>[^:]+)$", "movie::title::genres", ("movie",)),
    genres=lambda movies: movies,
)

_FORMS_100K = _Forms(
    ratings=LineForm(
        "u.data",
        rf"^(?P<user>{NUMBER})\t(?P<movie>{NUMBER})\t(?P<rating>[1-5])\t(?P<time>{NUMBER})$",
        "user, movie, rating and seconds, tab-separated",
        ("user", "movie", "rating", "time"),
    ),
    users=LineForm(
        "u.user",
        rf"^(?P<user>{NUMBER})\|(?P<age>{NUMBER})\|(?P<gender>[MF])\|(?P<occupation>[^|]+)\|[^|]*$",
        "user|age|gender|occupation|zip-code",
        ("user", "age"),
    ),
    movies=LineForm(
        "u.item",
        rf"^(?P<movie>{NUMBER})\|.*\|(?P<flags>[01](?:\|[01]){{18}})$",
        "movie|title|dates|link|19 genre flags",
        ("movie",),
    ),
    genres=_genres_from_flags,
)

ML_1M = Release(
    "ml-1m",
    "c4d9eecfca2ab87c1945afe126590906",
    _FORMS_1M.ratings.name,
    partial(_read, forms=_FORMS_1M),
    profile=(Field("age", "user"), Field("gender", "user"), Field("occupation", "user")),
)
# This release has ages in years; seven buckets stand for the seven bands of MovieLens-1M.
_AGE_IN_YEARS = Field("age", "user", "number", transform="quantile", buckets=7)
ML_100K = Release(
    "ml-100k",
    "0e33842e24a9c977be4e0107933c0723",
    _FORMS_100K.ratings.name,
    partial(_read, forms=_FORMS_100K),
    profile=(_AGE_IN_YEARS, Field("gender", "user"), Field("occupation", "user")),
)
