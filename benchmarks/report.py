"""What was measured, as a table and as JSON."""

from __future__ import annotations

import json
import os
import platform
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyspark
import udfrunner
from rich.table import Table
from rich.text import Text

from .measure import Row, Side, Target

FORMAT = 1
"""The version of the JSON's layout."""


def to_table(rows: list[Row]) -> Table:
    """A line for each side of each row; the row's own line has its ratio and target."""
    table = Table(title="medians (least to greatest)", title_justify="left")
    table.add_column("")
    table.add_column("case")
    table.add_column("side")
    table.add_column("measured", justify="right", no_wrap=True)
    table.add_column("ratio", justify="right")
    table.add_column("target")
    for row in rows:
        for name, side in row.sides.items():
            told = name == row.target.side
            first = name == next(iter(row.sides))
            table.add_row(
                row.id if first else "",
                row.case if first else "",
                name,
                _range(side, row.unit, row.target.percentile),
                f"{row.ratio:.2f}x" if told else "",
                _verdict(row) if told else "",
                end_section=name == list(row.sides)[-1],
            )
    return table


def _range(side: Side, unit: str, percent: float | None) -> str:
    digits = 2 if side.median < 10 else 1
    low, median, high = (f"{v:.{digits}f}" for v in (side.low, side.median, side.high))
    if percent is not None:
        return (
            f"{median} {unit}, p{percent:g} {side.percentile(percent):.{digits}f} ({low} to {high})"
        )
    return f"{median} {unit}" if low == high else f"{median} {unit} ({low} to {high})"


def _verdict(row: Row) -> Text:
    word, style = ("met", "green") if row.met else ("MISSED", "bold red")
    return Text.assemble(f"<= {_target(row.target, row.unit)}: ", (word, style))


def _target(target: Target, unit: str) -> str:
    terms = []
    if target.against is not None:
        terms.append(f"{target.factor:g}x {target.against}")
    if target.allowance:
        terms.append(f"{target.allowance:g} {unit}")
    of = "" if target.percentile is None else f" at p{target.percentile:g}"
    return " + ".join(terms) + of


def to_json(rows: list[Row], quick: bool) -> dict[str, Any]:
    """All that was measured, with what it was measured on."""
    return {
        "format": FORMAT,
        "time": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "quick": quick,
        "machine": {
            "cores": len(os.sched_getaffinity(0)),
            "load": list(os.getloadavg()),
            "machine": platform.machine(),
            "kernel": platform.release(),
        },
        "versions": {
            "python": platform.python_version(),
            "pyspark": pyspark.__version__,
            "pyarrow": pa.__version__,
            "pandas": pd.__version__,
            "udfrunner": udfrunner.__version__,
        },
        "rows": [_row(row) for row in rows],
    }


def _row(row: Row) -> dict[str, Any]:
    return {
        "id": row.id,
        "case": row.case,
        "unit": row.unit,
        "sides": {name: _side(side) for name, side in row.sides.items()},
        "target": {
            "side": row.target.side,
            "against": row.target.against,
            "factor": row.target.factor,
            "allowance": row.target.allowance,
            "percentile": row.target.percentile,
        },
        "limit": row.limit,
        "ratio": row.ratio,
        "met": row.met,
    }


def _side(side: Side) -> dict[str, Any]:
    return {
        "min": side.low,
        "median": side.median,
        "max": side.high,
        "samples": side.samples,
    }


def save(data: dict[str, Any], directory: Path) -> Path:
    """Write the JSON into directory, named by its time; returns the file."""
    directory.mkdir(parents=True, exist_ok=True)
    name = data["time"].replace(":", "").partition("+")[0]
    file = directory / f"{name}{'-quick' if data['quick'] else ''}.json"
    file.write_text(json.dumps(data, indent=1) + "\n")
    return file
