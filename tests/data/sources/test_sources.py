"""Names and options of the data sources."""

import subprocess
import sys

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
