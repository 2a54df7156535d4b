"""MovieLens, any release, from its official files, with the features of the MetaSelector paper.

A row is a rating, in the order of the file. 4 stars and more count as a click. The rating itself is not kept: no model
may see it. Files are found in ``root`` as the official zip, unpacked in a folder of the zip's name, or unpacked in
``root`` itself, and are otherwise downloaded. The checksum of a file that is already there is not compared.
"""

from pathlib import Path

import polars as pl

from clickwise.checks import require_choice
from clickwise.data.sources.archive import find_files
from clickwise.data.sources.movielens_csv import ML_20M, ML_25M, ML_LATEST, ML_LATEST_SMALL
from clickwise.data.sources.movielens_dat import ML_1M, ML_100K
from clickwise.data.sources.movielens_schema import HISTORY_LENGTH, OWNER, Options
from clickwise.schema import Schema

URL = "https://files.grouplens.org/datasets/movielens/{}.zip"
RELEASES = {release.name: release for release in (ML_1M, ML_100K, ML_20M, ML_25M, ML_LATEST, ML_LATEST_SMALL)}


def load(
    root: Path | None = None,
    release: str = "ml-1m",
    label: str = "binary",
    features: str = "all",
    shared_vocabulary: bool = False,
    history_length: int = HISTORY_LENGTH,
    session_length: int = 0,
) -> tuple[pl.DataFrame, Schema]:
    """The ratings of a release.

    Args:
        root: folder that holds ``ml-1m.zip`` or its files, or receives the download; None for the user's cache.
        release: a name in ``RELEASES``.
        label: ``binary`` (4 stars and more against the rest) or ``stars`` (classes 0 to 4 for 1 to 5 stars; where there
            are half stars, they are rounded up).
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
    require_choice(OWNER, "release", release, RELEASES)
    found = RELEASES[release]
    options = Options(label, features, shared_vocabulary, history_length, session_length)
    schema = options.schema(found.profile, found.described)
    files = find_files(root, found.name, URL.format(found.name), found.md5, found.ratings)
    return found.read(files, options), schema
