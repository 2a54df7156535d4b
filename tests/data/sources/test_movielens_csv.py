"""MovieLens-20M and its successors: official layouts made by hand, half stars, and damaged files."""

import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from clickwise.data.prepare import prepare
from clickwise.data.sources import archive, load_source, movielens_csv
from clickwise.data.tables import from_frame
from clickwise.errors import InputError

RATINGS = "userId,movieId,rating,timestamp\n1,10,3.5,1112486027\n1,20,4.0,1112484676\n7,30,0.5,1112484819\n"
MOVIES = (
    "movieId,title,genres\n"
    "10,Toy Story (1995),Adventure|Animation|Children\n"
    '20,"American President, The (""AP"", 1995) (1996)",Comedy\n'
    "30,Caf\u00e9 Society,(no genres listed)\n"
    "40,Big Bang Theory (2007-),Comedy\n"
)
FILES = {"ratings.csv": RATINGS, "movies.csv": MOVIES}
SOURCES = ("movielens-20m", "movielens-25m", "movielens-latest", "movielens-latest-small")


def zipped(root: Path, name: str, files: dict[str, str]) -> Path:
    with zipfile.ZipFile(root / f"{name}.zip", "w", zipfile.ZIP_DEFLATED) as target:
        for file, text in files.items():
            target.writestr(f"{name}/{file}", text.encode())
    return root


def written(folder: Path, files: dict[str, str]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / name).write_bytes(text.encode())
    return folder


@pytest.mark.parametrize("source", SOURCES)
def test_releases_from_zip_and_folder(source: str, tmp_path: Path) -> None:
    name = "ml-" + source.removeprefix("movielens-")
    (tmp_path / "zip").mkdir()
    written(tmp_path / "folder" / name, FILES)
    for root in (zipped(tmp_path / "zip", name, FILES), tmp_path / "folder", tmp_path / "folder" / name):
        table, schema = load_source(source, root)
        assert table.to_dict(as_series=False) == {
            "user": [1, 1, 7],
            "movie": [10, 20, 30],
            "time": [1112486027, 1112484676, 1112484819],
            "label": [0, 1, 0],
            "genres": ["Adventure|Animation|Children", "Comedy", None],
            "year": [1995, 1996, None],
        }
    names = "user history_genres history_movies movie genres year weekday season"
    assert [field.name for field in schema.fields] == names.split()


def test_stars_are_half_stars_rounded_up(tmp_path: Path) -> None:
    ratings = "".join(f"1,10,{half / 2},{1_000_000_000 + half}\n" for half in range(1, 11))
    root = zipped(tmp_path, "ml-20m", {**FILES, "ratings.csv": RATINGS.split("\n")[0] + "\n" + ratings})
    stars, schema = load_source("movielens-20m", root, label="stars")
    assert stars["label"].to_list() == [0, 0, 1, 1, 2, 2, 3, 3, 4, 4]
    assert (schema.classes, schema.click_from) == (5, 3)
    binary, schema = load_source("movielens-20m", root)
    assert binary["label"].to_list() == [0, 0, 0, 0, 0, 0, 0, 1, 1, 1]
    assert (schema.classes, schema.click_from) == (2, 1)


def test_ids_alone_need_no_file_of_movies(tmp_path: Path) -> None:
    root = zipped(tmp_path, "ml-20m", {"ratings.csv": RATINGS})
    table, schema = load_source("movielens-20m", root, label="stars", features="ids")
    assert table.columns == ["user", "movie", "time", "label"]
    assert [(field.name, field.owner) for field in schema.fields] == [("user", "user"), ("movie", "item")]
    assert (schema.width, schema.item, schema.user, schema.classes) == (2, "movie", "user", 5)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"features": "id"}, r"features 'id' is unknown; did you mean 'ids'\?"),
        ({"label": "star"}, r"label 'star' is unknown; did you mean 'stars'\?"),
        ({"features": "ids", "history_length": 9}, "history_length is of histories"),
        ({"features": "ids", "shared_vocabulary": True}, "shared_vocabulary is of histories"),
    ],
)
def test_wrong_options(options: dict[str, object], message: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=message):
        load_source("movielens-25m", zipped(tmp_path, "ml-25m", FILES), **options)


@pytest.mark.parametrize("ending", ["\n", "\r\n"])
@pytest.mark.parametrize("last", ["", "\n"])
def test_blocks_hold_whole_lines(ending: str, last: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Blocks of a few bytes give what one block gives, whatever the line ends and however the file ends."""
    rng = np.random.default_rng(0)
    frame = pl.DataFrame(
        {
            "userId": rng.integers(1, 10**6, 400),
            "movieId": rng.integers(1, 10**6, 400),
            "rating": rng.integers(1, 11, 400) / 2,
            "timestamp": rng.integers(0, 10**10, 400),
        }
    )
    text = frame.write_csv().removesuffix("\n").replace("\n", ending) + (ending if last else "")
    zipped(tmp_path, "ml-latest", {"ratings.csv": text})
    for size in (1, 100, 1 << 20):
        monkeypatch.setattr(movielens_csv, "BLOCK_BYTES", size)
        table, _ = load_source("movielens-latest", tmp_path, features="ids")
        assert table["user"].to_list() == frame["userId"].to_list()
        assert table["movie"].to_list() == frame["movieId"].to_list()
        assert table["time"].to_list() == frame["timestamp"].to_list()
        assert table["label"].to_list() == (frame["rating"] >= 4).cast(pl.Int64).to_list()


def test_prepares_with_histories_of_clicked_movies(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    rows = "".join(
        f"{rng.integers(1, 9)},{10 * rng.integers(1, 5)},{rng.integers(1, 11) / 2},{10**9 + 1000 * row}\n"
        for row in range(300)
    )
    root = zipped(tmp_path, "ml-25m", {**FILES, "ratings.csv": RATINGS.split("\n")[0] + "\n" + rows})
    table, schema = load_source("movielens-25m", root, label="stars", shared_vocabulary=True)
    log = prepare(from_frame(table, "movielens-25m"), schema, "chronological", tmp_path / "out")
    movies, history = log.schema.slots("movie"), log.schema.slots("history_movies")
    target = log.train.ids[:, movies.start]
    for row in (50, 120, 239):
        own = (log.train.user == log.train.user[row]) & (log.train.time < log.train.time[row]) & (log.train.label >= 3)
        earlier = target[np.flatnonzero(own)][-5:].tolist()
        assert [code for code in log.train.ids[row, history].tolist() if code] == earlier


def line(file: str, row: int, text: str) -> Callable[[dict[str, str]], dict[str, str]]:
    """Another text in one line of a file."""

    def change(files: dict[str, str]) -> dict[str, str]:
        rows = files[file].split("\n")
        rows[row - 1] = text
        return {**files, file: "\n".join(rows)}

    return change


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (line("ratings.csv", 3, "1,20,4.2,1112484676"), r"ratings.csv: line 3 is '1,20,4.2,1112484676'; .*0.5, 1, 1.5"),
        (line("ratings.csv", 3, "1,20,0,1112484676"), "ratings.csv: line 3 is"),
        (line("ratings.csv", 3, "1,20,5.5,1112484676"), "ratings.csv: line 3 is"),
        (line("ratings.csv", 3, "1,20,nan,1112484676"), "ratings.csv: line 3 is"),
        (line("ratings.csv", 3, "1,20,,1112484676"), "ratings.csv: line 3 is"),
        (line("ratings.csv", 3, "-1,20,4.0,1112484676"), "ratings.csv: line 3 is"),
        (line("ratings.csv", 3, "1,20,4.0,1112484676000"), "ratings.csv: line 3 is"),
        (line("ratings.csv", 3, "1,20,4.0"), "ratings.csv: line 3 is"),
        (line("ratings.csv", 3, "1,20,4.0,1112484676,x"), "ratings.csv: line 3 is"),
        (line("ratings.csv", 3, "one,20,4.0,1112484676"), "ratings.csv: line 3 is 'one"),
        (line("ratings.csv", 3, "99999999999,20,4.0,1112484676"), "ratings.csv: line 3 is"),
        (line("ratings.csv", 3, ""), "ratings.csv: line 3 is ''"),
        (
            line("ratings.csv", 1, "user,movie,rating,timestamp"),
            "ratings.csv: line 1 is .*it must be userId,movieId,ra",
        ),
        (line("ratings.csv", 1, "1,10,3.5,1112486027"), "ratings.csv: line 1 is .*it must be userId"),
        (lambda files: {**files, "ratings.csv": ""}, "ratings.csv: line 1 is ''; it must be"),
        (lambda files: {**files, "ratings.csv": RATINGS.split("\n")[0] + "\n"}, "ratings.csv: holds no ratings"),
        (line("movies.csv", 1, "id,title,genres"), "movies.csv: line 1 is 'id,title,genres'; it must be movieId"),
        (line("movies.csv", 3, "20,American President, The,Comedy"), "movies.csv: line 3 is '20,American"),
        (line("movies.csv", 3, "10,A,Comedy"), "movies.csv: line 3: movie 10 stands twice"),
        (line("movies.csv", 3, "21,A,Comedy"), r"movies.csv: movie 20 of ratings.csv is absent; take both files"),
        (lambda files: {"ratings.csv": RATINGS}, "movies.csv: absent; the official download"),
        (lambda files: {"movies.csv": MOVIES}, "ratings.csv: absent; the official download"),
    ],
)
def test_wrong_layout_names_file_and_line(
    change: Callable[[dict[str, str]], dict[str, str]], message: str, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match=message) as error:
        load_source("movielens-20m", zipped(tmp_path, "ml-20m", change(FILES)))
    assert "\n" not in str(error.value)


def test_a_bad_line_is_counted_over_blocks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(movielens_csv, "BLOCK_BYTES", 64)
    good = "".join(f"1,10,3.0,{1_000_000_000 + row}\n" for row in range(100))
    text = RATINGS.split("\n")[0] + "\n" + good + "1,10,3.3,1\n" + good
    with pytest.raises(InputError, match=r"ratings.csv: line 102 is '1,10,3.3,1'"):
        load_source("movielens-20m", zipped(tmp_path, "ml-20m", {"ratings.csv": text}), features="ids")


def test_damaged_zip(tmp_path: Path) -> None:
    path = zipped(tmp_path, "ml-20m", FILES) / "ml-20m.zip"
    content = path.read_bytes()
    middle = content.index(b"ratings.csv") + 20
    for damaged in (content[: len(content) // 2], b"", content[:middle] + b"????????" + content[middle + 8 :]):
        path.write_bytes(damaged)
        with pytest.raises(InputError, match=r"ml-20m.zip: damaged zip .*fetch it again"):
            load_source("movielens-20m", tmp_path)


@pytest.mark.parametrize("source", SOURCES)
def test_absent_files_are_downloaded_with_the_published_checksum(
    source: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """GroupLens publishes checksums of the benchmark releases; what it replaces at times can have none."""
    published = {"ml-20m": "cd245b17a1ae2cc31bb14903e1204af3", "ml-25m": "6b51fb2759a8657d3bfcbfc42b592ada"}
    name = "ml-" + source.removeprefix("movielens-")

    def fetch(url: str, md5: str | None, folder: Path | None) -> Path:
        assert url == f"https://files.grouplens.org/datasets/movielens/{name}.zip"
        assert md5 == published.get(name)
        return zipped(folder or tmp_path, name, FILES) / f"{name}.zip"

    monkeypatch.setattr(archive, "fetch", fetch)
    assert len(load_source(source, tmp_path)[0]) == 3
