"""Keep artefacts, and write the pages that are made of them."""

import argparse
import sys
from pathlib import Path

from clickwise.errors import InputError
from findings.pages import write_pages
from findings.store import keep


def main(words: list[str] | None = None) -> int:
    """The exit status."""
    parser = argparse.ArgumentParser(prog="python -m findings", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    add = commands.add_parser("add", help="keep artefacts that `clickwise reproduce` wrote")
    add.add_argument("artefacts", type=Path, nargs="+", metavar="FOLDER/ARTEFACT.json")
    add.add_argument("--replace", action="store_true", help="take the place of what another command made")
    commands.add_parser("build", help="write docs/results anew from what is kept")
    given = parser.parse_args(words)
    try:
        paths = [keep(path, given.replace) for path in given.artefacts] if given.command == "add" else write_pages()
    except InputError as error:
        print(f"findings: error: {error}", file=sys.stderr)
        return 2
    for path in paths:
        print(f"Written: {path}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
