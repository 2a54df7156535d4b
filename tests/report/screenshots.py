"""The README's pictures of the report: ``python -m tests.report.screenshots REPORT.html FOLDER``.

The report that they show is made by::

    clickwise compare synthetic --methods controls,lr,fm,deepfm,hedge,metaselector-simplified --gate udg \\
        --loss autoloss --seeds 2 --epochs 6 --set source.impressions=40000 --set source.users=400 \\
        --set source.items=80 --out report
"""

import io
import sys
from pathlib import Path

from PIL import Image

from clickwise.files import new_file
from tests.report.browser import Browser, open_browser

COLOURS = 64


def take(browser: Browser, page: Path, folder: Path) -> None:
    """Write ``report-wide.png``, 1280 pixels and light, and ``report-narrow.png``, 400 pixels and dark, as high."""
    browser.show(page, 1280)
    height = int(browser.run("return document.querySelector('#leaderboard').getBoundingClientRect().bottom"))
    for name, width, scheme in (("wide", 1280, "light"), ("narrow", 400, "dark")):
        browser.show(page, width, scheme)
        picture = Image.open(io.BytesIO(browser.picture(height))).convert("RGB")
        with new_file(folder / f"report-{name}.png") as temporary:
            picture.quantize(COLOURS, dither=Image.Dither.NONE).save(temporary, format="PNG", optimize=True)


if __name__ == "__main__":
    with open_browser() as opened:
        take(opened, Path(sys.argv[1]).resolve(), Path(sys.argv[2]))
