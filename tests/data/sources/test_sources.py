"""Names and options of the data sources."""

import subprocess
import sys
from pathlib import Path

import pytest

from clickwise.data.sources import SOURCES, load_source
from clickwise.errors import InputError


def test_sources_say_what_they_are() -> None:
    movielens = {f"movielens-{name}" for name in ("100k", "1m", "20m", "25m", "latest", "latest-small")}
    assert set(SOURCES) == {"synthetic", "amazon", "criteo", "avazu", "alimama", "book-crossing", *movielens}
    for name, source in SOURCES.items():
        assert source.name == name
        assert source.description
        assert source.origin


def test_options_go_to_the_source() -> None:
    table, schema = load_source("synthetic", users=20, impressions=50, seed=1)
    assert len(table) == 50
    assert schema.item == "item"


def test_options_are_listed_with_defaults() -> None:
    assert SOURCES["synthetic"].options()["impressions"].default == 120_000
    of_movielens = {"label", "features", "shared_vocabulary", "history_length", "session_length"}
    for name in (name for name in SOURCES if name.startswith("movielens")):
        assert set(SOURCES[name].options()) == of_movielens


def test_what_makes_a_source_what_it_is_cannot_be_set() -> None:
    with pytest.raises(InputError, match="source 'movielens-1m': unknown option 'release'"):
        load_source("movielens-1m", release="ml-100k")


def test_a_source_without_files_needs_no_root(tmp_path: Path) -> None:
    table, _ = load_source("synthetic", tmp_path / "nowhere", users=20, impressions=50, seed=1)
    assert table.equals(load_source("synthetic", users=20, impressions=50, seed=1)[0])


@pytest.mark.parametrize("value", [["stars"], 5])
def test_a_choice_of_another_kind_is_named(value: object, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"label .* is unknown"):
        load_source("movielens-1m", tmp_path, label=value)
    with pytest.raises(InputError, match=r"category_path .* is unknown"):
        load_source("amazon", tmp_path, category_path=value)


def test_unknown_name_suggests_the_nearest() -> None:
    with pytest.raises(InputError, match=r"source 'movielens1m' is unknown; did you mean 'movielens-1m'\?"):
        load_source("movielens1m")


def test_unknown_option_suggests_the_nearest() -> None:
    with pytest.raises(
        InputError, match=r"source 'synthetic': unknown option 'impresions'; did you mean 'impressions'"
    ):
        load_source("synthetic", impresions=50)


def test_listing_sources_imports_nothing_heavy() -> None:
    heavy = ["polars", "numpy", "torch", "pooch", "scipy", "sklearn"]
    code = f"import sys, clickwise.data.sources; print([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
