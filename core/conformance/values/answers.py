"""The recorded answers: one file a job for all versions, an answer once where they agree.

An answer is a text, or a list of [minors, text] where versions differ; minors that lack the thing
are in none. A number in place of a text is its index in the file's ``texts``. Texts that begin with "!" are errors.
"""

from __future__ import annotations

import functools
import json
import pathlib
import re
from typing import Any

DIRECTORY = pathlib.Path(__file__).resolve().parent / "testdata"
MINORS = ("3.5", "4.0", "4.1", "4.2", "4.3")


#: The longest text that stands at its place even if it stands at others, too.
_SHORT = 12


@functools.lru_cache
def read(job: str, minor: str) -> dict[str, Any]:
    """What one version said: the tree of dicts that the job made, with texts as its leaves."""
    path = DIRECTORY / f"{job}.json"
    if not path.exists():
        return {}
    stored = json.loads(path.read_text())
    return _of_version(stored["answers"], minor, stored["texts"]) or {}


def write(job: str, minor: str, tree: dict[str, Any]) -> None:
    """Puts in a version's answers, in place of what it said before."""
    trees = {each: read(job, each) for each in MINORS}
    trees[minor] = tree
    texts: dict[str, int] = {}
    merged = _merged([trees[each] for each in MINORS], texts)
    stored = {"texts": list(texts), "answers": merged}
    DIRECTORY.mkdir(exist_ok=True)
    text = json.dumps(stored, indent=0, ensure_ascii=False, separators=(",", ":"))
    # A line for each title, column or text: versions stay in their line.
    text = re.sub(r"\n(?=[\]\[0-9])|(?<=\[)\n|(?<=[0-9],)\n(?=\")", "", text)
    (DIRECTORY / f"{job}.json").write_text(text + "\n")
    read.cache_clear()


def stable(text: str) -> str:
    """A text without the hash codes of Java's objects, which are others in each run."""
    return re.sub(r"@[0-9a-f]{4,8}\b", "@...", text)


def _of_version(node: Any, minor: str, texts: list[str]) -> Any:
    if isinstance(node, dict):
        parts = {key: _of_version(each, minor, texts) for key, each in node.items()}
        return {key: part for key, part in parts.items() if part is not None} or None
    if isinstance(node, list):
        node = next((text for minors, text in node if minor in minors.split()), None)
    return texts[node] if isinstance(node, int) else node


def _merged(nodes: list[Any], texts: dict[str, int]) -> Any:
    """One tree of those of all versions, None where a version has nothing."""
    if any(isinstance(node, dict) for node in nodes):
        keys: dict[str, None] = {}
        for node in reversed(nodes):
            keys.update(dict.fromkeys(node or {}))
        return {key: _merged([(node or {}).get(key) for node in nodes], texts) for key in keys}
    minors: dict[str, list[str]] = {}
    for minor, text in zip(MINORS, nodes, strict=True):
        if text is not None:
            minors.setdefault(stable(text), []).append(minor)
    answers = [
        [" ".join(versions), text if len(text) <= _SHORT else texts.setdefault(text, len(texts))]
        for text, versions in minors.items()
    ]
    return answers[0][1] if len(answers) == 1 and None not in nodes else answers
