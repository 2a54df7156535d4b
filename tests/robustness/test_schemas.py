"""Schemas and their YAML: valid ones come back as they were, everything else is refused in one line."""

import copy
import json
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from clickwise.errors import InputError
from clickwise.schema import NUMBER_TRANSFORMS, TIME_TRANSFORMS, Field, Schema
from tests.robustness.judged import ODD_TEXTS, answer, plain_values, texts, tries

NAMES = ("user", "item", "label", "time", "row", "fm@0", "schema", "fields", "price", *ODD_TEXTS[1:])
KEYS = [*(f.name for f in fields(Field)), *(f.name for f in fields(Schema)), "version", "lable"]


@st.composite
def documents(draw: st.DrawFn) -> dict[str, Any]:
    """Schemas as their authors write them; most can be used."""
    names = draw(st.lists(st.sampled_from(NAMES), min_size=1, max_size=5, unique=True))
    rows: list[dict[str, Any]] = []
    for name in names:
        kind = draw(st.sampled_from(["category", "bag", "sequence", "number"]))
        row: dict[str, Any] = {"name": name, "owner": draw(st.sampled_from(["user", "item", "context"])), "kind": kind}
        row["length"] = draw(st.integers(1, 4)) if kind in ("bag", "sequence") else 1
        if kind == "number":
            row["transform"] = draw(st.sampled_from(NUMBER_TRANSFORMS))
        elif kind == "category":
            row["transform"] = draw(st.sampled_from(["", *TIME_TRANSFORMS]))
        row |= {key: draw(texts()) for key in ("column", "vocabulary", "separator") if draw(st.booleans())}
        rows.append(row)
    if draw(st.booleans()):
        of = draw(st.sampled_from(names))
        events = draw(st.sampled_from(["clicks", "all"]))
        rows.append({"name": "hist", "owner": "history", "kind": "sequence", "of": of, "events": events, "length": 3})
    classes = draw(st.integers(2, 5))
    return {
        "label": draw(st.sampled_from(["label", "click", "😀"])),
        "user": "someone",
        "time": draw(texts()),
        "item": draw(st.sampled_from(["", *names])),
        "classes": classes,
        "click_from": draw(st.integers(1, classes - 1)),
        "keep": draw(st.lists(texts(), max_size=2)),
        "fields": rows,
    }


@st.composite
def damaged_documents(draw: st.DrawFn) -> Any:
    """Such a schema with one value replaced by anything, or a key too many or too few, or a field twice."""
    document = copy.deepcopy(draw(documents()))
    target = draw(st.sampled_from([document, *document["fields"]]))
    how = draw(st.sampled_from(["replace", "replace", "add", "drop", "twice"]))
    if how == "twice":
        document["fields"].append(document["fields"][0])
    elif how == "drop":
        del target[draw(st.sampled_from(sorted(target)))]
    else:
        target[draw(st.sampled_from(KEYS) if how == "replace" else texts())] = draw(plain_values())
    return document


def round_trip(schema: Schema, folder: Path) -> None:
    """Through YAML by hand and through JSON as saved, to an equal schema."""
    (folder / "schema.yaml").write_text(yaml.safe_dump(schema.to_dict(), allow_unicode=True), encoding="utf-8")
    schema.save(folder / "schema.json")
    assert Schema.load(folder / "schema.yaml") == schema == Schema.load(folder / "schema.json")


USED: list[Schema] = []


@tries(60)
@given(document=documents())
def test_what_is_written_by_hand_comes_back(tmp_path_factory: pytest.TempPathFactory, document: dict[str, Any]) -> None:
    found = answer(lambda: Schema.from_dict(document))
    if isinstance(found, Schema):
        USED.append(found)
        round_trip(found, tmp_path_factory.getbasetemp())
        fitted = found.fitted({name: 3 for name in found.vocabulary_names()})
        assert Schema.from_dict(json.loads(json.dumps(fitted.to_dict()))) == fitted


def test_most_of_them_could_be_used() -> None:
    assert len(USED) >= 15


@tries(150)
@given(document=damaged_documents())
def test_damaged_documents(tmp_path_factory: pytest.TempPathFactory, document: Any) -> None:
    found = answer(lambda: Schema.from_dict(document, "mine.yaml"))
    if isinstance(found, Schema):
        round_trip(found, tmp_path_factory.getbasetemp())
    else:
        assert str(found).startswith("mine.yaml: ")


@tries(60)
@given(value=plain_values())
def test_values_that_are_no_schema(value: object) -> None:
    assert isinstance(answer(lambda: Schema.from_dict(value)), InputError)  # type: ignore[arg-type]


PIECES = (
    "label: y",
    "fields:",
    "fields: [",
    "  - {name: a}",
    "- ",
    "&a [*a]",
    "*a",
    "!!int x",
    "!!timestamp x",
    "? ",
    "{",
)
MORE_PIECES = (
    "2024-13-45",
    "!!python/object:os.system",
    "1" * 5000,
    "\t",
    "%YAML 9.9",
    "--- x",
    "<<: 3",
    "=",
    "[" * 2000,
)


@tries(120)
@given(text=st.lists(st.sampled_from((*PIECES, *MORE_PIECES)) | texts(), max_size=5).map("\n".join))
@pytest.mark.parametrize("suffix", [".yaml", ".json"])
def test_any_text_in_a_file(tmp_path_factory: pytest.TempPathFactory, suffix: str, text: str) -> None:
    path = tmp_path_factory.getbasetemp() / f"any{suffix}"
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    found = answer(lambda: Schema.load(path))
    assert isinstance(found, Schema) or str(path) in str(found)


@pytest.mark.parametrize(
    "content", [b"\xff\xfe", b"label: Jos\xe9", b"\x00", b'{"label": "\\ud800", "fields": [{"name": "a"}]}']
)
@pytest.mark.parametrize("name", ["a.yaml", "a.json"])
def test_bytes_that_are_no_text(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    assert isinstance(answer(lambda: Schema.load(tmp_path / name)), InputError)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"keep": "price"}, "schema: keep must be a list of columns, not 'price'"),
        ({"keep": ["label"]}, "column 'label' cannot be kept"),
        ({"keep": ["fm@0"]}, "column 'fm@0' cannot be kept"),
        ({"classes": 2.5}, "classes must be a whole number of at least 2, not 2.5"),
        ({"classes": True}, "classes must be a whole number of at least 2, not True"),
        ({"vocabularies": {"a": "many"}}, "vocabularies 'a' must be a whole number of at least 1, not 'many'"),
        ({"label": ["y"]}, r"label must be text, not \['y'\]"),
        ({"label": ""}, "'label' is empty"),
        ({"fields": [{"owner": "user"}]}, "field without a name"),
        ({"fields": [{"name": 3}]}, "field 3: name must be text, not 3"),
        ({"fields": [{"name": "a", "separator": 1}]}, "field 'a': separator must be text, not 1"),
        ({"fields": [{"name": "\ud800"}]}, "holds half a character"),
    ],
)
def test_wrong_kinds_are_named(values: Mapping[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        Schema.from_dict({"fields": [{"name": "a"}], **values})
