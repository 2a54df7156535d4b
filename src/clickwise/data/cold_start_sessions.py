"""Sessions of a selection of rows: windows over those rows alone, in place of all that their users did."""

from dataclasses import replace

import numpy as np

from clickwise.data.history import Moments, earlier_range, pad_windows
from clickwise.data.log import ClickLog
from clickwise.errors import InputError
from clickwise.schema import Field, Schema


def session_fields(schema: Schema) -> list[Field]:
    """The sequences that collect all interactions of a user, clicked or not."""
    return [f for f in schema.id_fields if f.owner == "history" and f.events == "all" and f.kind == "sequence"]


def check_sessions(schema: Schema, own: bool) -> None:
    """Raise ``InputError`` for a schema without users, times, items or sessions.

    Args:
        schema: fitted schema.
        own: whether ``own_sessions`` must be able to make the sessions anew.
    """
    if not schema.user or not schema.item:
        raise InputError("generalised cold start needs the schema to name its 'user' and its 'item'")
    if not schema.time:
        raise InputError(
            "generalised cold start needs to know what came first, and the log has no times; where the order of the "
            "file is one of time say so: the source book-crossing takes time=file_order"
        )
    fields = session_fields(schema)
    if not any(not schema.collects_label(f) for f in fields):
        raise InputError("generalised cold start needs sessions; give the source a session_length, for example 9")
    for f in fields if own else ():
        if schema.collects_label(f):
            continue
        if schema[f.of].kind != "category" or schema[f.of].vocabulary != f.vocabulary:
            raise InputError(
                f"field {f.name!r}: sessions of a subset are made from the ids of {f.of!r}, which must be a category "
                "of the same vocabulary; give shared_vocabulary=true, or sessions=all"
            )


def own_sessions(log: ClickLog) -> ClickLog:
    """The rows with sessions that hold strictly earlier rows of the same user among these rows alone.

    Args:
        log: of a schema that ``check_sessions`` accepts.
    """
    schema = log.schema
    moments = Moments.of(log.user, log.time)
    order = np.argsort(moments.key, kind="stable")
    start, end = earlier_range(moments.key[order], moments.key, moments.first)
    ids = log.ids.copy()
    for f in session_fields(schema):
        if schema.collects_label(f):
            flat = (log.label[order] + schema.first_value(f.vocabulary)).astype(np.int32)
        else:
            flat = log.ids[order, schema.slots(f.of).start]
        ids[:, schema.slots(f.name)] = pad_windows(flat, np.maximum(start, end - f.length), end, f.length)
    return replace(log, ids=ids)


def full_windows(log: ClickLog) -> int:
    """Rows whose session has no slot left."""
    slots = log.schema.slots(session_fields(log.schema)[0].name)
    return int((log.ids[:, slots] > 0).all(axis=1).sum())
