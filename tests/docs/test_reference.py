"""The public interface: listed on one page, and every argument of it explained on a line of its own."""

import ast
import inspect
import re
from collections.abc import Iterator
from importlib import import_module
from itertools import pairwise
from typing import Any

import pytest

import clickwise
from clickwise import losses, methods, models
from tests.docs.pages import ROOT, blocks

DOCS = ROOT / "docs"
PACKAGE = ROOT / "src" / "clickwise"
NAMESPACES = {"losses": losses, "methods": methods, "models": models}
ROOMS = ("models", "methods", "nn", "losses", "metrics", "optim.py")
LISTED = re.compile(r"^::: clickwise\.(\S+)$", re.MULTILINE)
PAGE, EXTENSIONS = (
    LISTED.findall(part) for part in (DOCS / "reference.md").read_text(encoding="utf-8").split("## For extensions")
)


def public() -> set[str]:
    """What the packages say that they offer, each once, without ``clickwise.``."""
    top = set(clickwise.__all__) - {*NAMESPACES, "__version__"}
    return top | {f"{space}.{name}" for space, of in NAMESPACES.items() for name in of.__all__ if name not in top}


def explained(text: str, *sections: str) -> list[str]:
    """What stands before the colon of each entry of these sections of a docstring."""
    pattern = rf"^(?:{'|'.join(sections)}):\n((?:    .*\n|\n)*)"
    entries = "".join(re.findall(pattern, inspect.cleandoc(text) + "\n", re.MULTILINE))
    return re.findall(r"^    (\S[^:\n]*):", entries, re.MULTILINE)


def test_the_reference_lists_the_public_names_and_no_others() -> None:
    assert sorted(PAGE) == sorted(public())


def test_the_reference_lists_what_pages_take_from_inner_modules() -> None:
    taken = set(re.findall(r"\]\[clickwise\.([\w.]+)\]", (DOCS / "extending.md").read_text(encoding="utf-8")))
    for page in DOCS.glob("*.md"):
        taken.update(name for block in blocks(page) if block.language == "python" for name in _imported(block.text))
    assert sorted(EXTENSIONS) == sorted(taken - public())


def _imported(code: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("clickwise"):
            yield from (f"{node.module}.{name.name}".removeprefix("clickwise.") for name in node.names)


@pytest.mark.parametrize("name", [*PAGE, *EXTENSIONS])
def test_every_listed_name_explains_its_arguments(name: str) -> None:
    place, _, last = f"clickwise.{name}".rpartition(".")
    module = import_module(place)
    value = getattr(module, last)
    if not inspect.isroutine(value) and not inspect.isclass(value):
        assert last in _values_with_a_text(inspect.getsource(module))
        return
    assert value.__doc__
    if not (inspect.isclass(value) and issubclass(value, Exception)):
        attributes = {name for entry in explained(value.__doc__, "Attributes") for name in entry.split(", ")}
        assert set(inspect.signature(value).parameters) <= {*explained(value.__doc__, "Args"), *attributes}


def _values_with_a_text(source: str) -> set[str]:
    body = ast.parse(source).body
    return {
        ast.unparse(value.targets[0] if isinstance(value, ast.Assign) else value.target)
        for value, text in pairwise(body)
        if isinstance(value, ast.Assign | ast.AnnAssign) and isinstance(text, ast.Expr)
    }


@pytest.mark.parametrize("room", ROOMS)
def test_a_list_of_arguments_names_each_of_them_alone(room: str) -> None:
    found = 0
    for path in sorted((PACKAGE / room).rglob("*.py")) or [PACKAGE / room]:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            arguments = _arguments(node)
            if arguments is not None and (names := explained(ast.get_docstring(node) or "", "Args")):
                assert sorted(names) == sorted(arguments), f"{path.name}: {node.name}"
                found += 1
    assert found


def _arguments(node: Any) -> list[str] | None:
    """Of a function, or of the constructor that a class defines; None for anything else."""
    if isinstance(node, ast.ClassDef):
        made = [each for each in node.body if isinstance(each, ast.FunctionDef) and each.name == "__init__"]
        return _arguments(made[0]) if made else None
    if not isinstance(node, ast.FunctionDef):
        return None
    given = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs, node.args.vararg, node.args.kwarg]
    return [each.arg for each in given if each is not None and each.arg not in ("self", "cls")]
