"""What becomes of the results of pickled functions: what real Spark makes of them.

The answers here are those of Spark 4.3, which collected them; 3.5 gives the same.
"""

from __future__ import annotations

import datetime as dt
import math
import os
import pickle
import subprocess
import time
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from conftest import TESTS, interpreter

import udfrunner
from udfrunner import Env, EvalType, InvalidArgument, PythonException, Runner

UTC = dt.timezone.utc
#: Results, as expressions that the worker evaluates.
VALUES = ["True", "1", "300", "2**40", "1.5", "'a'", "Decimal('2.345')", "b'xy'", "[1, None]"]

#: Declared type and what Spark makes of each of VALUES.
ANSWERS: dict[str, list[Any]] = {
    "boolean": [True, None, None, None, None, None, None, None, None],
    "tinyint": [None, 1, 44, 0, None, None, None, None, None],
    "smallint": [None, 1, 300, 0, None, None, None, None, None],
    "int": [None, 1, 300, 0, None, None, None, None, None],
    "bigint": [None, 1, 300, 2**40, None, None, None, None, None],
    "float": [None, None, None, None, 1.5, None, None, None, None],
    "double": [None, None, None, None, 1.5, None, None, None, None],
    "decimal(10,2)": [None, None, None, None, None, None, Decimal("2.35"), None, None],
    "string": ["true", "1", "300", "1099511627776", "1.5", "a", "2.345", ..., "[1, null]"],
    "binary": [None, None, None, None, None, b"a", None, b"xy", None],
    "array<int>": [None, None, None, None, None, None, None, [120, 121], [1, None]],
    "map<string,int>": [None] * 9,
    "void": [None] * 9,
}

#: Declared type, result and answer, where one needs another's.
SINGLE: list[tuple[str, str, Any]] = [
    ("tinyint", "-129", 127),
    ("int", "2**31", -(2**31)),
    ("bigint", "2**63", None),
    ("float", "1e300", math.inf),
    ("double", "Decimal('NaN')", "nan"),
    ("decimal(10,2)", "Decimal('-2.345')", Decimal("-2.35")),
    ("decimal(38,18)", "Decimal(1)", Decimal(1)),
    ("string", "1e7", "1.0E7"),
    ("string", "None", None),
    ("string", "{'b': 2, 'a': 1, 'cc': None, 1: 2}", "{cc=null, 1=2, a=1, b=2}"),
    ("string", "'a\\ud800b'", "a\N{REPLACEMENT CHARACTER}b"),
    (
        "string",
        "datetime.timedelta(days=-2, hours=3)",
        "Timedelta: -2 days, 10800 seconds, 0 microseconds (total: -162000 seconds)",
    ),
    ("array<double>", "[1, 1.5, 'x']", [None, 1.5, None]),
    ("array<int>", "(1, 'x')", [1, None]),
    ("array<timestamp>", "[None]", [None]),
    ("map<string,int>", "{'a': 1, 'b': 'x'}", [("a", 1), ("b", None)]),
    ("map<int,double>", "{1: 1.5, 2: 1}", [(1, 1.5), (2, None)]),
    ("struct<a:int,b:string>", "(1, 2)", {"a": 1, "b": "2"}),
    ("struct<a:int,b:string>", "[1.5, None]", {"a": None, "b": None}),
    ("struct<a:int,b:string>", "{'b': 'x'}", {"a": None, "b": "x"}),
    ("struct<a:int,b:string>", "Row(b='x', a=1)", {"a": None, "b": "1"}),
    ("array<struct<a:int>>", "[(1,), None]", [{"a": 1}, None]),
    ("struct<a:map<string,array<int>>>", "({'k': [1]},)", {"a": [("k", [1])]}),
    ("date", "datetime.date(1900, 1, 1)", dt.date(1900, 1, 1)),
    ("timestamp_ntz", "datetime.datetime(2024, 7, 1, 12)", dt.datetime(2024, 7, 1, 12)),
    (
        "interval day to second",
        "datetime.timedelta(microseconds=-1)",
        dt.timedelta(microseconds=-1),
    ),
]

#: Declared type, result, and what the error names.
REFUSED = [
    ("string", "Row(a=1)", ["result of evaluated", "(string)", "pyspark.sql.types._create_row"]),
    (
        "int",
        "[datetime.datetime(2024, 1, 1, tzinfo=datetime.timezone.utc)]",
        ["(int)", "datetime.timezone"],
    ),
    ("decimal(10,2)", "Decimal('123456789.5')", ["decimal(10,2)", "123456789.5"]),
    ("array<decimal(3,1)>", "[Decimal('100')]", ["result of evaluated.element", "decimal(3,1)"]),
    ("map<int,int>", "{'a': 1}", ["result of evaluated.key", "'a'", "null"]),
    ("decimal(10,2)", "Decimal('Infinity')", ["decimal(10,2)", "Infinity"]),
]


def run(env: Env, declared: str, texts: list[str], name: str = "evaluated") -> pa.ChunkedArray:
    return udfrunner.apply(
        f"value_functions:{name}",
        pa.table({"text": texts}),
        "text",
        kind="batched",
        return_type=declared,
        env=env,
        includes=[TESTS],
    )


def collected(env: Env, declared: str, texts: list[str]) -> list[Any]:
    runner = Runner(
        EvalType.BATCHED,
        [["value_functions:evaluated"]],
        [[0]],
        declared,
        env=env,
        includes=[TESTS],
    )
    with runner, runner.compute_rows([(text,) for text in texts]) as out:
        return list(out)


def as_column(value: Any) -> Any:
    """A value of ``collect`` as ``to_pylist`` has it."""
    if isinstance(value, dict):
        return [(key, as_column(item)) for key, item in value.items()]
    if isinstance(value, tuple):
        return {k: as_column(v) for k, v in zip(value.__fields__, value, strict=True)}
    if isinstance(value, list):
        return [as_column(item) for item in value]
    return "nan" if value != value else value


@pytest.mark.parametrize("declared", ANSWERS)
def test_every_value_of_every_type(version_env: Env, declared: str) -> None:
    column = run(version_env, declared, VALUES)
    assert isinstance(column, pa.ChunkedArray)
    for values in (column.to_pylist(), collected(version_env, declared, VALUES)):
        for text, value, answer in zip(VALUES, values, ANSWERS[declared], strict=True):
            if answer is ...:  # The identity of an array, which no two runs share.
                assert value.startswith("[B@"), text
            else:
                assert type(value) is type(answer) or isinstance(value, bytearray), text
                assert value == answer, text


@pytest.mark.parametrize(("declared", "text", "answer"), SINGLE)
def test_single_values(version_env: Env, declared: str, text: str, answer: Any) -> None:
    column = run(version_env, declared, [text, "None"])
    assert column.type == run(version_env, declared, ["None"]).type
    first, second = column.to_pylist()
    assert ("nan" if first != first else first) == answer
    assert second is None
    assert [as_column(value) for value in collected(version_env, declared, [text])] == [answer]


@pytest.mark.parametrize(("declared", "text", "parts"), REFUSED)
def test_what_spark_fails_on(shared_env: Env, declared: str, text: str, parts: list[str]) -> None:
    for call in (run, collected):
        with pytest.raises(InvalidArgument) as caught:
            call(shared_env, declared, ["None", text])
        message = caught.value.message
        assert [part for part in parts if part not in message] == [], message
        assert "\n" not in message


def test_what_the_worker_fails_on(shared_env: Env) -> None:
    """toInternal, which is PySpark's."""
    with pytest.raises(PythonException):
        run(shared_env, "date", ["1"])


def test_types_that_spark_takes_nothing_for(shared_env: Env) -> None:
    with pytest.raises(PythonException, match="YearMonthIntervalType"):
        collected(shared_env, "interval year to month", ["1"])
    with pytest.raises(InvalidArgument, match="interval year to month"):
        run(shared_env, "interval year to month", ["1"])


def test_objects_of_unknown_classes(shared_env: Env) -> None:
    """A ClassDict of their attributes, and none of their classes is imported here."""
    runner = Runner(
        EvalType.BATCHED,
        [["value_functions:unpickled"]],
        [[0]],
        "string",
        env=shared_env,
        includes=[TESTS],
    )
    import uuid

    data = pickle.dumps(uuid.UUID(int=5))
    with runner, runner.compute_rows([(data,)]) as out:
        assert list(out) == ["{__class__=uuid.UUID, int=5}"]


NOON = dt.datetime(2024, 7, 1, 12)
ZONES = ["UTC", "Asia/Tokyo", "America/New_York"]


@pytest.mark.parametrize("worker", ZONES)
@pytest.mark.parametrize("host", ZONES)
def test_no_clock_is_moved(monkeypatch: pytest.MonkeyPatch, worker: str, host: str) -> None:
    """A naive datetime is one of the worker's zone, an aware one is its instant."""
    monkeypatch.setenv("TZ", host)
    time.tzset()
    try:
        with Env({"spark.executorEnv.TZ": worker}) as env:
            naive = run(env, "timestamp", ["datetime.datetime(2024, 7, 1, 12)"])
            assert naive.type == pa.timestamp("us", "UTC")
            hours = {"UTC": 12, "Asia/Tokyo": 3, "America/New_York": 16}[worker]
            assert naive.to_pylist() == [NOON.replace(hour=hours, tzinfo=UTC)]
            text = "datetime.datetime(2024, 7, 1, 12, tzinfo=datetime.timezone.utc)"
            aware = run(env, "array<timestamp>", [f"[{text}]"])
            assert aware.to_pylist() == [[NOON.replace(tzinfo=UTC)]]
            # What collect gives is naive, in the host's zone.
            (local,) = collected(env, "timestamp", [text])
            assert local == NOON.replace(tzinfo=UTC).astimezone().replace(tzinfo=None)
            # What comes in goes out.
            column = pa.chunked_array([pa.array([NOON.replace(tzinfo=UTC)])])
            same = udfrunner.apply(
                "value_functions:same",
                pa.table({"a": column}),
                "a",
                kind="batched",
                return_type="timestamp",
                env=env,
                includes=[TESTS],
            )
            assert same.to_pylist() == column.to_pylist()
    finally:
        monkeypatch.undo()
        time.tzset()


def test_declared_arrow_types(shared_env: Env) -> None:
    """A naive timestamp of Arrow's is Spark's TIMESTAMP_NTZ."""
    schema = pa.timestamp("us")
    out = run(shared_env, schema, ["datetime.datetime(2024, 7, 1, 12)"])  # type: ignore[arg-type]
    assert out.type == schema
    assert out.to_pylist() == [NOON]


def test_several_chains_give_tuples(shared_env: Env) -> None:
    runner = Runner(
        EvalType.BATCHED,
        [["value_functions:same"], ["value_functions:same"]],
        [[0], [1]],
        ["double", "map<string,int>"],
        env=shared_env,
        includes=[TESTS],
    )
    with runner, runner.compute_rows([(1, {"a": 1}), (1.5, 2)]) as out:
        assert list(out) == [(None, {"a": 1}), (1.5, None)]


def test_table_functions_give_rows(shared_env: Env) -> None:
    runner = Runner(
        EvalType.TABLE,
        [["value_functions:Rows"]],
        [[0]],
        "v double",
        env=shared_env,
        includes=[TESTS],
    )
    with runner, runner.compute_rows([(1,), (1.5,)]) as out:
        assert list(out) == [[(None,)], [(1.5,)]]


@pytest.mark.parametrize(
    ("minor", "kind"),
    [("3.5", 100), ("4.0", 100), ("4.1", 100), ("4.2", 101), ("4.3", 101)],
)
def test_udf_without_session_is_what_spark_makes_it(minor: str, kind: int, tmp_path: Path) -> None:
    """spark.sql.execution.pythonUDF.arrow.enabled, true since 4.2."""
    program = """if True:
        import warnings
        warnings.simplefilter("ignore")
        import pyarrow as pa, udfrunner
        udfrunner.allow_ddl_without_session()
        from pyspark.sql.functions import udf
        decorated = udf("double")(lambda x: x)
        table = pa.table({"a": [1]})
        print(decorated.evalType, udf(lambda x: x, "long", useArrow=False).evalType,
              udf(lambda x: x, "long", useArrow=True).evalType,
              udfrunner.apply(decorated, table, "a").to_pylist(),
              udfrunner.apply(decorated, table, "a", kind="batched").to_pylist())
    """
    file = tmp_path / "program.py"
    file.write_text(program)
    done = subprocess.run(
        [interpreter(minor), file],
        capture_output=True,
        text=True,
        check=True,
        env={k: v for k, v in os.environ.items() if k != "PYSPARK_PYTHON"},
    )
    converted = "[1.0]" if kind == 101 else "[None]"
    assert done.stdout.strip() == f"{kind} 100 101 {converted} [None]"
