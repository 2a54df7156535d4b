"""Every benchmark in turn: ``python -m benchmarks [FOLDER]`` prints the tables and writes JSON files to FOLDER."""

import subprocess
import sys
from pathlib import Path

COMMANDS = {
    "imports": [],
    "preparing": [],
    "preparing-large": ["--shapes", "criteo", "--criteo-rows", "10000000", "--encoders", "clickwise", "--repeats", "1"],
    "training": [],
    "episodes": [],
    "autoloss": [],
    "gating": [],
    "sequences": [],
    "sessions": [],
}


def main() -> None:
    """Stop at the first benchmark that fails as a whole; a contestant that fails is a row of its table."""
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else "runs/benchmarks")
    for name, arguments in COMMANDS.items():
        print(f"\n## {name}\n", flush=True)
        module = f"benchmarks.{name.removesuffix('-large')}"
        command = [sys.executable, "-m", module, *arguments, "--out", str(folder / f"{name}.json")]
        subprocess.run(command, check=True)


if __name__ == "__main__":
    main()
