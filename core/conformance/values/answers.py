"""The recorded answers: one file a job for all versions, an answer once where they agree.

An answer is a text, or a list of (minors, text) where versions differ; minors that lack the thing are in none. Texts
that begin with "!" are errors, "!5" is the sixth of the file's ``errors``.
"""

from __future__ import annotations

import json
import pathlib
import re
from typing import Any

DIRECTORY = pathlib.Path(__file__).resolve().parent / "testdata"
MINORS = ("3.5", "4.0", "4.1", "4.2", "4.3")


def read(job: str, minor: str) -> dict[str, Any]:
    """What one version said: the tree of dicts that the job made, with texts as its leaves."""
    path = DIRECTORY / f"{job}.json"
    if not path.exists():
        return {}
    stored = json.loads(path.read_text())
    found = _of_version(stored["answers"], minor, stored["errors"])
    return found or {}


def write(job: str, minor: str, tree: dict[str, Any]) -> None:
    """Puts in a version's answers, in the place of what it said before."""
    trees = {each: read(job, each) for each in MINORS}
    trees[minor] = tree
    errors: dict[str, int] = {}
    merged = _merged([trees[each] for each in MINORS], errors)
    DIRECTORY.mkdir(exist_ok=True)
    stored = {"errors": list(errors), "answers": merged}
    text = json.dumps(stored, indent=0, ensure_ascii=False, separators=(",", ":"))
    (DIRECTORY / f"{job}.json").write_text(text + "\n")


def stable(text: str) -> str:
    """A text without the hash codes of Java's objects, which are others in each run."""
    return re.sub(r"@[0-9a-f]{4,8}\b", "@...", text)


def _of_version(node: Any, minor: str, errors: list[str]) -> Any:
    if isinstance(node, dict):
        parts = {key: _of_version(each, minor, errors) for key, each in node.items()}
        return {key: part for key, part in parts.items() if part is not None} or None
    if isinstance(node, list):
        node = next((text for minors, text in node if minor in minors.split()), None)
    if node is not None and node.startswith("!"):
        return errors[int(node[1:])]
    return node


def _merged(nodes: list[Any], errors: dict[str, int]) -> Any:
    """One tree of those of all versions, None where a version has nothing."""
    if any(isinstance(node, dict) for node in nodes):
        keys: dict[str, None] = {}
        for node in reversed(nodes):
            keys.update(dict.fromkeys(node or {}))
        return {key: _merged([(node or {}).get(key) for node in nodes], errors) for key in keys}
    minors: dict[str, list[str]] = {}
    for minor, text in zip(MINORS, nodes, strict=True):
        if text is not None:
            text = stable(text)
            if text.startswith("!"):
                text = f"!{errors.setdefault(text, len(errors))}"
            minors.setdefault(text, []).append(minor)
    if len(minors) == 1 and None not in nodes:
        return next(iter(minors))
    return [[" ".join(versions), text] for text, versions in minors.items()]
