"""Histories in a schema: what they collect, and what cannot be."""

from pathlib import Path
from typing import Any, Literal

import pytest

from clickwise.errors import InputError
from clickwise.schema import Field, Schema

ITEM = Field("item", owner="item")
LABELS = Field("labels", "history", "sequence", length=4, of="click", events="all")


def with_fields(*fields: Field, **options: Any) -> Schema:
    return Schema(fields, **{"label": "click", "user": "user", "item": "item", **options})


def test_histories_collect_clicks_unless_told_otherwise() -> None:
    assert Field("seen", "history", "sequence", of="item").events == "clicks"
    schema = with_fields(ITEM, LABELS)
    assert schema.collects_label(schema["labels"]) and not schema.collects_label(ITEM)
    assert schema.vocabulary_names() == ("item", "labels")


def test_a_field_of_the_labels_name_comes_first() -> None:
    schema = with_fields(ITEM, Field("click", column="other"), LABELS)
    assert not schema.collects_label(schema["labels"])


def test_a_schema_says_so_in_plain_values() -> None:
    schema = with_fields(ITEM, LABELS, Field("seen", "history", "sequence", of="item", length=2))
    _, labels, seen = schema.to_dict()["fields"]
    assert labels["events"] == "all" and "events" not in seen
    assert Schema.from_dict(schema.to_dict()) == schema


def test_a_column_left_blank_in_yaml_is_none(tmp_path: Path) -> None:
    path = tmp_path / "clicks.yaml"
    path.write_text("label: click\nuser:\ntime:\nitem:  # empty: none\nfields:\n  - {name: item, owner: item}\n")
    assert Schema.load(path) == Schema((ITEM,), label="click")
    path.write_text("label:\nfields:\n  - {name: item, owner: item}\n")
    with pytest.raises(InputError, match=r"clicks\.yaml: schema: 'label' is empty; name the column"):
        Schema.load(path)


@pytest.mark.parametrize("kind", ["bag", "sequence"])
def test_several_values_in_a_cell_need_a_length(kind: Literal["bag", "sequence"]) -> None:
    with pytest.raises(InputError, match=f"field 'tags': a {kind} needs 'length', the most values that a row keeps"):
        Field("tags", kind=kind, separator=";")
    schema = with_fields(ITEM, Field("tags", kind=kind, length=1), Field("seen", "history", kind, of="item"))
    assert [spec.get("length") for spec in schema.to_dict()["fields"]] == [None, 1, None]
    assert Schema.from_dict(schema.to_dict()) == schema and [spec.length for spec in schema.fields] == [1, 1, 1]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"events": "al"}, r"field 'seen': events 'al' is unknown; did you mean 'all'\?"),
        ({"events": True}, "field 'seen': events True is unknown; known: all, clicks"),
        ({"owner": "item", "of": "", "events": "all"}, "field 'seen': 'events' is for history fields"),
    ],
)
def test_events_that_cannot_be(options: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        Field(**{"name": "seen", "owner": "history", "kind": "sequence", "of": "item", "length": 3, **options})


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"events": "clicks"}, "field 'labels': a history of the label collects all earlier rows; set events to 'all'"),
        ({"kind": "bag"}, "field 'labels': a history of the label must be a 'sequence', not a 'bag'"),
        ({"kind": "category", "length": 1}, "must be a 'sequence', not a 'category'"),
        ({"min_count": 2}, "field 'labels': a history of the label keeps all classes; leave out min_count"),
        ({"vocabulary": "item"}, "classes share no vocabulary with other values; 'item' has 'item' too"),
        ({"of": "clicks"}, "field 'labels': 'of' must name an id field of this schema, or its label 'click'"),
    ],
)
def test_histories_of_labels_that_cannot_be(options: dict[str, Any], message: str) -> None:
    values = {"name": "labels", "owner": "history", "kind": "sequence", "length": 4, "of": "click", "events": "all"}
    with pytest.raises(InputError, match=message):
        with_fields(ITEM, Field(**{**values, **options}))


def test_histories_of_labels_need_users() -> None:
    with pytest.raises(InputError, match="field 'labels': a history field needs the schema's 'user' column"):
        with_fields(ITEM, LABELS, user="")


@pytest.mark.parametrize(
    "spec", [Field("click"), Field("answer", "user", column="click"), Field("c", kind="number", column="click")]
)
def test_the_label_is_no_input(spec: Field) -> None:
    with pytest.raises(InputError, match=f"^field '{spec.name}': its column 'click' is the label"):
        with_fields(ITEM, spec)


def test_the_user_field_is_the_category_of_the_users_column() -> None:
    who = Field("who", column="customer")
    schema = Schema((Field("item"), Field("seen", kind="bag", length=2, column="customer"), who), user="customer")
    assert schema.need_user_field("some-method") == who == schema.user_field


@pytest.mark.parametrize(
    ("user", "lacks"), [("customer", "has no category field of 'customer'"), ("", "names no user")]
)
def test_what_needs_a_user_field_says_what_is_lacking(user: str, lacks: str) -> None:
    with pytest.raises(InputError, match=rf"some-method needs the schema to name its 'user' and .*; this one {lacks}$"):
        Schema((Field("item"),), user=user).need_user_field("some-method")


def test_values_and_where_they_begin() -> None:
    """Ids by hand: 0 padding, a: 1 unknown, 2 missing, 3 to 5 values; b: 6 unknown, 7 missing, 8 its only value."""
    schema = Schema((Field("a"), Field("b"))).fitted({"a": 5, "b": 3})
    assert (schema.first_value("a"), schema.first_value("b")) == (3, 8)
    assert (schema.size, schema.values) == (9, 4)
