"""JSON and YAML that others may have written: plain values, or one line that says what is wrong with the text."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from clickwise.errors import InputError, one_line


def read_document(path: Path, what: str) -> Any:
    """The plain values of a JSON file (``.json``) or a YAML file (any other suffix).

    Args:
        path: the file, in UTF-8.
        what: how the error calls it, for example ``schema``.

    Raises:
        InputError: the file cannot be read, or is not of its kind.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else None  # whose text would name number and path again
        raise InputError(f"{path}: cannot read the {what}: {why or one_line(error)}") from None
    return parse_json(text, str(path)) if path.suffix == ".json" else parse_yaml(text, str(path))


def check_format(values: Any, path: Path, what: str, name: str, version: int) -> None:
    """Raise unless the values of a document are a mapping that names its format, in a version that can be read.

    Args:
        values: of the document.
        path: where it lies.
        what: how the error calls it, for example ``the manifest of a prepared log``.
        name: of the format.
        version: the latest one that can be read.
    """
    if not isinstance(values, Mapping) or values.get("format") != name:
        raise InputError(f"{path}: not {what}; 'format' must be {name!r}")
    found = values.get("version")
    if not isinstance(found, int) or found > version:
        raise InputError(f"{path}: format version {found!r}; this clickwise reads versions up to {version}")


def parse_json(text: str, origin: str) -> Any:
    """The values of a JSON text."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{origin}: not JSON: {one_line(error)}") from None


def parse_yaml(text: str, origin: str) -> Any:
    """The values of a YAML text that JSON has too: no dates, no sets, nothing that contains itself.

    Raises:
        InputError: the text is not YAML, or holds other values.
    """
    import yaml

    try:
        value = yaml.safe_load(text)
    except Exception as error:  # what PyYAML's constructors raise for '!!int' or '2024-13-45' is of any kind
        raise InputError(f"{origin}: not YAML: {one_line(error)}") from None
    try:
        json.dumps(value, allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise InputError(
            f"{origin}: holds a value that is no text, number, list or mapping: {one_line(error)}"
        ) from None
    return value
