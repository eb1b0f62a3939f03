"""Row functions over blocks of rows: what they get, return and raise is as row by row."""

from __future__ import annotations

import datetime
import decimal
from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pytest

import udfrunner
from udfrunner import EvalType
from udfrunner._blocks import BlockRunner, block_runner
from udfrunner._functions import Argument

DECIMAL = decimal.Decimal("1.50")
TABLE = pa.table(
    {
        "i": pa.array([*range(9_998), None, -1], pa.int32()),
        "s": ["text", None] * 5_000,
        "b": [b"\x00\xff"] * 10_000,
        "d": [1.5, float("nan")] * 5_000,
        "m": [DECIMAL] * 10_000,
        "u": pa.array([255] * 10_000, pa.uint8()),
    }
)


def shown(*values: Any) -> str:
    return ", ".join(f"{type(value).__name__} {value!r}" for value in values)


def stops(number: int) -> int:
    if number == 5_000:
        raise StopIteration("no more")
    return number


def fails(number: int) -> float:
    return 1 / (number - 5_000)


def by_rows(
    function: Callable[..., Any], *columns: str, return_type: Any, env: udfrunner.Env
) -> list[Any]:
    runner = udfrunner.Runner(
        EvalType.BATCHED, [[function]], [list(range(len(columns)))], return_type, env=env
    )
    with runner, runner.compute_rows(TABLE.select(list(columns))) as out:
        return list(out)


def by_blocks(
    function: Callable[..., Any], *columns: str, return_type: Any, env: udfrunner.Env
) -> list[Any]:
    schema = TABLE.select(list(columns)).schema
    arguments = [Argument(i) for i in range(len(columns))]
    runner = block_runner(function, schema, arguments, return_type, env, None, ())
    assert isinstance(runner, BlockRunner)
    runner.close()
    column = udfrunner.apply(
        function, TABLE, *columns, kind="batched", return_type=return_type, env=env
    )
    values: list[Any] = column.to_pylist()
    return values


@pytest.mark.parametrize("both", [by_rows, by_blocks])
def test_values(version_env: udfrunner.Env, both: Callable[..., list[Any]]) -> None:
    columns = ["i", "s", "b", "d", "m", "u", "s"]
    expected = [
        shown(*values)
        for values in zip(*(TABLE[name].to_pylist() for name in columns), strict=True)
    ]
    got = both(shown, *columns, return_type="string", env=version_env)
    # Binary values are bytearrays before PySpark 4.1.
    assert [
        each.replace("bytearray bytearray(b'\\x00\\xff')", "bytes b'\\x00\\xff'") for each in got
    ] == expected


def test_results_are_of_the_declared_type(shared_env: udfrunner.Env) -> None:
    def day(number: int | None) -> datetime.date | None:
        return None if number is None else datetime.date(2024, 1, 1) + datetime.timedelta(number)

    for function, declared in (
        (lambda i: i, "double"),
        (lambda i: i, "byte"),
        (lambda i: [i, None], "array<int>"),
        (lambda i: {"k": i}, "map<string,int>"),
        (day, "date"),
    ):
        rows = by_rows(function, "i", return_type=declared, env=shared_env)
        blocks = by_blocks(function, "i", return_type=declared, env=shared_env)
        assert [
            dict(each) if isinstance(each, list) and declared[0] == "m" else each for each in blocks
        ] == rows
    assert by_blocks(lambda i: i, "i", return_type="double", env=shared_env)[0] is None


def test_what_a_function_raises(version_env: udfrunner.Env) -> None:
    for function in (stops, fails):
        texts = []
        for run in (by_rows, by_blocks):
            with pytest.raises(udfrunner.PythonException) as caught:
                run(function, "i", return_type="int", env=version_env)
            texts.append(caught.value.details["python.traceback"])
        rows, blocks = ([line.strip() for line in text.splitlines()] for text in texts)
        assert rows[-1] == blocks[-1]
        assert "STOP_ITERATION_OCCURRED" in rows[-1] or "ZeroDivisionError" in rows[-1]
        mine = [line for line in blocks if "test_blocks.py" in line]
        assert mine == [line for line in rows if "test_blocks.py" in line]
        assert not any("_blocks.py" in line for line in blocks if line not in mine)


@pytest.mark.parametrize(
    ("function", "schema", "arguments", "conf"),
    [
        ("functions:plus_one", TABLE.schema, [Argument(0)], {}),
        (shown, TABLE.schema, [], {}),
        (shown, TABLE.schema, [Argument(0, "values")], {}),
        (shown, pa.schema({"day": pa.date32()}), [Argument(0)], {}),
        (shown, pa.schema({"row": pa.struct({"a": pa.int8()})}), [Argument(0)], {}),
        (shown, TABLE.schema, [Argument(0)], {"spark.sql.pyspark.udf.profiler": "perf"}),
        (shown, TABLE.schema, [Argument(0)], {"udfrunner.eval.input_type": "{}"}),
    ],
)
def test_what_needs_rows(
    function: Any, schema: pa.Schema, arguments: list[Argument], conf: dict[str, str]
) -> None:
    assert block_runner(function, schema, arguments, "string", None, conf, ()) is None
