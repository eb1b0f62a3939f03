"""The site in Chromium: a page of each kind, on a phone's and a desk's width, in light and dark.

Chromium is the one that CHROMIUM names, or that is on PATH, or that make unpacked below build/tools.
Screenshots are left in build/docs/screens for people to look at.
"""

from __future__ import annotations

import functools
import http.server
import os
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Error, Page, Request, sync_playwright

ROOT = Path(__file__).resolve().parents[2]
SITE = ROOT / "build/docs/site"
SCREENS = ROOT / "build/docs/screens"
UNPACKED = ROOT / "build/tools/chromium"
WIDTHS = (400, 1400)
_BAD = ("error", "warning")

#: A page of each kind.
PAGES = [
    "index",
    "start/python",
    "start/which-call",
    "start/testing",
    "gallery/index",
    "gallery/c_speed",
    "guide/python",
    "api/python",
    "api/c",
    "api/java",
    "configuration",
    "crashes",
    "errors",
    "troubleshooting",
    "types",
    "benchmarks",
    "differences",
    "architecture",
    "search",
]


class _Server(http.server.ThreadingHTTPServer):
    daemon_threads = True


class _Handler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        """Requests are no news."""


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """Where the site is served."""
    handler = functools.partial(_Handler, directory=str(SITE))
    with _Server(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium, or a skipped test where there is none."""
    program = (
        os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
    )
    environment = dict(os.environ)
    if not program:
        program = str(UNPACKED / "usr/lib/chromium/chromium")
        folders = [str(UNPACKED / "usr/lib" / f"{os.uname().machine}-linux-gnu")]
        environment["LD_LIBRARY_PATH"] = ":".join([*folders, f"{folders[0]}/pulseaudio"])
    if not Path(program).exists():
        pytest.skip(f"the site is not looked at: no chromium on PATH, in CHROMIUM or {UNPACKED}")
    with sync_playwright() as playwright:
        try:
            # Root has no sandbox; the pages are our own.
            started = playwright.chromium.launch(
                executable_path=program, env=environment, args=["--no-sandbox"]
            )
        except Error as error:
            pytest.skip(f"the site is not looked at: {program} does not start: {error}")
        yield started
        started.close()


@pytest.mark.parametrize("name", PAGES)
def test_page(browser: Browser, address: str, name: str) -> None:
    """No error on the console, nothing from other hosts, nothing wider than the window."""
    wrong: list[str] = []
    page = browser.new_page()
    page.on("console", lambda said: wrong.extend([said.text] * (said.type in _BAD)))
    page.on("pageerror", lambda error: wrong.extend([str(error)]))
    page.on("response", lambda answer: wrong.extend([answer.url] * (answer.status >= 400)))
    page.on("request", lambda request: wrong.extend(_elsewhere(request, address)))
    query = "?q=cancel" if name == "search" else ""
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 900})
        page.emulate_media(color_scheme="dark" if width == WIDTHS[0] else "light")
        page.goto(f"{address}/{name}.html{query}")
        if name == "search":
            page.wait_for_selector("ul.search li")
        wrong += [f"{width} px: {each}" for each in _too_wide(page)]
        wrong += [f"{width} px: {each}" for each in _broken_images(page)]
        SCREENS.mkdir(parents=True, exist_ok=True)
        page.screenshot(path=SCREENS / f"{name.replace('/', '-')}-{width}.png")
    page.close()
    assert not wrong, f"{name}: {wrong}"


def _elsewhere(request: Request, address: str) -> list[str]:
    return [] if request.url.startswith((address, "data:")) else [request.url]


def _too_wide(page: Page) -> list[str]:
    """What is wider than the window: then the page as a whole can be scrolled sideways."""
    found = page.evaluate(
        """() => {
        const room = document.documentElement.clientWidth;
        if (document.documentElement.scrollWidth <= room) return [];
        return [...document.querySelectorAll('article *')]
            .filter(each => each.getBoundingClientRect().right > room + 1)
            .slice(0, 3).map(each => `${each.tagName} of ${each.getBoundingClientRect().right} px: `
                + each.textContent.trim().slice(0, 60)).concat(['the page scrolls sideways']);
        }"""
    )
    return [str(each) for each in found]


def _broken_images(page: Page) -> list[str]:
    found = page.evaluate(
        "() => [...document.images].filter(each => each.complete && !each.naturalWidth)"
        ".map(each => each.src)"
    )
    return [str(each) for each in found]
