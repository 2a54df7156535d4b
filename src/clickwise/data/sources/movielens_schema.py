"""What the releases of MovieLens share: what is known of one, the options of its source, and the schema of both."""

from collections.abc import Callable
from dataclasses import dataclass

import polars as pl

from clickwise.checks import require_choice, require_flag, require_whole
from clickwise.data.sources.archive import Files
from clickwise.data.sources.stars import LABELS
from clickwise.errors import InputError
from clickwise.schema import Field, Schema

OWNER = "source MovieLens"
FEATURES = ("all", "ids")
HISTORY_LENGTH = 5
GENRE_SLOTS = 5


@dataclass(frozen=True)
class Options:
    """How a release is to be read.

    Args:
        label: ``binary`` (4 stars and more against the rest) or ``stars`` (five classes).
        features: ``all``, or ``ids`` for the user and the movie alone.
        shared_vocabulary: whether the history's movies and genres share ids and embeddings with the target's.
        history_length: slots of the history of movies and of that of genres.
        session_length: slots of the session, the last movies that the user rated, liked or not, with their labels; 0
            for none.

    Raises:
        InputError: an unknown choice, or an option of histories where there are none.
    """

    label: str = "binary"
    features: str = "all"
    shared_vocabulary: bool = False
    history_length: int = HISTORY_LENGTH
    session_length: int = 0

    def __post_init__(self) -> None:
        require_choice(OWNER, "label", self.label, LABELS)
        require_choice(OWNER, "features", self.features, FEATURES)
        require_flag(OWNER, "shared_vocabulary", self.shared_vocabulary)
        require_whole(OWNER, "session_length", self.session_length, 0)
        if not self.only_ids:
            return
        for option, given in (
            ("shared_vocabulary", self.shared_vocabulary and not self.session_length),
            ("history_length", self.history_length != HISTORY_LENGTH),
        ):
            if given:
                raise InputError(f"{OWNER}: {option} is of histories, and features 'ids' have none; use 'all'")

    @property
    def only_ids(self) -> bool:
        """Whether the user and the movie are all that a model sees."""
        return self.features == "ids"

    def schema(self, profile: tuple[Field, ...] = (), described: tuple[Field, ...] = ()) -> Schema:
        """The unfitted schema; ``profile`` and ``described`` are what the release tells of users and of movies."""
        user, movie = Field("user", "user"), Field("movie", "item")
        fields: tuple[Field, ...] = (user, *self._session(), movie)
        if not self.only_ids:
            own = ("movie", "genres") if self.shared_vocabulary else ("history_movies", "history_genres")
            movies, genres, length = *own, self.history_length
            fields = (
                user,
                *profile,
                Field("history_genres", "history", "bag", vocabulary=genres, length=length, of="genres"),
                Field("history_movies", "history", "sequence", vocabulary=movies, length=length, of="movie"),
                *self._session(),
                movie,
                Field("genres", "item", "bag", length=GENRE_SLOTS, separator="|"),
                *described,
                Field("weekday", column="time", transform="weekday"),
                Field("season", column="time", transform="season"),
            )
        classes, click_from = LABELS[self.label]
        return Schema(fields, user="user", time="time", item="movie", classes=classes, click_from=click_from)

    def _session(self) -> tuple[Field, ...]:
        if not self.session_length:
            return ()
        slots, movies = self.session_length, "movie" if self.shared_vocabulary else "session_movies"
        return (
            Field("session_movies", "history", "sequence", movies, slots, of="movie", events="all"),
            Field("session_labels", "history", "sequence", length=slots, of="label", events="all"),
        )


@dataclass(frozen=True)
class Release:
    """One release.

    Attributes:
        name: of the official download, and of the folder in it.
        md5: of the download, as GroupLens publishes it; None for a release that changes.
        ratings: the file of ratings, by which a folder is recognised.
        read: the rows, from the files and the options.
        profile, described: fields for what the release tells of users and of movies.
    """

    name: str
    md5: str | None
    ratings: str
    read: Callable[[Files, Options], pl.DataFrame]
    profile: tuple[Field, ...] = ()
    described: tuple[Field, ...] = ()
