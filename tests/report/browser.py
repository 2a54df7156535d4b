"""A Chromium without a network, driven through Debian's ``chromium`` and ``chromium-driver``."""

import base64
import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

MISSING = "needs Chromium and its driver (Debian: chromium, chromium-driver) and the Python package selenium"
# 186 mm at 96 dots an inch: what the page's margins leave of A4.
PAPER_WIDTH = 703


def browser_and_driver() -> tuple[str, str] | None:
    """Paths of a browser and of its driver, or None; nothing is ever downloaded."""
    browser = next((path for name in ("chromium", "chromium-browser") if (path := shutil.which(name))), None)
    driver = shutil.which("chromedriver")
    return (browser, driver) if browser and driver else None


class Browser:
    """A browser window that keeps count of what it asked for and of what its console said."""

    def __init__(self, driver: Any) -> None:
        """Take the network away."""
        self.driver = driver
        self.tell("Network.enable")
        self.tell("Network.emulateNetworkConditions", offline=True, latency=0, downloadThroughput=0, uploadThroughput=0)

    def tell(self, command: str, **options: Any) -> dict[str, Any]:
        """Give a command of the DevTools protocol."""
        answer: dict[str, Any] = self.driver.execute_cdp_cmd(command, options)
        return answer

    def show(self, page: Path, width: int, scheme: str = "light", media: str = "screen") -> None:
        """Open a page at a width in pixels, in a colour scheme, on a screen or as on paper."""
        self.tell("Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=False)
        self.tell(
            "Emulation.setEmulatedMedia", media=media, features=[{"name": "prefers-color-scheme", "value": scheme}]
        )
        if self.driver.current_url != page.as_uri():
            self.driver.get(page.as_uri())

    def run(self, script: str, *arguments: Any) -> Any:
        """The value that a script returns."""
        return self.driver.execute_script(script, *arguments)

    def requests(self) -> list[str]:
        """Addresses asked for since the last time."""
        messages = [json.loads(entry["message"])["message"] for entry in self.driver.get_log("performance")]
        return [m["params"]["request"]["url"] for m in messages if m["method"] == "Network.requestWillBeSent"]

    def console(self) -> list[str]:
        """What the console said since the last time."""
        return [entry["message"] for entry in self.driver.get_log("browser")]

    def picture(self, height: int, scale: float = 1.0) -> bytes:
        """A PNG of the top of the page, as wide as the window."""
        width = self.run("return innerWidth")
        clip = {"x": 0, "y": 0, "width": width, "height": height, "scale": scale}
        return base64.b64decode(self.tell("Page.captureScreenshot", captureBeyondViewport=True, clip=clip)["data"])

    def pdf(self) -> bytes:
        """The page as it is printed on A4 with the printer's defaults: no backgrounds."""
        answer = self.tell("Page.printToPDF", paperWidth=8.27, paperHeight=11.69, preferCSSPageSize=True)
        return base64.b64decode(answer["data"])


@contextmanager
def open_browser() -> Iterator[Browser]:
    """Start a browser, and end it."""
    from selenium.webdriver import Chrome, ChromeOptions
    from selenium.webdriver.chrome.service import Service

    found = browser_and_driver()
    if found is None:
        raise FileNotFoundError(MISSING)
    options = ChromeOptions()
    options.binary_location = found[0]
    for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars"):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = Chrome(options=options, service=Service(found[1]))
    try:
        yield Browser(driver)
    finally:
        driver.quit()
