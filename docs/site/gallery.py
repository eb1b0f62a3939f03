"""The gallery: a page of each script of docs/gallery, of its docstring, code and what it prints."""

from __future__ import annotations

import ast
import re
from pathlib import Path

FOLDER = Path(__file__).resolve().parents[1] / "gallery"


def scripts() -> list[Path]:
    """The examples, in the order of their names."""
    return sorted(FOLDER.glob("*.py"))


def pages() -> dict[str, str]:
    """Pages by name: one for each example, and the list of them."""
    found = {}
    lines = [(FOLDER / "index.md").read_text()]
    for script in scripts():
        title, text, code = parts(script)
        name = script.stem
        found[f"gallery/{name}"] = f"# {title}\n\n{text}\n\n```python\n{code}```\n"
        first = re.split(r"(?<=\.)\s", " ".join(text.split()), maxsplit=1)[0]
        lines.append(f"- [{title}]({name}.md): {first}\n")
    names = "\n".join(script.stem for script in scripts())
    lines.append(f"\n```{{toctree}}\n:hidden:\n\n{names}\n```\n")
    found["gallery/index"] = "".join(lines)
    return found


def parts(script: Path) -> tuple[str, str, str]:
    """An example's title, its text and its code."""
    source = script.read_text()
    tree = ast.parse(source)
    said = ast.get_docstring(tree)
    assert said and "\n\n" in said, f"{script}: a title, an empty line and a text are needed"
    title, text = said.split("\n\n", 1)
    code = "\n".join(source.splitlines()[tree.body[0].end_lineno :]).strip("\n")
    return title.rstrip("."), text, f"{code}\n"
