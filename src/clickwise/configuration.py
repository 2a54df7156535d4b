"""What an object was built from: its class and the arguments of its constructor, as plain values for JSON.

An object is described by reading, for each argument of its constructor, the attribute of the same name. Nothing is ever
unpickled; building imports a class by name, and only from clickwise or from modules that the caller names.
"""

import importlib
import inspect
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from torch import nn

from clickwise.errors import InputError, nearest, one_line
from clickwise.schema import Schema

MISSING = object()


def arguments(function: Callable[..., Any]) -> dict[str, inspect.Parameter]:
    """Parameters that a function or constructor takes by name."""
    return dict(inspect.signature(function).parameters)


def check_options(options: Mapping[str, Any], function: Callable[..., Any], owner: str) -> None:
    """Raise ``InputError`` for an option that ``function`` does not take, suggesting the nearest one it does."""
    known = [name for name in arguments(function) if name not in ("schema", "model", "models")]
    for name in options:
        if name not in known:
            raise InputError(f"{owner}: unknown option {name!r}{nearest(name, known)}")


def describe(value: Any) -> Any:
    """``value`` as plain JSON: objects become ``{"class": "module:Name", "options": {...}}``."""
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, Mapping):
        return {str(key): describe(item) for key, item in value.items()}
    if isinstance(value, list | tuple | nn.ModuleList):
        return [describe(item) for item in value]
    kind = type(value)
    if "." in kind.__qualname__:
        raise InputError(f"{kind.__qualname__} cannot be saved: define the class at the top of a module")
    options = {}
    for name in arguments(kind.__init__):
        if name in ("self", "schema"):
            continue
        option = getattr(value, name, MISSING)
        if option is MISSING:
            raise InputError(
                f"{kind.__name__} cannot be saved: it keeps no attribute {name!r} for its argument of that name"
            )
        options[name] = describe(option)
    return {"class": f"{kind.__module__}:{kind.__qualname__}", "options": options}


def find_class(path: str, trusted: Iterable[str] = ()) -> type:
    """The class at ``"module:Name"``; its module must belong to clickwise or be one that the caller trusts."""
    trusted = tuple(trusted)
    module_name, separator, name = str(path).partition(":")
    if not separator:
        raise InputError(f"{path!r} names no class; write it as 'package.module:ClassName'")
    outside = InputError(
        f"{path!r} lies outside clickwise; to run its code, name the module {module_name!r} as trusted"
    )
    if not _is_ours(module_name) and module_name not in trusted:
        raise outside
    try:
        found = getattr(importlib.import_module(module_name), name)
    except (ImportError, AttributeError, ValueError, TypeError) as error:
        raise InputError(f"{path!r} cannot be imported: {one_line(error)}") from None
    if not isinstance(found, type):
        raise InputError(f"{path!r} is not a class")
    if not _is_ours(found.__module__) and module_name not in trusted:
        raise outside  # a class that clickwise merely imports
    return found


def _is_ours(module_name: str) -> bool:
    """Whether a module belongs to clickwise and, unlike ``clickwise.__main__``, does nothing when it is imported."""
    return module_name.partition(".")[0] == "clickwise" and not module_name.endswith("__main__")


def build(config: Any, schema: Schema, trusted: Iterable[str] = ()) -> Any:
    """The reverse of ``describe``."""
    if isinstance(config, list):
        return [build(item, schema, trusted) for item in config]
    if not isinstance(config, Mapping) or set(config) != {"class", "options"}:
        return config
    kind = find_class(config["class"], trusted)
    if not isinstance(config["options"], Mapping):
        raise InputError(f"{config['class']!r}: its options must be a mapping, not {config['options']!r}")
    options = {name: build(option, schema, trusted) for name, option in config["options"].items()}
    if "schema" in arguments(kind):
        options["schema"] = schema
    try:
        return kind(**options)
    except TypeError as error:
        raise InputError(f"{config['class']!r} cannot be built from its saved options: {one_line(error)}") from None
