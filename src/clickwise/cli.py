"""The command line: parse, call the command, and say errors in one line."""

import inspect
import sys
from collections.abc import Callable, Sequence

from clickwise.commands.comparing import compare_command, demo_command
from clickwise.commands.models import evaluate_command, predict_command, train_command
from clickwise.commands.reproducing import reproduce_command
from clickwise.commands.tables import doctor_command, infer_command, prepare_command
from clickwise.commands.tuning import tune_command
from clickwise.errors import InputError
from clickwise.options import command_line, parse
from clickwise.version import __version__

# Not named as the library's functions: jsonargparse looks a name up in the package, which would import torch.
COMMANDS: dict[str, Callable[..., None]] = {
    "demo": demo_command,
    "compare": compare_command,
    "prepare": prepare_command,
    "infer": infer_command,
    "train": train_command,
    "tune": tune_command,
    "evaluate": evaluate_command,
    "predict": predict_command,
    "reproduce": reproduce_command,
    "doctor": doctor_command,
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command. Returns the exit status: 0, 2 for input that cannot be used, 130 after Ctrl-C."""
    words = sys.argv[1:] if arguments is None else list(arguments)
    name = ""
    try:
        name, values = parse(command_line(COMMANDS, __version__), COMMANDS, words)
        COMMANDS[name](**values)
    except InputError as error:
        print(f"clickwise: error: {error}", file=sys.stderr)
        return 2
    except OSError as error:
        if error.filename is None:
            raise
        print(f"clickwise: error: {error.filename}: {error.strerror}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(f"clickwise: interrupted{_advice(name)}", file=sys.stderr)
        return 130
    return 0


def _advice(name: str) -> str:
    """How an interrupted command goes on, where it can."""
    if name == "demo":
        return "; the same command goes on where it stopped"
    if name and "resume" in inspect.signature(COMMANDS[name]).parameters:
        return "; the same command with --resume goes on where it stopped"
    return ""
