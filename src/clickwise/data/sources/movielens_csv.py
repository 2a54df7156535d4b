"""MovieLens-20M, 25M and the changing ``latest`` releases: ratings in half stars, and movies without their raters.

The five classes of ``stars`` are half stars rounded up, so 0.5 and 1 are class 0, and 4.5 and 5 are class 4; 3.5 stars
share a class with 4 there, and count as a click in histories. These releases say nothing of users but their number.

A movie of a rating must stand in ``movies.csv``. All do in an official download, so one that does not shows files of
two releases side by side. With ``features="ids"`` that file is not read.

Ratings are read in blocks of whole lines, so that memory grows with the columns that are kept and not with the text.
"""

import polars as pl

from clickwise.data.files import line_blocks
from clickwise.data.sources.archive import Files, LineForm, parse
from clickwise.data.sources.movielens_schema import Options, Release
from clickwise.errors import InputError
from clickwise.schema import Field

RATINGS, MOVIES = "ratings.csv", "movies.csv"
RATINGS_HEADER = "userId,movieId,rating,timestamp"
BLOCK_BYTES = 1 << 25
LATEST_TIME = 10**12  # seconds; what is larger counts something else

_ID = "[0-9]{1,9}"
_RATING_LINE = rf"^{_ID},{_ID},(?:0\.5|[1-4](?:\.[05])?|5(?:\.0)?),[0-9]{{1,12}}\r?$"
_COLUMNS = {"user": pl.Int32(), "movie": pl.Int32(), "rating": pl.Float32(), "time": pl.Int64()}
_MOVIES = LineForm(
    MOVIES,
    rf'^(?P<movie>{_ID}),(?P<title>"(?:[^"]|"")*"|[^",]*),(?P<genres>[^",]+)$',
    "movieId,title,genres; a title with a comma stands in quotes",
    ("movie",),
    header="movieId,title,genres",
)


def _read(files: Files, options: Options) -> pl.DataFrame:
    stars = pl.col("rating").ceil() - 1 if options.label == "stars" else pl.col("rating") >= 4
    ratings = _read_ratings(files, stars.cast(pl.Int8))
    return ratings if options.only_ids else _described(ratings, files)


def _described(ratings: pl.DataFrame, files: Files) -> pl.DataFrame:
    """Genres and year beside each rating."""
    movies = _read_movies(files)
    rated = ratings["movie"].unique(maintain_order=True)
    absent = rated.filter(~rated.is_in(movies["movie"].implode()))
    if len(absent):
        raise InputError(
            f"{files.label(MOVIES)}: movie {absent[0]} of {RATINGS} is absent; take both files from one download"
        )
    return ratings.join(movies, on="movie", how="left", maintain_order="left")


def _read_ratings(files: Files, label: pl.Expr) -> pl.DataFrame:
    """``user``, ``movie``, ``time`` (seconds) and ``label``, one row a line in the order of the file.

    Args:
        files: where they lie.
        label: of the column ``rating``, 0.5 to 5 stars.

    Raises:
        InputError: an absent or damaged file, another header, no rows, or a line in another layout.
    """
    name, tables = files.label(RATINGS), []
    with files.stream(RATINGS) as stream:
        header = stream.readline(1000).decode("utf-8", "replace").rstrip("\r\n")
        if header != RATINGS_HEADER:
            raise InputError(f"{name}: line 1 is {header[:80]!r}; it must be {RATINGS_HEADER}")
        for line, block in line_blocks(stream, BLOCK_BYTES, first=2):
            rows = _parse_block(name, line, block if block.endswith(b"\n") else block + b"\n")
            tables.append(rows.select("user", "movie", "time", label=label))
    if not tables:
        raise InputError(f"{name}: holds no ratings, only its header")
    return pl.concat(tables, rechunk=True)


def _parse_block(name: str, line: int, block: bytes) -> pl.DataFrame:
    """The rows of a block of whole lines, the first of which is number ``line``."""
    halves = pl.col("rating") * 2
    sound = (
        halves.is_between(1, 10)
        & (halves == halves.floor())
        & (pl.col("user") >= 0)
        & (pl.col("movie") >= 0)
        & pl.col("time").is_between(0, LATEST_TIME, closed="left")
    ).fill_null(False)
    try:
        rows = pl.read_csv(block, has_header=False, schema=_COLUMNS, quote_char=None)
    except pl.exceptions.PolarsError:
        raise _bad_line(name, line, block) from None
    if len(rows) != block.count(b"\n") or not rows.select(sound.all()).item():
        raise _bad_line(name, line, block)
    return rows


def _bad_line(name: str, line: int, block: bytes) -> InputError:
    lines = pl.Series(block.decode("utf-8", "replace").removesuffix("\n").split("\n"))
    bad = int((~lines.str.contains(_RATING_LINE)).arg_true()[0])
    return InputError(
        f"{name}: line {line + bad} is {lines[bad][:80]!r}; a line there is user,movie,rating,seconds "
        "with a rating of 0.5, 1, 1.5 ... 5"
    )


def _read_movies(files: Files) -> pl.DataFrame:
    """``movie``, ``genres`` (null where none are listed) and ``year`` (null where the title ends without one).

    Raises:
        InputError: an absent or damaged file, another header, a line in another layout, or a movie that stands twice.
    """
    movies = parse(files, _MOVIES, unique="movie")
    return movies.select(
        pl.col("movie").cast(pl.Int32),
        pl.when(pl.col("genres") != "(no genres listed)").then("genres").alias("genres"),
        year=pl.col("title").str.extract(r'\(([0-9]{4})[^()]*\)[\s"]*$').cast(pl.Int16),
    )


def _release(name: str, md5: str | None) -> Release:
    # The year stays a category: taste for it is no line, and its hundred values cost next to nothing.
    return Release(name, md5, RATINGS, _read, described=(Field("year", "item"),))


ML_20M = _release("ml-20m", "cd245b17a1ae2cc31bb14903e1204af3")
ML_25M = _release("ml-25m", "6b51fb2759a8657d3bfcbfc42b592ada")
ML_LATEST = _release("ml-latest", None)
ML_LATEST_SMALL = _release("ml-latest-small", None)
