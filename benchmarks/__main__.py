"""The command: ``python -m benchmarks``."""

from __future__ import annotations

import sys
from pathlib import Path

import click
from rich.console import Console

from . import report
from .job import ROOT
from .measure import FULL, QUICK, Row
from .rows import MEASUREMENTS, PEERS


@click.command()
@click.option("--quick", is_flag=True, help="Little data, few rounds: shows that it runs.")
@click.option(
    "--only",
    "chosen",
    multiple=True,
    type=click.Choice([*MEASUREMENTS, *PEERS]),
    help="Measure these rows only; may be given several times.",
)
@click.option("--peers", is_flag=True, help="Measure inside other programs: real Spark.")
@click.option(
    "--output",
    type=click.Path(file_okay=False, path_type=Path),
    default=ROOT / "build" / "bench",
    help="Directory of the JSON files; build/bench by default.",
)
@click.option("--strict", is_flag=True, help="Exit with 1 where a target is missed.")
def main(quick: bool, chosen: tuple[str, ...], peers: bool, output: Path, strict: bool) -> None:
    """Measure the library and stock PySpark in turn, and compare."""
    console = Console(width=None if sys.stdout.isatty() else 160)
    budget = QUICK if quick else FULL
    rows: list[Row] = []
    for name in chosen or (PEERS if peers else MEASUREMENTS):
        with console.status(f"measuring {name}"):
            rows.extend({**MEASUREMENTS, **PEERS}[name](budget))
    console.print(report.to_table(rows))
    file = report.save(report.to_json(rows, quick), output)
    console.print(f"written to {file}", soft_wrap=True, highlight=False)
    if strict and not all(row.met for row in rows):
        sys.exit(1)


if __name__ == "__main__":
    main()
