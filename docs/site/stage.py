"""Lays the pages of the site into a folder as Sphinx wants them: `stage.py FOLDER`.

Pages are written for readers of the repository: their links to other pages of the site stay links
to pages, all others lead into the repository. Pages that lie elsewhere are taken from there; the
reference of the C ABI and the examples of the gallery are made of sources.
"""

from __future__ import annotations

import posixpath
import re
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import gallery
import header
import mmdr
from contents import CHAPTERS, ELSEWHERE

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
REPOSITORY = "https://github.com/udfrunner/udfrunner"
HEADER = "include/udfrunner.h"

_FENCE = re.compile(r"^```(\w*).*?\n(.*?)^```\n", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\]\(([^()\s]+)\)")


def pages() -> dict[str, tuple[str, str]]:
    """The site's pages: for each the file of the repository that its links start from, and its text."""
    found = {}
    for path in sorted(DOCS.rglob("*.md")):
        name = str(path.relative_to(DOCS).with_suffix(""))
        found[name] = (f"docs/{name}.md", path.read_text())
    for name, source in ELSEWHERE.items():
        found[name] = (source, (ROOT / source).read_text())
    found["api/c"] = (HEADER, header.page((ROOT / HEADER).read_text()))
    for name, text in gallery.pages().items():
        found[name] = (f"docs/{name}.md", text)
    listed = [name for names in CHAPTERS.values() for name in names]
    missing = sorted(set(listed) - set(found))
    if missing:
        sys.exit(f"docs/site/contents.py: {', '.join(missing)}: no such page")
    source, text = found["index"]
    found["index"] = (source, text + "".join(map(_chapter, CHAPTERS)))
    return found


def _chapter(title: str) -> str:
    names = "\n".join(CHAPTERS[title])
    return f"\n```{{toctree}}\n:hidden:\n:caption: {title}\n\n{names}\n```\n"


def moved(link: str, here: str, source: str, homes: dict[str, str]) -> str:
    """Where a link of the page `here`, whose source is a file of the repository, leads in the site.

    `homes` has the pages by their sources.
    """
    if link.startswith("#") or re.match(r"[a-z]+:", link):
        return link
    path, _, anchor = link.partition("#")
    anchor = anchor and f"#{anchor}"
    named = posixpath.normpath(posixpath.join(posixpath.dirname(source), path))
    if named in homes:
        return posixpath.relpath(homes[named] + ".md", posixpath.dirname(here) or ".") + anchor
    if named.startswith("docs/pictures/"):
        return posixpath.relpath(named, posixpath.join("docs", posixpath.dirname(here)))
    file = ROOT / named
    return f"{REPOSITORY}/{'tree' if file.is_dir() else 'blob'}/main/{named}{anchor}"


def outside_fences(text: str, change: Callable[[str], str]) -> str:
    """Text with the parts between code blocks changed, and diagrams drawn."""
    parts, end = [], 0
    for fence in _FENCE.finditer(text):
        drawn = fence[1] == "mermaid"
        parts += [change(text[end : fence.start()]), diagram(fence[2]) if drawn else fence[0]]
        end = fence.end()
    return "".join([*parts, change(text[end:])])


def diagram(source: str) -> str:
    """A diagram in mermaid's language as SVG within the page: no script draws it for the reader."""
    svg = mmdr.render(source).svg().replace("\n", " ")
    return f'```{{raw}} html\n<figure class="diagram">{svg}</figure>\n```\n'


def write(path: Path, text: str) -> None:
    """Writes a page, and leaves one that is as it should be: Sphinx goes by the time of change."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists() or path.read_text() != text:
        path.write_text(text)


def main(folder: Path) -> None:
    """Lays everything into the folder, and takes away what does not belong there."""
    found = pages()
    homes = {source: name for name, (source, _) in found.items()}
    for name, (source, text) in found.items():

        def change(part: str, name: str = name, source: str = source) -> str:
            return _LINK.sub(lambda link: f"]({moved(link[1], name, source, homes)})", part)

        write(folder / f"{name}.md", outside_fences(text, change))
    for path in folder.rglob("*.md"):
        if str(path.relative_to(folder).with_suffix("")) not in found:
            path.unlink()
    shutil.copytree(DOCS / "pictures", folder / "pictures", dirs_exist_ok=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
