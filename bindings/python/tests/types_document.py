"""Makes docs/types.md of the tests' samples and of what real Spark said of them, and the table of
the recordings' README.

Run it as a program after samples or recordings changed: ``python tests/types_document.py``.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterable

import arrow_types
import recorded_counts
import shown_columns as sc
from arrow_types import Column
from conftest import REPOSITORY

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
    readme = recorded_counts.README
    readme.write_text(recorded_counts.updated(readme.read_text()))


def updated(page: str) -> str:
    """The page with its table and its count as they are now."""
    rows = [_COLUMNS, ("---",) * len(_COLUMNS), *map(_row, arrow_types.COLUMNS)]
    table = "".join(f"| {' | '.join(row)} |\n" for row in rows)
    page = re.sub(r"[0-9,]+(?= combinations)", f"{recorded_counts.total():,}", page)
    before, _, after = page.partition("\n\n|")
    if not after:
        before, _, after = page.partition("\n\n<!-- rows -->")
    return f"{before}\n\n{table}{after[after.index(chr(10) * 2) + 1 :]}"


def _row(column: Column) -> tuple[str, ...]:
    if column.spark is None:
        return (f"`{column.name}`", "none", *["refused"] * 3, "")
    seen = [
        _by_version(column, lambda minor, kinds=kinds: _seen(column, minor, kinds))
        for kinds in GROUPS
    ]
    spark = sc.columns.sql_type(column.spark)
    name = arrow_types.comes_back(column) if column.name in arrow_types.SPARK_TYPES else column.name
    back = arrow_types.comes_back(column)
    return (f"`{name}`", f"`{spark}`", *seen, f"`{back}`" if back else "")


def _by_version(column: Column, cell: Callable[[str], str]) -> str:
    """A cell, the versions behind each text where they differ."""
    found: dict[str, list[str]] = {}
    for minor in answers.MINORS:
        found.setdefault(cell(minor), []).append(minor)
    found.pop("", None)
    if len(found) == 1:
        return next(iter(found))
    return "; ".join(f"{text} ({_span(minors)})" for text, minors in found.items())


def _span(minors: list[str]) -> str:
    return minors[0] if len(minors) == 1 else f"{minors[0]} to {minors[-1]}"


def _seen(column: Column, minor: str, kinds: Iterable[str]) -> str:
    """What functions of some kinds see, once where it is the same."""
    kinds = [kind for kind in kinds if column.taken(kind, minor)]
    if not kinds:
        return "" if "variant" in column.name else "refused"
    found: dict[str, list[str]] = {}
    for kind in kinds:
        answer = sc.answers_about(minor, f"{kind} describe").get(str(column.spark))
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
