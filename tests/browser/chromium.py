"""A headless Chromium with one page of ours in it, and the questions that tests ask it."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from selenium.webdriver import Chrome, ChromeOptions
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement

# Nothing that talks to the network by itself, and nothing that is left over from another run.
_ARGUMENTS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
)


def started(profile: Path) -> Chrome:
    """Start a browser with an empty profile; both programs by path, or selenium would look for downloads."""
    options = ChromeOptions()
    options.binary_location = shutil.which("chromium") or ""
    for argument in (*_ARGUMENTS, f"--user-data-dir={profile}", "--window-size=1280,1000"):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    return Chrome(options=options, service=Service(shutil.which("chromedriver")))


class Page:
    """The page that is open; selectors are CSS."""

    def __init__(self, driver: Chrome) -> None:
        self.driver = driver

    def open(self, file: Path) -> None:
        """Load a page from a file, afresh, in the default look."""
        self.look()
        self.driver.get("about:blank")
        self.driver.get_log("browser")
        self.driver.get(file.as_uri())

    def look(self, *, width: int = 1280, height: int = 1000, mobile: bool = False, **features: str) -> None:
        """Set the size of the window, and media features such as `prefers_color_scheme="dark"`; `media` is one."""
        medium = features.pop("media", "")
        named = [{"name": name.replace("_", "-"), "value": value} for name, value in features.items()]
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": mobile}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": medium, "features": named})

    def ask(self, script: str, *arguments: Any) -> Any:
        """Run a script that returns what it is asked for."""
        return self.driver.execute_script(script, *arguments)

    def all(self, selector: str) -> list[WebElement]:
        """Return the elements that are there, seen or not."""
        return self.driver.find_elements(By.CSS_SELECTOR, selector)

    def one(self, selector: str) -> WebElement:
        """Return the first element that fits."""
        return self.driver.find_element(By.CSS_SELECTOR, selector)

    def seen(self, selector: str) -> list[str]:
        """Return the texts of the elements that are displayed."""
        return [element.text for element in self.all(selector) if element.is_displayed()]

    def press(self, *keys: str) -> None:
        """Press keys, one after the other, where the focus is."""
        for key in keys:
            ActionChains(self.driver, duration=0).send_keys(key).perform()

    def click(self, selector: str) -> None:
        """Click the first element that fits, brought into view first."""
        element = self.one(selector)
        self.ask("arguments[0].scrollIntoView({block: 'center'})", element)
        element.click()

    def cell(self, source: str, destination: str) -> WebElement:
        """Return the cell of the first matrix that is open, by its row's name and its column's."""
        found = self.ask(
            """const rows = [...document.querySelectorAll('.matrix tbody th')];
            const columns = [...document.querySelector('.matrix thead tr').cells];
            const row = rows.find((header) => header.title === arguments[0]);
            return row.parentElement.cells[columns.findIndex((header) => header.title === arguments[1])];""",
            source,
            destination,
        )
        assert isinstance(found, WebElement), (source, destination)
        return found

    def console(self) -> list[Mapping[str, Any]]:
        """Return what the browser has complained of since it was asked last."""
        return list(self.driver.get_log("browser"))
