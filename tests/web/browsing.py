"""A headless Chromium before a service."""

import contextlib
import re
import shutil
from collections.abc import Iterator

from playwright.sync_api import Browser, Page, expect, sync_playwright

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
FLAGS = ["--no-sandbox", "--autoplay-policy=no-user-gesture-required"]


def chromium() -> str | None:
    """The browser of this machine."""
    return next(filter(None, map(shutil.which, BROWSERS)), None)


@contextlib.contextmanager
def launched() -> Iterator[Browser]:
    """That browser, without a window."""
    with sync_playwright() as playwright:
        one = playwright.chromium.launch(executable_path=chromium(), args=FLAGS)
        try:
            yield one
        finally:
            one.close()


@contextlib.contextmanager
def opened(browser: Browser, address: str, cards: bool = True, **options: object) -> Iterator[Page]:
    """A page with cards, unless there are none; whatever its scripts complain of is a failure."""
    context = browser.new_context(**{"viewport": {"width": 1280, "height": 800}, "locale": "en-US"} | options)
    page, complaints = context.new_page(), []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda one: complaints.append(one.text) if "Refused" in one.text else None)
    try:
        page.goto(address)
        if cards:
            expect(page.locator("button.card").first).to_be_visible()
        yield page
    finally:  # an open connection would keep the service from ending
        context.close()
    assert not complaints


def luminance(colour: str) -> float:
    """Of a colour as a browser tells it, 0 to 1, as WCAG 2 measures it."""
    shares = [int(number) / 255 for number in re.findall(r"\d+", colour)[:3]]
    linear = [one / 12.92 if one <= 0.03928 else ((one + 0.055) / 1.055) ** 2.4 for one in shares]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(page: Page, selector: str, ground: str) -> float:
    """Of words on a ground, as WCAG 2 measures it."""
    words = page.locator(selector).first.evaluate("one => getComputedStyle(one).color")
    behind = page.locator(ground).first.evaluate("one => getComputedStyle(one).backgroundColor")
    lighter, darker = sorted([luminance(words), luminance(behind)], reverse=True)
    return (lighter + 0.05) / (darker + 0.05)
