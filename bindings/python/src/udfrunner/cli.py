"""The command line: ``udfrunner run``, ``udfrunner doctor``, ``udfrunner version``."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from . import _doctor, _library
from ._env import PYTHON_KEY
from ._files import STANDARD
from ._finding import DOUBTFUL, FAILED, FINE, Finding
from ._run import RunOptions, run_file, run_kind
from ._version import __version__
from .errors import Error, InvalidArgument, PythonException

try:
    import click
except ImportError:
    sys.exit("udfrunner: the command line needs click: pip install 'udfrunner[cli]'")

if TYPE_CHECKING:
    from collections.abc import Sequence

#: Exit statuses, of all commands; 2 is click's for bad options. A signal's is 128 and its number.
EXIT_FAILED = 1
EXIT_USAGE = 2

#: How lines of ``doctor`` begin.
_MARKS = {FINE: " ", DOUBTFUL: "?", FAILED: "!"}

_CONF = click.option(
    "--conf",
    "conf",
    multiple=True,
    metavar="KEY=VALUE",
    help="Configuration by Spark's keys; may be repeated.",
)
_PYTHON = click.option(
    "--python", metavar="PATH", help="The workers' interpreter; by default this one."
)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="udfrunner", message="%(prog)s %(version)s")
def main() -> None:
    """Run PySpark functions on files, in isolated worker processes, without a JVM."""


@main.command()
@click.argument("function", metavar="MODULE:FUNCTION")
@click.option("--input", "input_", required=True, metavar="FILE", help="What to read; - is stdin.")
@click.option("--output", required=True, metavar="FILE", help="What to write; - is stdout.")
@click.option(
    "--column", "columns", multiple=True, help="An argument's column; may be repeated, in order."
)
@click.option(
    "--return-type",
    required=True,
    metavar="DDL",
    help="Such as 'long', or a map function's columns: 'a long, b string'.",
)
@click.option(
    "--kind",
    required=True,
    metavar="KIND",
    help="pandas, pandas-iter, arrow, arrow-iter or row: a function of columns with --column, of "
    "groups with --by, an aggregate with both, else of batches. Or a full name: scalar-pandas.",
)
@click.option("--by", help="Columns of the key of a grouped kind, separated by commas.")
@click.option("--name", help="Name of the result column; by default the function's.")
@click.option(
    "--keep",
    multiple=True,
    metavar="COLUMN",
    help="A column of the input to have in the output; may be repeated, '*' keeps all.",
)
@click.option("--workers", type=click.IntRange(min=1), default=1, show_default=True)
@click.option("--batch-size", type=click.IntRange(min=1), help="Rows of a batch at most.")
@click.option("--timeout", type=float, metavar="SECONDS", help="How long the run may take.")
@click.option("--progress/--no-progress", default=None, help="By default where stderr is a tty.")
@click.option(
    "--traceback/--no-traceback", default=True, help="The worker's, of an exception or a death."
)
@_PYTHON
@_CONF
def run(
    function: str,
    input_: str,
    output: str,
    columns: Sequence[str],
    return_type: str,
    kind: str,
    by: str | None,
    name: str | None,
    keep: Sequence[str],
    workers: int,
    batch_size: int | None,
    timeout: float | None,
    progress: bool | None,
    traceback: bool,
    python: str | None,
    conf: Sequence[str],
) -> None:
    """Run a function over a Parquet, CSV or Arrow file.

    The function is imported in the workers, also from the current directory. Formats are chosen
    by extension: .parquet, .csv, .arrow (file), .arrows (stream). Standard input and output are
    Arrow streams. The exit status is 1 where the run failed, 2 where it was asked for wrongly, and
    128 and the signal's number where it was interrupted; no output is left then.
    """
    try:
        options = RunOptions(
            function=_reference(function),
            kind=run_kind(kind, by=bool(by), columns=bool(columns)),
            input=input_,
            output=output,
            columns=columns,
            return_type=return_type,
            by=by.split(",") if by else (),
            workers=workers,
            batch_size=batch_size,
            name=name,
            keep=list(keep),
            conf=_conf(conf, python),
            includes=[str(Path.cwd())],
            deadline=timeout,
            progress=sys.stderr.isatty() if progress is None else progress,
        )
        result = run_file(options)
    except InvalidArgument as error:
        _fail(error, EXIT_USAGE, traceback)
    except (Error, OSError) as error:
        _fail(error, EXIT_FAILED, traceback)
    rate = result.rows_in / result.seconds if result.seconds else 0.0
    click.echo(
        f"{result.rows_in:,} rows in, {result.rows_out:,} rows out, "
        f"{result.seconds:.2f} s, {rate:,.0f} rows/s",
        err=output == STANDARD,
    )


@main.command()
@click.option("--json", "as_json", is_flag=True, help="One JSON object, for programs.")
@click.option("--verbose", is_flag=True, help="The counters of the trial task, too.")
@_PYTHON
@_CONF
def doctor(as_json: bool, verbose: bool, python: str | None, conf: Sequence[str]) -> None:
    """Show and judge what a task needs, and run one.

    Lines that begin with "!" say what is missing, and end the command with status 1; those with
    "?" what may fail.
    """
    try:
        values = _conf(conf, python)
    except InvalidArgument as error:
        _fail(error, EXIT_USAGE, False)
    shown = []
    for finding in _doctor.examine(values):
        if finding.counter and not verbose:
            continue
        shown.append(finding)
        if not as_json:
            click.echo(f"{_MARKS[finding.judgement]} {finding.name + ':':<32} {finding.value}")
    healthy = all(finding.judgement != FAILED for finding in shown)
    if as_json:
        report = {"healthy": healthy, "findings": [_as_json(finding) for finding in shown]}
        click.echo(json.dumps(report, indent=2))
    if not healthy:
        sys.exit(EXIT_FAILED)


def _as_json(finding: Finding) -> dict[str, str]:
    return {"name": finding.name, "value": finding.value, "judgement": finding.judgement}


@main.command()
def version() -> None:
    """Show the versions of the package and the library."""
    click.echo(f"udfrunner {__version__}")
    try:
        loaded = _library.library()
    except Error as error:
        _fail(error, EXIT_FAILED, False)
    click.echo(f"library {loaded.version} ({loaded.path})")


def _reference(function: str) -> str:
    module, separator, name = function.partition(":")
    if not separator or not module or not name:
        raise InvalidArgument(f"function {function!r}: MODULE:FUNCTION is needed")
    return function


def _conf(pairs: Sequence[str], python: str | None) -> dict[str, str]:
    values: dict[str, str] = {}
    for pair in pairs:
        key, separator, value = pair.partition("=")
        if not separator or not key:
            raise InvalidArgument(f"--conf {pair!r}: KEY=VALUE is needed")
        values[key] = value
    if python is not None:
        values[PYTHON_KEY] = python
    return values


def _fail(error: Exception, status: int, traceback: bool) -> NoReturn:
    """One line, what is known of the worker above it where something is, and the exit status."""
    if traceback and isinstance(error, PythonException) and error.traceback:
        click.echo(error.traceback.rstrip(), err=True)
    for note in getattr(error, "__notes__", ()) if traceback else ():
        click.echo(note, err=True)
    click.echo(f"udfrunner: {error.message if isinstance(error, Error) else error}", err=True)
    sys.exit(status)
