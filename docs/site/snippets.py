"""The code blocks of pages, and a way to run Python programs one after the other in one process.

`snippets.py PROGRAM...` runs each file as a program of its own, and prints a line of JSON with what each
printed. To start Python and workers once is most of what small programs cost.
"""

from __future__ import annotations

import contextlib
import io
import json
import re
import runpy
import sys
from dataclasses import dataclass
from pathlib import Path

_BLOCK = re.compile(r"^```(\w+)([^\n]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Block:
    """A block of code: its language, the file's name where it has one, its first line in the page."""

    language: str
    title: str
    line: int
    code: str

    @property
    def prints(self) -> list[str]:
        """What its comments say it prints."""
        return re.findall(r"^# prints (.*)$", self.code, re.MULTILINE)


def blocks(page: Path, *languages: str) -> list[Block]:
    """The page's blocks of the languages."""
    text = page.read_text()
    found = []
    for each in _BLOCK.finditer(text):
        title = re.search(r'title="(.*?)"', each[2])
        line = text.count("\n", 0, each.start()) + 2
        found.append(Block(each[1], title[1] if title else "", line, each[3]))
    return [block for block in found if block.language in languages]


def run(program: Path) -> list[str]:
    """The lines that a program prints."""
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        runpy.run_path(str(program), run_name="__main__")
    return printed.getvalue().splitlines()


if __name__ == "__main__":
    for argument in sys.argv[1:]:
        print(json.dumps({"program": argument, "prints": run(Path(argument))}), flush=True)
