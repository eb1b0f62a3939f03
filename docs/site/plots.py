"""The plots of docs/benchmarks.md, of docs/benchmarks.json, which has what `make bench` wrote.

plots.py                 writes docs/pictures/bench-*.svg, and text and table in docs/benchmarks.md
plots.py RESULT.json...  takes results of runs of the bench first
plots.py --check         fails where they are not what the JSON says
"""

from __future__ import annotations

import html
import json
import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

DOCS = Path(__file__).resolve().parents[1]
SOURCE = DOCS / "benchmarks.json"
PAGE = DOCS / "benchmarks.md"
#: What README.md shows: rows by id, a part of the case and a side that they have, with a title.
SUMMARY = [
    ("A", "batches of 64,000", "ours", "5 million integers through an Arrow function"),
    ("B", "batches of 64,000", "ours", "50 columns of 500,000 integers through mapInArrow"),
    ("D", "pandas x+1", "stock, socket pair", "a warm task of ten rows, from Python"),
    ("E", "cold worker to", "ours", "the first pandas result of a new worker"),
    ("G", "C code", "ours", "from cancel to gone, stuck in C code (p99)"),
]
#: The page's chapters by the ids of rows.
CHAPTERS = {
    "A": (
        "A column",
        "5 million integers through `x + 1`, an Arrow function, in batches of three sizes.",
    ),
    "B": ("A wide table", "50 columns of 500,000 integers through `mapInArrow`."),
    "D": (
        "A small task",
        "Ten rows on a warm worker: what a task costs that does next to nothing.",
    ),
    "E": (
        "A new worker",
        "Up to the first pandas result of a worker that was not there, or was a spare.",
    ),
    "G": (
        "A cancel",
        "Until the process is gone, at the 99th percentile, stuck in different ways.",
    ),
    "JVM": ("A JVM", "The same tasks from a host in a JVM."),
    "F": ("Stock Spark", "200 tasks of ten rows, with and without the daemon module."),
}
WIDTH, LEFT, BAR, GAP, HEAD = 760, 250, 20, 6, 30
OWN, OTHER, TEXT, FAINT = "#b5451b", "#b9afa6", "#2b2622", "#6b625b"
END = f'text-anchor="end" fill="{FAINT}"'
_TABLE = re.compile(r"(<!-- table -->\n).*?(<!-- end -->)", re.DOTALL)


@dataclass(frozen=True)
class Bar:
    """One side of a row: its name, median, least and greatest, and whether it is the library."""

    name: str
    value: float
    low: float
    high: float
    unit: str

    @property
    def own(self) -> bool:
        """Whether the side is the library's."""
        return self.name.startswith("ours")

    @property
    def label(self) -> str:
        """The median as text."""
        digits = 2 if self.value < 10 else 1 if self.value < 100 else 0
        return f"{self.value:,.{digits}f} {self.unit}"


@dataclass(frozen=True)
class Group:
    """A row of the bench: its case and its sides."""

    title: str
    bars: list[Bar]


def bars(row: dict[str, Any]) -> list[Bar]:
    """The sides of a row."""
    return [
        Bar(name, side["value"], side["min"], side["max"], row["unit"])
        for name, side in row["sides"].items()
    ]


def taken(result: dict[str, Any]) -> dict[str, Any]:
    """What is kept of a result: no samples but the median, or the percentile that a target is of."""
    del result["machine"]["kernel"]  # whose it is says nothing to readers
    for row in result["rows"]:
        percent = row["target"]["percentile"] or 50
        for name, side in row["sides"].items():
            ordered = sorted(side["samples"])
            at = ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))]
            value = side["median"] if percent == 50 else at
            row["sides"][name] = {"value": value, "min": side["min"], "max": side["max"]}
    return result


def chart(title: str, groups: list[Group]) -> str:
    """Bars side by side; each group has a scale of its own, the longest bar being its slowest side."""
    lines: list[str] = []
    top = 36
    for group in groups:
        most = max(bar.value for bar in group.bars)
        lines.append(
            f'<text x="16" y="{top + 16}" font-weight="600">{html.escape(group.title)}</text>'
        )
        top += HEAD
        for bar in group.bars:
            length = max(2.0, bar.value / most * (WIDTH - LEFT - 130))
            fill = OWN if bar.own else OTHER
            lines += [
                f'<text x="{LEFT - 10}" y="{top + 15}" {END}>{html.escape(bar.name)}</text>',
                f'<rect x="{LEFT}" y="{top}" width="{length:.1f}" height="{BAR}" rx="3" fill="{fill}"/>',
                f'<text x="{LEFT + length + 8:.1f}" y="{top + 15}">{bar.label}</text>',
            ]
            top += BAR + GAP
        top += 12
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {top + 6}" role="img" '
        f'font-family="system-ui, sans-serif" font-size="14" fill="{TEXT}">'
        f"<title>{html.escape(title)}</title>"
        f'<rect width="{WIDTH}" height="{top + 6}" rx="10" fill="#fffdfb"/>'
        f'<text x="16" y="26" fill="{FAINT}">{html.escape(title)}</text>'
    )
    return "\n".join([head, *lines, "</svg>"]) + "\n"


def made(runs: list[dict[str, Any]], page: str) -> dict[Path, str]:
    """All that is made of runs of the bench, by file."""
    rows = [row for run in runs for row in run["rows"]]
    summary = []
    for row_id, case, side, title in SUMMARY:
        for row in rows:
            if row["id"] == row_id and case in row["case"] and side in row["sides"]:
                summary.append(Group(title, bars(row)))
                break
    less = "Medians; less is better. Each group has its own scale."
    found = {DOCS / "pictures/bench-summary.svg": chart(less, summary)}
    for row_id in dict.fromkeys(row["id"] for row in rows):
        groups = [Group(row["case"], bars(row)) for row in rows if row["id"] == row_id]
        found[DOCS / f"pictures/bench-{row_id.lower()}.svg"] = chart(
            f"Row {row_id}. {less}", groups
        )
    said = _said(runs) + _chapters(rows) + "## All figures\n\n" + _table(rows)
    found[PAGE] = _TABLE.sub(lambda match: match[1] + said + match[2], page)
    return found


def _chapters(rows: list[dict[str, Any]]) -> str:
    """A chapter for each row that was measured."""
    there = {row["id"] for row in rows}
    return "".join(
        f"## {title}\n\n{text}\n\n![{title}](pictures/bench-{row_id.lower()}.svg)\n\n"
        for row_id, (title, text) in CHAPTERS.items()
        if row_id in there
    )


def _said(runs: list[dict[str, Any]]) -> str:
    """What was measured on, in a sentence."""
    first = runs[0]
    loads = [run["machine"]["load"][0] for run in runs]
    versions = ", ".join(
        f"{name} {first['versions'][key]}"
        for name, key in (("Python", "python"), ("PySpark", "pyspark"), ("PyArrow", "pyarrow"))
    )
    machine = first["machine"]
    busy = f"{min(loads):.0f} to {max(loads):.0f}" if len(loads) > 1 else f"{loads[0]:.1f}"
    said = (
        f"Measured on {first['time'][:10]} on {machine['cores']} cores of {machine['machine']} "
        f"with a load average of {busy},\n{versions}, pandas {first['versions']['pandas']}."
    )
    if max(loads) > 2 * machine["cores"]:
        said += (
            " Other programs had most of the machine at the time:\n"
            "both sides of a row took turns under the same load, and single figures are far above "
            "those of a quiet machine."
        )
    return f"{said}\n\n"


def _table(rows: list[dict[str, Any]]) -> str:
    lines = ["| Row | Case | Side | Median | Least to greatest |", "|---|---|---|---|---|"]
    for row in rows:
        for number, bar in enumerate(bars(row)):
            first = f"{row['id']} | {row['case']}" if number == 0 else " | "
            lines.append(
                f"| {first} | {bar.name} | {bar.label} | {bar.low:,.2f} to {bar.high:,.2f} |"
            )
    return "\n".join(lines) + "\n"


def main() -> int:
    """Writes the files, or with --check says which are not as they should be."""
    results = [Path(argument) for argument in sys.argv[1:] if argument != "--check"]
    if results:
        runs = [taken(json.loads(path.read_text())) for path in results]
        SOURCE.write_text(json.dumps(runs, indent=1) + "\n")
    files = made(json.loads(SOURCE.read_text()), PAGE.read_text())
    wrong = [path for path, text in files.items() if not path.exists() or path.read_text() != text]
    if "--check" in sys.argv:
        for path in wrong:
            print(
                f"docs/{path.relative_to(DOCS)}: not of docs/benchmarks.json: run docs/site/plots.py"
            )
        return 1 if wrong else 0
    for path, text in files.items():
        path.write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
