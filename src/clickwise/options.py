"""The command line's grammar: subcommands and options straight from the signatures of functions, errors in one line."""

import argparse
import inspect
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jsonargparse

from clickwise.errors import InputError, nearest, one_line
from clickwise.option_text import divided, value_of

FORM = "write it as NAME.OPTION=VALUE, for example deepfm.dropout=0.2"


class Parser(jsonargparse.ArgumentParser):
    """Options are written with dashes; every error is an ``InputError`` that suggests the nearest known option."""

    def format_help(self, formatter: argparse.HelpFormatter | None = None) -> str:
        return re.sub(r"--[a-z_]+", lambda option: option[0].replace("_", "-"), super().format_help(formatter))


def command_line(commands: Mapping[str, Callable[..., None]], version: str) -> Parser:
    """A parser with one subcommand a function. A truth value of a function is a flag, everything else takes a value."""
    parser = Parser(
        prog="clickwise",
        exit_on_error=False,
        allow_abbrev=False,
        description="Click-through-rate prediction that adapts.",
    )
    parser.add_argument("--version", action="version", version=f"clickwise {version}")
    subcommands = parser.add_subcommands(metavar="COMMAND")
    for name, function in commands.items():
        subcommands.add_subcommand(name, _subparser(function), help=(inspect.getdoc(function) or "").split("\n")[0])
    return parser


def _subparser(function: Callable[..., None]) -> Parser:
    """Parameters before the ``*`` of a function are positional, those behind it are options, truth values flags."""
    parameters = inspect.signature(function).parameters.values()
    positional = [p for p in parameters if p.kind is not p.KEYWORD_ONLY]
    flags = [p.name for p in parameters if p.annotation is bool]
    repeated = [p.name for p in parameters if p.annotation == Sequence[str]]
    described = dict(re.findall(r"^\s+(\w+): (.*)$", inspect.getdoc(function) or "", flags=re.MULTILINE))
    parser = Parser(
        exit_on_error=False, allow_abbrev=False, description=(inspect.getdoc(function) or "").split("\n\n")[0]
    )
    for p in positional:
        optional = {} if p.default is p.empty else {"nargs": "?", "default": p.default}
        parser.add_argument(p.name, type=p.annotation, help=described[p.name], **optional)
    skipped: set[str | int] = {*(p.name for p in positional), *flags, *repeated}
    parser.add_function_arguments(function, as_positional=False, skip=skipped, fail_untyped=True)
    for name in flags:
        parser.add_argument(f"--{name}", action="store_true", help=described[name])
    for name in repeated:
        parser.add_argument(f"--{name}", action="append", default=[], metavar="NAME.OPTION=VALUE", help=described[name])
    parser.add_argument("--config", action="config", help="YAML file with values of these options.")
    return parser


def parse(
    parser: Parser, commands: Mapping[str, Callable[..., None]], arguments: Sequence[str]
) -> tuple[str, dict[str, Any]]:
    """The command and its arguments by name.

    Raises:
        InputError: a command or option that does not exist, or a value of the wrong kind.
    """
    words = [_underscored(word) for word in arguments]
    try:
        parsed = parser.parse_args(words)
    except (argparse.ArgumentError, argparse.ArgumentTypeError, TypeError, ValueError) as error:
        raise InputError(_one_line(str(error), commands, words)) from None
    except (AttributeError, LookupError, RecursionError) as error:  # of jsonargparse, on a file of another form
        raise InputError(f"--config: the file is no mapping of options to values: {one_line(error)}") from None
    name = parsed.subcommand
    values = parser.instantiate(parsed)[name].as_dict()
    _check_untyped(name, commands[name], values)
    return name, {key: value for key, value in values.items() if key != "config"}


def _check_untyped(command: str, function: Callable[..., None], values: Mapping[str, Any]) -> None:
    """Flags and repeated options have no type of their own that the values of a file are held against."""
    for p in inspect.signature(function).parameters.values():
        value, option = values[p.name], f"{command}: {_as_typed(p.name, function)}"
        if p.annotation is bool and not isinstance(value, bool):
            raise InputError(f"{option} must be true or false, not {value!r}")
        if p.annotation == Sequence[str] and not (
            isinstance(value, list) and all(isinstance(text, str) for text in value)
        ):
            raise InputError(f"{option} must be a list of texts such as NAME.OPTION=VALUE, not {value!r}")


def _underscored(word: str) -> str:
    """``--data-root=x`` as ``--data_root=x``: functions have no dashes in their names."""
    if not word.startswith("--"):
        return word
    option, equals, value = word.partition("=")
    return f"--{option[2:].replace('-', '_')}{equals}{value}"


def _one_line(message: str, commands: Mapping[str, Callable[..., None]], words: Sequence[str]) -> str:
    command = next((word for word in words if word in commands), None)
    if unknown := re.search(r"unrecognized arguments: (--\S+?)(?:=|\s|$)|does not accept option '(\w+)'", message):
        known = [*inspect.signature(commands[command]).parameters, "config"] if command else ["version", "help"]
        dashed = [f"--{name.replace('_', '-')}" for name in known]
        option = f"--{(unknown[1] or unknown[2]).removeprefix('--').replace('_', '-')}"
        return f"unknown option {option!r}{nearest(option, dashed)}"
    if wrong := re.search(r"invalid choice: '([^']*)'", message):
        return f"unknown command {wrong[1]!r}{nearest(wrong[1], commands)}"
    if missing := re.search(r"arguments are required: (?:\w+\.)?(\w+)", message):
        return f"{command}: {_as_typed(missing[1], commands[command or ''])} is missing"
    if wrong := re.search(r'Parser key "(?:\w+\.)?(\w+)":.*?Expected an? (.*?)\. Got value: (.*)', message, re.DOTALL):
        kind = wrong[2].removeprefix("<class '").removesuffix("'>")
        return f"{command}: {_as_typed(wrong[1], commands[command or ''])} must be of type {kind}, not {wrong[3]!r}"
    if "File does not exist" in message:
        return f"{command}: --config names a file that does not exist"
    if "subcommand" in message:
        return f"name a command: {', '.join(commands)}"
    return " ".join(message.split())


def _as_typed(name: str, function: Callable[..., None]) -> str:
    """A parameter as the user writes it."""
    kind = inspect.signature(function).parameters[name].kind
    return f"--{name.replace('_', '-')}" if kind is inspect.Parameter.KEYWORD_ONLY else name.upper()


def assignments(texts: Sequence[str]) -> dict[str, dict[str, Any]]:
    """``["deepfm.dropout=0.2"]`` as ``{"deepfm": {"dropout": 0.2}}``; values are YAML.

    Raises:
        InputError: a text of another form.
    """
    found: dict[str, dict[str, Any]] = {}
    for text in texts:
        name, option, value = divided(text, "--set", FORM)
        found.setdefault(name, {})[option] = value_of(value, f"--set {text!r}")
    return found
