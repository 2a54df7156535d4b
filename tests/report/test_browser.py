"""The report as Chromium shows it: whole, quiet and readable, on screens, on paper, and to those who do not see it."""

import importlib.util
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from clickwise.report.page import write_report
from tests.report.browser import MISSING, PAPER_WIDTH, Browser, browser_and_driver, open_browser
from tests.report.made_up import HOSTILE, LOSSES, write_everything
from tests.report.probes import COLLISIONS, COLOURS, STRUCTURE, TEXTS, TOO_WIDE

pytestmark = pytest.mark.skipif(
    browser_and_driver() is None or importlib.util.find_spec("selenium") is None, reason=MISSING
)
SMALLEST, LEAST_CONTRAST = 12, 4.5
WIDTH_OF_WORDS = "return [...document.querySelectorAll('svg text')].reduce((all, t) => all + t.getBBox().width, 0)"
SCREENS = [(1280, "light"), (1280, "dark"), (900, "light"), (400, "light")]


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    paths = write_everything(tmp_path_factory.mktemp("report"))
    write_report(*paths)
    return paths[2]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with open_browser() as opened:
        yield opened


def contrast(one: str, other: str) -> float:
    """Contrast of two colours as WCAG 2 defines it, 1 to 21."""

    def luminance(colour: str) -> float:
        parts = [int(part) / 255 for part in re.findall(r"\d+", colour)[:3]]
        linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def test_contrast_is_that_of_the_standard() -> None:
    assert contrast("rgb(0, 0, 0)", "rgb(255, 255, 255)") == pytest.approx(21)
    assert contrast("rgb(118, 118, 118)", "rgb(255, 255, 255)") == pytest.approx(4.54, abs=0.01)


def test_it_opens_without_a_network_a_request_or_a_word_on_the_console(browser: Browser, page: Path) -> None:
    browser.show(page, 1280)
    assert [url for url in browser.requests() if not url.startswith("data:")] == [page.as_uri()]
    assert browser.console() == []
    assert browser.run("return document.title") == f"clickwise: clicks {HOSTILE}.csv"
    assert browser.run("return document.scripts.length") == 0


@pytest.mark.parametrize(("width", "scheme"), SCREENS)
def test_it_is_readable_on_every_screen(browser: Browser, page: Path, width: int, scheme: str) -> None:
    browser.show(page, width, scheme)
    assert browser.run(TOO_WIDE, False) == []
    assert browser.run(COLLISIONS) == []
    texts = browser.run(TEXTS)
    assert {text["place"] for text in texts} == {"nav", "drawing", "page"}
    assert [text for text in texts if text["size"] < SMALLEST - 0.05] == []
    assert [text for text in texts if contrast(text["colour"], text["behind"]) < LEAST_CONTRAST] == []
    (paper,) = {text["behind"] for text in texts}
    assert (contrast(paper, "rgb(0, 0, 0)") > 10) == (scheme == "light")


@pytest.mark.parametrize("width", [1280, 400])
def test_words_have_room_in_a_wide_font_too(browser: Browser, page: Path, width: int) -> None:
    browser.show(page, width)
    narrow = browser.run(WIDTH_OF_WORDS)
    browser.run("document.body.style.fontFamily = 'DejaVu Sans, Verdana'")
    try:
        wide = browser.run(WIDTH_OF_WORDS)
        found = browser.run(TOO_WIDE, False) + browser.run(COLLISIONS)
    finally:
        browser.run("document.body.style.fontFamily = ''")
    if wide < 1.05 * narrow:
        pytest.skip("neither DejaVu Sans nor Verdana is installed")
    assert found == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_paper_has_all_of_it_and_is_white(browser: Browser, page: Path, scheme: str) -> None:
    browser.show(page, 1280, scheme)
    on_screen = [text["text"] for text in browser.run(TEXTS) if text["place"] != "nav"]
    browser.show(page, PAPER_WIDTH, scheme, media="print")
    printed = browser.run(TEXTS)
    assert [text["text"] for text in printed] == on_screen
    assert browser.run(TOO_WIDE, True) == []
    assert browser.run("return [...document.querySelectorAll('.scroll')].every((b) => b.scrollWidth <= b.clientWidth)")
    assert browser.run(COLLISIONS) == []
    assert min(contrast(text["colour"], "rgb(255, 255, 255)") for text in printed) >= LEAST_CONTRAST
    assert {text["behind"] for text in printed} == {"rgb(255, 255, 255)"}
    assert len(re.findall(rb"/Type /Page\b", browser.pdf())) >= 3


def test_it_tells_its_structure_to_those_who_do_not_see_it(browser: Browser, page: Path) -> None:
    browser.show(page, 1280)
    found = browser.run(STRUCTURE)
    assert found["headings"][0] == 1 and found["headings"].count(1) == 1
    assert all(after <= before + 1 for before, after in zip(found["headings"], found["headings"][1:], strict=False))
    names = [name for _, name in found["drawings"]]
    assert all(role == "img" and name for role, name in found["drawings"]) and len(set(names)) == len(names)
    for table in found["tables"]:
        assert table["caption"] and set(table["scopes"]) == {"col", "row"} and set(table["rows"]) == {"TH"}
    assert len(found["tables"]) == 4
    assert all(box[0] == 0 and box[1] == "region" and box[2] for box in found["boxes"])
    assert found["landmarks"] == [1, 1, 1] and found["language"] == "en"


def test_where_there_are_colours_there_are_names(browser: Browser, page: Path) -> None:
    browser.show(page, 1280)
    drawings = {drawing["name"]: drawing for drawing in browser.run(COLOURS)}
    coloured = {name for name, drawing in drawings.items() if drawing["colours"] > 1}
    losses = {name for name in drawings if name.startswith("Probabilities of the losses")}
    assert len(losses) == 2
    assert coloured == losses | {"AUC by number of earlier interactions"}
    for name in losses:
        assert drawings[name]["colours"] == len(LOSSES)
        assert all(loss.replace("_", " ") in drawings[name]["words"] for loss in LOSSES)
    lines = drawings["AUC by number of earlier interactions"]
    assert lines["colours"] == 6
    assert all(name in lines["words"] for name in ("Oracle", "MetaSelector", "DeepFM + UDG", "+ AutoLoss"))
