"""Records what real Spark groups by keys of every type: data/groups.json.

    ../../build/venv/4.3/bin/python tests/record_groups.py

For each case: the rows as Spark's Arrow data, the groups of applyInArrow and of a grouped aggregate
as lists of the rows' numbers, or Spark's word where it refuses.
"""

from __future__ import annotations

import base64
import json
import os
import sys
from pathlib import Path
from typing import Any

import pyarrow as pa

os.environ["PYSPARK_PYTHON"] = sys.executable

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql.functions import arrow_udf
from pyspark.sql.types import ArrayType, IntegerType

NAN = "double('NaN')"
#: The keys of each case, in SQL.
KEYS: dict[str, list[str]] = {
    "boolean": ["true", "false", "null", "true", "null"],
    "tinyint": ["1Y", "-1Y", "null", "1Y"],
    "smallint": ["1S", "-1S", "null", "1S"],
    "int": ["1", "-1", "null", "1", "2147483647"],
    "bigint": ["1L", "-1L", "null", "1L", "9223372036854775807L"],
    "float": ["0f", "-0f", "float('NaN')", "null", "float('NaN')", "1.5f", "float('-Infinity')"],
    "double": ["0d", "-0d", NAN, "null", NAN, "1.5d", "double('Infinity')", "1.5d"],
    "decimal(5,2)": ["1.50BD", "null", "-2.25BD", "1.50BD"],
    "decimal(18,3)": ["cast(1.5 as decimal(18,3))", "null", "cast(1.5 as decimal(18,3))"],
    "decimal(38,10)": ["cast(1.5 as decimal(38,10))", "null", "cast(1.5 as decimal(38,10))"],
    "string": [
        "'b'",
        "''",
        "null",
        "'b'",
        "'a text that is longer than twelve bytes'",
        "'B'",
        "'ä'",
    ],
    "binary": ["X'00FF'", "X''", "null", "X'00FF'", "X'00'", "X'FF'"],
    "date": ["date'2026-11-22'", "null", "date'1969-12-31'", "date'2026-11-22'"],
    "timestamp": ["timestamp'2026-11-22 01:02:03.000004'", "null", "timestamp'1969-12-31 00:00:00'"]
    * 2,
    "timestamp_ntz": ["timestamp_ntz'2026-11-22 01:02:03'", "null"] * 2,
    "time(6)": ["time'01:02:03'", "null", "time'01:02:04'", "time'01:02:03'"],
    "interval day to second": ["interval 1 day", "interval 24 hours", "null", "interval 2 days"],
    "void": ["null", "null"],
    "array<int>": ["array(1)", "array(1, 2)", "array()", "null", "array(null)", "array(1)", "null"],
    "array<double>": [
        *("array(0d)", "array(-0d)", f"array({NAN})", f"array({NAN})", "array()", "null"),
        *("array(1d, null)", "array(1d)", "array(null)", "array(1d, 2d)", "array(1d, null)"),
    ],
    "array<string>": ["array('a', 'b')", "array('ab')", "array('a', 'b')", "array('a')", "null"],
    "array<array<double>>": ["array(array(0d))", "array(array(-0d))", "array(array())", "array()"],
    "array<struct<a:string>>": [
        *("array(named_struct('a', 'x'))", "array(named_struct('a', 'x'))", "array(null)"),
        *("array(named_struct('a', null))", "null"),
    ],
    "struct<a:double>": [
        *("named_struct('a', 0d)", "named_struct('a', -0d)", f"named_struct('a', {NAN})"),
        *(f"named_struct('a', {NAN})", "null", "named_struct('a', cast(null as double))", "null"),
    ],
    "struct<a:string,b:array<float>>": [
        *("named_struct('a', 'x', 'b', array(0f))", "named_struct('a', 'x', 'b', array(-0f))"),
        *("named_struct('a', 'x', 'b', null)", "named_struct('a', null, 'b', null)", "null"),
    ],
    "struct<s:struct<a:int>>": [
        *("named_struct('s', named_struct('a', 1))", "named_struct('s', named_struct('a', 1))"),
        *("named_struct('s', null)", "named_struct('s', named_struct('a', null))", "null"),
    ],
    "interval year to month": ["interval 1 year", "interval 12 months", "null"],
    "interval": ["make_interval(1, 2)", "make_interval(1, 2)"],
    "map<string,int>": ["map('a', 1, 'b', 2)", "map('b', 2, 'a', 1)", "null"],
}


def rows_of(group: pa.Table) -> pa.Table:
    """The rows' numbers of a group."""
    return pa.table({"rows": pa.array([group["v"].to_pylist()], pa.list_(pa.int32()))})


@arrow_udf(ArrayType(IntegerType()))
def numbers(v: pa.Array) -> Any:
    """The rows' numbers of a group, as an aggregate."""
    return v.to_pylist()


def groups(frame: DataFrame) -> list[list[int]]:
    """The groups of a result, in the order of their first rows."""
    return sorted(sorted(row[0]) for row in frame.collect())


def told(make: Any) -> Any:
    """What a query gives, or its error's condition."""
    try:
        return make()
    except Exception as error:
        get = getattr(error, "getCondition", lambda: None)
        return {"error": get() or type(error).__name__}


def main(path: Path) -> None:
    """Runs all cases and writes the file."""
    session = (
        SparkSession.builder.master("local[1]")
        .config("spark.ui.enabled", "false")
        .config("spark.sql.shuffle.partitions", "2")
        .config("spark.sql.session.timeZone", "UTC")
        .config("spark.sql.timeType.enabled", "true")
        .getOrCreate()
    )
    session.sparkContext.setLogLevel("OFF")
    cases = {}
    for name, keys in KEYS.items():
        values = ", ".join(f"(cast({key} as {name}), {i})" for i, key in enumerate(keys))
        frame = session.sql(f"select * from values {values} as t(k, v)")
        print(name, flush=True)
        case: dict[str, Any] = {}
        sink = pa.BufferOutputStream()
        try:
            table = frame.toArrow()
            with pa.ipc.new_stream(sink, table.schema) as out:
                out.write_table(table)
            case["arrow"] = base64.b64encode(sink.getvalue()).decode()
        except Exception:
            case["arrow"] = None
        by_key = frame.groupBy("k")
        case["map"] = told(lambda g=by_key: groups(g.applyInArrow(rows_of, "rows array<int>")))
        case["aggregate"] = told(
            lambda g=by_key: groups(g.agg(numbers("v").alias("rows")).select("rows"))
        )
        cases[name] = case
    given = {"pyspark": session.version, "cases": cases}
    path.write_text(json.dumps(given, indent=1) + "\n")
    session.stop()


if __name__ == "__main__":
    main(Path(__file__).parent / "data" / "groups.json")
