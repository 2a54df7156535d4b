"""``python -m clickwise``."""

import sys

from clickwise.cli import main

sys.exit(main())
