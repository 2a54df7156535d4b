"""``python -m clickwise``."""

import sys

from clickwise.cli import main

if __name__ == "__main__":
    sys.exit(main())
