"""Write ``clicks.csv``, a small shop's click log, and ``tomorrow.csv``, impressions of the next day without labels.

The columns have names of their own, and tomorrow brings visitors and articles that the log has never seen.

Usage: python examples/make_clicks.py [FOLDER]
"""

import sys
from pathlib import Path

import numpy as np
import polars as pl

ROWS, VISITORS, ARTICLES, DAYS = 6_000, 150, 60, 14
NEW_VISITORS, NEW_ARTICLES, TOMORROW_ROWS = 20, 6, 400
START = np.datetime64("2024-03-01T00:00:00")
SHELVES = ("books", "games", "music", "tools")
TAGS = ("", "new", "sale", "new|sale", "sale|last one")


def impressions(rng: np.random.Generator) -> pl.DataFrame:
    """Log and next day in one table, in order of time; some visitors like one shelf more than the others."""
    rows = ROWS + TOMORROW_ROWS
    visitors, articles = VISITORS + NEW_VISITORS, ARTICLES + NEW_ARTICLES
    known = np.arange(rows) < ROWS
    visitor = np.where(known, rng.integers(0, VISITORS, rows), rng.integers(0, visitors, rows))
    article = np.where(known, rng.integers(0, ARTICLES, rows), rng.integers(0, articles, rows))
    seconds = np.sort(rng.integers(0, DAYS * 86_400, ROWS))
    seconds = np.concatenate([seconds, np.sort(rng.integers(DAYS * 86_400, (DAYS + 1) * 86_400, TOMORROW_ROWS))])
    taste = rng.normal(0.0, 1.2, (visitors, len(SHELVES)))
    appeal = rng.normal(0.0, 0.8, articles)
    logit = -0.5 + taste[visitor, article % len(SHELVES)] + appeal[article]
    return pl.DataFrame(
        {
            "visitor_id": [f"v{code:03}" for code in visitor],
            "sku": [f"A-{code:02}" for code in article],
            "shelf": [SHELVES[code] for code in article % len(SHELVES)],
            "tags": [TAGS[code] for code in rng.integers(0, len(TAGS), articles)[article]],
            "price": np.round(np.exp(rng.normal(3.0, 0.6, articles))[article], 2),
            "device": rng.choice(["phone", "desktop"], rows),
            "seen_at": np.datetime_as_string(START + seconds.astype("timedelta64[s]"), unit="s"),
            "tapped": (rng.random(rows) < 1.0 / (1.0 + np.exp(-logit))).astype(np.int64),
        }
    )


def main(folder: Path) -> None:
    """Write both files into ``folder``."""
    table = impressions(np.random.default_rng(0))
    table.head(ROWS).write_csv(folder / "clicks.csv")
    table.tail(TOMORROW_ROWS).drop("tapped").write_csv(folder / "tomorrow.csv")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path())
