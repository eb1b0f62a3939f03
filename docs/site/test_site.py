"""The built site: what its pages link to is there."""

from __future__ import annotations

import html.parser
import urllib.parse
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SITE = ROOT / "build/docs/site"
#: What javadoc makes is checked by javadoc.
JAVADOC = SITE / "api/java"


class _Page(html.parser.HTMLParser):
    """The addresses that a page names, and the places in it."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.addresses: list[str] = []
        self.places: set[str] = set()
        self.feed(path.read_text())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if name in ("href", "src") and value and tag != "use":
                self.addresses.append(value)
            if name == "id" and value:
                self.places.add(value)


def test_links() -> None:
    """Links within the site lead to a file, and to a place in it."""
    pages = {path: _Page(path) for path in SITE.rglob("*.html") if JAVADOC not in path.parents}
    assert len(pages) > 30, f"{SITE}: make docs builds it"
    wrong = []
    for path, page in pages.items():
        for address in page.addresses:
            parts = urllib.parse.urlsplit(address)
            if parts.scheme or parts.netloc:
                continue
            target = (
                (path.parent / urllib.parse.unquote(parts.path)).resolve() if parts.path else path
            )
            if not target.exists() and not (JAVADOC in target.parents and not JAVADOC.exists()):
                wrong.append(f"{path.relative_to(SITE)}: {address}: no such file")
            elif parts.fragment and target in pages and parts.fragment not in pages[target].places:
                wrong.append(f"{path.relative_to(SITE)}: {address}: no such place")
    assert not wrong, "\n".join(wrong)


def test_nothing_from_elsewhere() -> None:
    """No page loads a script, a style or a font of another host."""
    for path in SITE.glob("**/*.html"):
        if JAVADOC not in path.parents:
            text = path.read_text()
            assert 'src="http' not in text and 'rel="stylesheet" href="http' not in text, path
