"""Checks what pages say of the repository: their links, and the rooms that docs/architecture.md has."""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def pages() -> list[Path]:
    """The markdown pages that git knows or would add."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.md"]
    listed = subprocess.run(command, cwd=ROOT, check=True, text=True, stdout=subprocess.PIPE)
    return [ROOT / name for name in listed.stdout.split()]


def anchors(page: Path) -> set[str]:
    """The anchors that a page's headings have."""
    headings = re.findall(r"^#+ +(.*?) *$", page.read_text(), re.MULTILINE)
    plain = (re.sub(r"[^\w\- ]", "", heading.lower()) for heading in headings)
    return {heading.replace(" ", "-") for heading in plain}


def broken_links(page: Path) -> list[str]:
    """Links of a page to files or headings that are not there; other sites are not asked."""
    text = re.sub(r"```.*?```", "", page.read_text(), flags=re.DOTALL)
    found = []
    for target in re.findall(r"\]\(([^()\s]+)\)", text):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        file = (page.parent / path).resolve() if path else page
        if not file.exists():
            found.append(f"{page.relative_to(ROOT)}: {target}: no such file")
        elif anchor and anchor not in anchors(file):
            found.append(f"{page.relative_to(ROOT)}: {target}: no such heading")
    return found


def missing_rooms() -> list[str]:
    """Rooms of core that the page on the architecture does not link to."""
    text = (ROOT / "docs/architecture.md").read_text()
    rooms = sorted(path.name for path in (ROOT / "core").iterdir() if path.is_dir())
    return [
        f"docs/architecture.md: no word of core/{room}"
        for room in rooms
        if f"(../core/{room})" not in text
    ]


def main() -> int:
    """Prints what is wrong, and returns 1 if something is."""
    every_page = pages()
    assert len(every_page) > 10, "the repository has pages"
    wrong = [line for page in every_page for line in broken_links(page)]
    wrong += missing_rooms()
    for line in wrong:
        print(line)
    if not wrong:
        print(f"ok links of {len(every_page)} pages, rooms")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
