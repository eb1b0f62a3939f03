"""Makes docs/types.md of the tests' samples and of what real Spark said of them.

Run it as a program after samples or recordings changed: ``python tests/types_document.py``.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterable

import arrow_types
import arrow_zones
import shown_columns as sc
from arrow_types import Column
from conftest import REPOSITORY, is_older
from recorded_values import recorded, titles, zones

import answers  # isort: skip - of the room that recorded_values found

DOCUMENT = REPOSITORY / "docs" / "types.md"
#: Kinds whose functions see the same.
GROUPS = (("100", "300"), ("101", "301"), ("200", "201", "202", "205"))
#: A text among those of a column.
_LITERAL = re.compile(r"""'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*\"""")
_COLUMNS = (
    "Arrow type",
    "Spark's type",
    "Row functions (100, 300)",
    "with Arrow (101, 301)",
    "pandas functions (200, 201, 202, 205)",
    "Comes back as",
)


def main() -> None:
    DOCUMENT.write_text(updated(DOCUMENT.read_text()))


def updated(page: str) -> str:
    """The page with its table and its count as they are now."""
    rows = [_COLUMNS, ("---",) * len(_COLUMNS), *map(_row, arrow_types.COLUMNS)]
    table = "".join(f"| {' | '.join(row)} |\n" for row in rows)
    page = re.sub(r"[0-9,]+(?= combinations)", f"{combinations():,}", page)
    before, _, after = page.partition("\n\n|")
    if not after:
        before, _, after = page.partition("\n\n<!-- rows -->")
    return f"{before}\n\n{table}{after[after.index(chr(10) * 2) + 1 :]}"


def combinations() -> int:
    """How many answers the tests compare."""
    count = 0
    for minor in answers.MINORS:
        for job in ("returned", "converted"):
            for title in titles(job):
                count += sum(map(len, recorded(job, minor, title).values()))
        for kind, since in sc.KINDS.items():
            if is_older(minor, since):
                continue
            for function in ("describe", "identity"):
                count += _held(sc.taken(kind, minor), minor, "plain", kind, function)
                for where in zones("seen"):
                    title = " ".join(where)
                    count += _held(arrow_zones.COLUMNS, minor, title, kind, function)
    return count


def _held(given: list[Column], minor: str, title: str, kind: str, function: str) -> int:
    found = recorded("seen", minor, title, f"{kind} {function}")
    return len(sc.expected_of(given, found, minor, kind, function, "UTC")) if found else 0


def _row(column: Column) -> tuple[str, ...]:
    if column.spark is None:
        return (f"`{column.name}`", "none", *["refused"] * 3, "")
    seen = [
        _by_version(column, lambda minor, kinds=kinds: _seen(column, minor, kinds))
        for kinds in GROUPS
    ]
    spark = sc.columns.sql_type(column.spark)
    name = arrow_types.comes_back(column) if column.name in arrow_types.SPARK_TYPES else column.name
    return (f"`{name}`", f"`{spark}`", *seen, f"`{arrow_types.comes_back(column)}`")


def _by_version(column: Column, cell: Callable[[str], str]) -> str:
    """A cell, the versions behind each text where they differ."""
    found: dict[str, list[str]] = {}
    for minor in answers.MINORS:
        if is_older(minor, column.since):
            found.setdefault("refused", []).append(minor)
        else:
            found.setdefault(cell(minor), []).append(minor)
    found.pop("", None)
    if len(found) == 1:
        return next(iter(found))
    return "; ".join(f"{text} ({_span(minors)})" for text, minors in found.items())


def _span(minors: list[str]) -> str:
    return minors[0] if len(minors) == 1 else f"{minors[0]} to {minors[-1]}"


def _seen(column: Column, minor: str, kinds: Iterable[str]) -> str:
    """What functions of some kinds see, once where it is the same."""
    found: dict[str, list[str]] = {}
    for kind in kinds:
        answer = recorded("seen", minor, "plain", f"{kind} describe").get(str(column.spark))
        if answer is not None:
            found.setdefault(_short(answer), []).append(kind)
    if len(found) <= 1:
        return next(iter(found), "")
    return ", ".join(f"{text} in {' '.join(kinds)}" for text, kinds in found.items())


def _short(answer: str) -> str:
    if answer.startswith("!"):
        return "error"
    # A text may be that of a whole group.
    texts = [
        part for text in _LITERAL.findall(answer) for part in ast.literal_eval(text).split("; ")
    ]
    heads = list(dict.fromkeys(_head(text) for text in texts if text.split(" | ")[-1] != "None"))
    return ", null: ".join(f"`{head}`" for head in heads[:2]) or "`None`"


def _head(text: str) -> str:
    """The type of what is described."""
    dtype, bar, value = text.partition(" | ")
    if text.startswith("DataFrame "):
        return "DataFrame"
    head = re.split(r"[ (\[]", value if bar else text)[0]
    head = "NaT" if head.endswith("NaTType") else head
    return head if not bar else f"{dtype} of {head}" if dtype == "object" else dtype


if __name__ == "__main__":
    main()
