"""The command line: parse, call the command, and say errors in one line."""

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
    try:
        name, values = parse(command_line(COMMANDS, __version__), COMMANDS, words)
        COMMANDS[name](**values)
    except InputError as error:
        print(f"clickwise: error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("clickwise: interrupted; the same command with --resume goes on where it stopped", file=sys.stderr)
        return 130
    return 0
