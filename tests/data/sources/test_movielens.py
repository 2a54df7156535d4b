"""MovieLens: official layouts made by hand, damaged ones, and the counts of the real files."""

import zipfile
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from clickwise.data.sources import archive, load_source
from clickwise.errors import InputError

ML_1M = {
    "ratings.dat": "1::10::5::978300760\n2::20::3::978302109\n1::20::4::978300761\n",
    "users.dat": "1::F::1::10::48067\n2::M::56::16::70072-12\n",
    "movies.dat": "10::Toy Story (1995)::Animation|Children's\n20::Caf\u00e9: Star::Wars: IV (1977)::Sci-Fi\n"
    "30::Heat (1995)::War\n",
}
FLAGS = {"none": "|".join("0" * 19), "two": "|".join("0101000000000000000")}
ML_100K = {
    "u.data": "1\t10\t5\t881250949\n2\t20\t3\t891717742\n",
    "u.user": "1|24|M|technician|85711\n2|53|F|other|94043\n",
    "u.item": f"10|Caf\u00e9 (1995)|01-Jan-1995||http://x/a|{FLAGS['two']}\n20|B|C||| {FLAGS['none']}\n".replace(
        "| ", "|"
    ),
}


def write(folder: Path, files: dict[str, str]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / name).write_bytes(text.encode("latin-1"))


def zipped(root: Path, name: str, files: dict[str, str]) -> Path:
    with zipfile.ZipFile(root / f"{name}.zip", "w", zipfile.ZIP_DEFLATED) as target:
        for file, text in files.items():
            target.writestr(f"{name}/{file}", text.encode("latin-1"))
    return root


def test_1m_from_zip(tmp_path: Path) -> None:
    table, _ = load_source("movielens-1m", zipped(tmp_path, "ml-1m", ML_1M))
    assert table.to_dict(as_series=False) == {
        "user": [1, 2, 1],
        "movie": [10, 20, 20],
        "time": [978300760, 978302109, 978300761],
        "label": [1, 0, 1],
        "age": [1, 56, 1],
        "gender": ["F", "M", "F"],
        "occupation": [10, 16, 10],
        "genres": ["Animation|Children's", "Sci-Fi", "Sci-Fi"],
    }


def test_100k_from_zip(tmp_path: Path) -> None:
    table, schema = load_source("movielens-100k", zipped(tmp_path, "ml-100k", ML_100K))
    assert table["genres"].to_list() == ["Action|Animation", None]
    assert table["age"].to_list() == [24, 53]
    assert table["occupation"].to_list() == ["technician", "other"]
    assert (schema["age"].transform, schema["age"].buckets) == ("quantile", 7)


@pytest.mark.parametrize("inner", ["", "ml-1m"])
def test_unpacked_files_and_windows_line_ends(inner: str, tmp_path: Path) -> None:
    write(tmp_path / inner, {name: text.replace("\n", "\r\n") for name, text in ML_1M.items()})
    table, _ = load_source("movielens-1m", tmp_path)
    assert table["genres"].to_list() == ["Animation|Children's", "Sci-Fi", "Sci-Fi"]


def test_root_may_be_the_zip_itself(tmp_path: Path) -> None:
    zipped(tmp_path, "ml-1m", ML_1M)
    assert len(load_source("movielens-1m", tmp_path / "ml-1m.zip")[0]) == 3


def test_stars_are_classes(tmp_path: Path) -> None:
    table, schema = load_source("movielens-1m", zipped(tmp_path, "ml-1m", ML_1M), label="stars")
    assert table["label"].to_list() == [4, 2, 3]
    assert (schema.classes, schema.click_from) == (5, 3)


def test_schema_has_the_fields_of_the_paper_and_not_the_rating(tmp_path: Path) -> None:
    table, schema = load_source("movielens-1m", zipped(tmp_path, "ml-1m", ML_1M))
    names = "user age gender occupation history_genres history_movies movie genres weekday season"
    assert [field.name for field in schema.fields] == names.split()
    assert schema.width == 7 + 3 * 5  # the paper's FFM has 22 fields
    assert "rating" not in table.columns
    assert schema.keep == ()
    # the paper's count of features fits vocabularies of their own for the histories
    assert schema["history_movies"].vocabulary == "history_movies"
    assert schema["history_genres"].vocabulary == "history_genres"


def test_vocabularies_can_be_shared_and_histories_longer(tmp_path: Path) -> None:
    zipped(tmp_path, "ml-1m", ML_1M)
    _, schema = load_source("movielens-1m", tmp_path, shared_vocabulary=True, history_length=9)
    assert schema["history_movies"].vocabulary == "movie"
    assert schema["history_genres"].vocabulary == "genres"
    assert schema["history_movies"].length == 9
    assert schema["genres"].length == 5


def test_sessions_hold_every_rating_and_its_label(tmp_path: Path) -> None:
    zipped(tmp_path, "ml-1m", ML_1M)
    plain, without = load_source("movielens-1m", tmp_path)
    table, schema = load_source("movielens-1m", tmp_path, session_length=9, label="stars")
    assert table.drop("label").equals(plain.drop("label"))
    movies, labels = schema["session_movies"], schema["session_labels"]
    assert (movies.of, movies.events, movies.length, movies.vocabulary) == ("movie", "all", 9, "session_movies")
    assert (labels.of, labels.events, labels.length) == ("label", "all", 9)
    assert schema.collects_label(labels)
    assert [f for f in schema.fields if f not in (movies, labels)] == list(without.fields)
    shared = {"shared_vocabulary": True, "session_length": 2}
    _, schema = load_source("movielens-1m", tmp_path, features="ids", **shared)
    assert [field.name for field in schema.fields] == ["user", "session_movies", "session_labels", "movie"]
    assert schema["session_movies"].vocabulary == "movie"


@pytest.mark.parametrize("length", [-1, 2.0, True])
def test_session_lengths_that_cannot_be(length: object, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=f"session_length must be a whole number of at least 0, not {length!r}"):
        load_source("movielens-1m", zipped(tmp_path, "ml-1m", ML_1M), session_length=length)


@pytest.mark.parametrize(
    ("source", "name", "file"), [("movielens-1m", "ml-1m", "ratings.dat"), ("movielens-100k", "ml-100k", "u.data")]
)
def test_ids_alone_read_the_ratings_alone(source: str, name: str, file: str, tmp_path: Path) -> None:
    files = ML_1M if name == "ml-1m" else ML_100K
    whole, _ = load_source(source, zipped(tmp_path, name, files), label="stars")
    zipped(tmp_path, name, {file: files[file]})
    table, schema = load_source(source, tmp_path, label="stars", features="ids")
    assert table.equals(whole.select("user", "movie", "time", "label"))
    assert [field.name for field in schema.fields] == ["user", "movie"]
    assert (schema.classes, schema.click_from) == (5, 3)


def lines(file: str, row: int, text: str) -> Callable[[dict[str, str]], dict[str, str]]:
    """Another text in one line of a file."""

    def change(files: dict[str, str]) -> dict[str, str]:
        rows = files[file].split("\n")
        rows[row - 1] = text
        return {**files, file: "\n".join(rows)}

    return change


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lines("ratings.dat", 2, "2,20,3,978302109"),
            r"ratings.dat: line 2 is '2,20,3,978302109'; .*user::movie::rating",
        ),
        (lines("ratings.dat", 1, "1::10::6::978300760"), "ratings.dat: line 1 is"),
        (lines("ratings.dat", 3, ""), "ratings.dat: line 3 is ''"),
        (lines("users.dat", 2, "2::M::56"), "users.dat: line 2 is"),
        (lines("users.dat", 2, "1::M::56::16::7"), "users.dat: line 2: user 1 stands twice"),
        (lines("users.dat", 2, "3::M::56::16::7"), "users.dat: user 2 of ratings.dat is absent"),
        (lines("movies.dat", 2, "21::A::War"), "movies.dat: movie 20 of ratings.dat is absent"),
        (lambda files: {**files, "users.dat": ""}, "users.dat: line 1 is ''"),
        (
            lambda files: {k: v for k, v in files.items() if k != "movies.dat"},
            "movies.dat: absent; the official download",
        ),
    ],
)
def test_wrong_layout_names_file_and_line(
    change: Callable[[dict[str, str]], dict[str, str]], message: str, tmp_path: Path
) -> None:
    (tmp_path / "zip").mkdir()
    write(tmp_path / "folder" / "ml-1m", change(ML_1M))
    for root in (zipped(tmp_path / "zip", "ml-1m", change(ML_1M)), tmp_path / "folder"):
        with pytest.raises(InputError, match=message) as error:
            load_source("movielens-1m", root)
        assert "\n" not in str(error.value)


def test_damaged_zip(tmp_path: Path) -> None:
    path = zipped(tmp_path, "ml-1m", ML_1M) / "ml-1m.zip"
    content = path.read_bytes()
    middle = content.index(b"ratings.dat") + 20
    for damaged in (content[: len(content) // 2], b"", content[:middle] + b"????????" + content[middle + 8 :]):
        path.write_bytes(damaged)
        with pytest.raises(InputError, match=r"ml-1m.zip: damaged zip .*fetch it again"):
            load_source("movielens-1m", tmp_path)


def test_absent_files_are_downloaded_to_root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fetch(url: str, md5: str, folder: Path | None) -> Path:
        assert url == "https://files.grouplens.org/datasets/movielens/ml-1m.zip"
        assert md5 == "c4d9eecfca2ab87c1945afe126590906"
        return zipped(folder or tmp_path, "ml-1m", ML_1M) / "ml-1m.zip"

    monkeypatch.setattr(archive, "fetch", fetch)
    folder = tmp_path / "data"
    folder.mkdir()
    assert len(load_source("movielens-1m", folder)[0]) == 3
    assert (folder / "ml-1m.zip").is_file()
    assert len(load_source("movielens-1m", None)[0]) == 3


def test_root_that_does_not_exist(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"nowhere: no such folder; name one that holds ml-1m.zip"):
        load_source("movielens-1m", tmp_path / "nowhere")


def test_unknown_label(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"label 'star' is unknown; did you mean 'stars'\?"):
        load_source("movielens-1m", tmp_path, label="star")


@pytest.mark.parametrize(
    ("name", "rows", "users", "movies", "positive"),
    [("movielens-1m", 1_000_209, 6_040, 3_706, 0.575), ("movielens-100k", 100_000, 943, 1_682, 0.554)],
)
def test_counts_of_the_real_files(
    name: str, rows: int, users: int, movies: int, positive: float, shared_data: Path
) -> None:
    table, _ = load_source(name, shared_data)
    assert len(table) == rows
    assert (table["user"].n_unique(), table["movie"].n_unique()) == (users, movies)
    assert table["label"].mean() == pytest.approx(positive, abs=0.0005)
    assert table.null_count().sum_horizontal().item() == 0
    assert table["genres"].str.count_matches("|", literal=True).is_between(0, 5).all()
    assert table.filter(pl.col("time") < 800_000_000).is_empty()
