"""Return types given as text in decorators, where a worker has no Spark session."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import client
import pytest
import tasks
from pyspark.sql.types import DataType, DoubleType, LongType, StructType

DECORATED = """
import pandas as pd
from pyspark.sql.functions import pandas_udf, udf

@pandas_udf("double")
def half(x: pd.Series) -> pd.Series:
    return x / 2

@udf("long")
def row_plus_one(x):
    return x + 1

@udf("struct<a: int, `b c`: string>", useArrow=True)
def pair(x):
    return x, str(x)
"""
DECORATED_ARROW = """
import pyarrow as pa
import pyarrow.compute as pc
from pyspark.sql.functions import arrow_udf

@arrow_udf("decimal(12, 2)")
def money(x: pa.Array) -> pa.Array:
    return pc.cast(x, pa.decimal128(12, 2))

@arrow_udf("long")
def plus_one(x: pa.Array) -> pa.Array:
    return pc.add(x, 1)
"""
BAD = """
from pyspark.sql.functions import udf

@udf("array<lnog>")
def f(x):
    return x
"""

TYPES = {"half": "double", "row_plus_one": "bigint", "pair": "struct<a:int,b c:string>"}
RUNS = [(tasks.SCALAR_PANDAS, "half", DoubleType(), [n / 2 for n in range(10)])]
if tasks.SCALAR == tasks.SCALAR_ARROW:
    DECORATED += DECORATED_ARROW
    TYPES.update(money="decimal(12,2)", plus_one="bigint")
    RUNS.append((tasks.SCALAR_ARROW, "plus_one", LongType(), list(range(1, 11))))


@pytest.fixture
def modules(tmp_path: Path) -> list[str]:
    """Where the decorated modules are, as a task's includes are."""
    (tmp_path / "decorated_by_text.py").write_text(DECORATED)
    (tmp_path / "decorated_badly.py").write_text(BAD)
    return [str(tmp_path)]


def probe_of(path: list[str], names: list[str]) -> Callable[[], Any]:
    """A function that imports the decorated module and says what it found."""

    def look() -> Any:
        import importlib
        import os
        import sys

        sys.path[:0] = path
        module = importlib.import_module("decorated_by_text")
        types = [getattr(module, name).returnType.simpleString() for name in names]
        return types, len(os.listdir("/proc/self/task"))

    return look


@pytest.mark.essential
@pytest.mark.parametrize("zygote", [True, False])
def test_decorated_modules_can_be_imported(modules: list[str], zygote: bool) -> None:
    with client.running() as daemon:
        assert daemon.start(zygote=zygote)["op"] == "ready"
        worker = daemon.fork(env={"OMP_NUM_THREADS": "1"})
        threads = worker.probe(lambda: len(__import__("os").listdir("/proc/self/task")))
        types, threads_after = worker.probe(probe_of(modules, list(TYPES)))
        assert types == list(TYPES.values())
        assert threads_after == threads


@pytest.mark.essential
@pytest.mark.parametrize(
    ("eval_type", "name", "return_type", "expected"), RUNS, ids=[run[1] for run in RUNS]
)
def test_decorated_functions_run(
    worker: client.Worker,
    modules: list[str],
    eval_type: int,
    name: str,
    return_type: DataType,
    expected: list[float],
) -> None:
    def call(values: Any) -> Any:
        import importlib
        import sys

        sys.path[:0] = modules
        return getattr(importlib.import_module("decorated_by_text"), name).func(values)

    result = worker.run(tasks.encode(eval_type, call, return_type))
    assert result.error is None
    assert result.batches[0].column(0).to_pylist() == expected


@pytest.mark.essential
def test_bad_text_is_named(worker: client.Worker, modules: list[str]) -> None:
    def imports(values: Any) -> Any:
        import sys

        sys.path[:0] = modules
        import decorated_badly  # noqa: F401

        return values

    result = worker.run(tasks.encode(tasks.SCALAR, imports))
    assert result.error is not None
    last = result.error.strip().splitlines()[-1]
    assert last.startswith(
        "ValueError: return type 'array<lnog>': at character 7: unknown type \"lnog\": expected"
    )
    assert "During handling" not in result.error


@pytest.mark.essential
def test_the_parser_is_imported_only_where_it_is_needed(worker: client.Worker) -> None:
    def parser() -> bool:
        import sys

        return "udfrunner_daemon.ddl" in sys.modules

    def parse() -> str:
        from pyspark.sql import types

        return types._parse_datatype_string("a long").simpleString()

    assert worker.probe(parser) is False
    assert worker.probe(parse) == "struct<a:bigint>"
    assert worker.probe(parser) is True


@pytest.fixture
def sessionless(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The daemon's module, with PySpark's parser put back after the test."""
    from pyspark.sql import types, udf, udtf

    for module in (types, udf, udtf):
        monkeypatch.setattr(module, "_parse_datatype_string", types._parse_datatype_string)
    return client.load("sessionless")


def test_a_session_parses_where_there_is_one(
    sessionless: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pyspark.sql import types, udf

    def asks_its_session(text: str) -> Any:
        return {"theirs": LongType()}[text]

    for module in (types, udf):
        monkeypatch.setattr(module, "_parse_datatype_string", asks_its_session)
    sessionless.install(lambda text: pytest.fail(f"{text} was not for us"))
    assert types._parse_datatype_string("theirs") == LongType()
    assert udf._parse_datatype_string is types._parse_datatype_string
    with pytest.raises(KeyError):
        types._parse_datatype_string("unknown")


@pytest.mark.essential
def test_installed_once(sessionless: Any) -> None:
    from pyspark.sql import types, udf, udtf

    sessionless.install(lambda text: {"type": "struct", "fields": []})
    installed = types._parse_datatype_string
    sessionless.install(lambda text: pytest.fail("the first one stays"))
    assert types._parse_datatype_string is installed
    assert udf._parse_datatype_string is udtf._parse_datatype_string is installed
    assert installed("anything") == StructType()


def test_what_pyspark_cannot_make_a_type_of_is_named(sessionless: Any) -> None:
    from pyspark.sql import types

    sessionless.install(lambda text: "no such type")
    with pytest.raises(ValueError, match="return type 'text': no type of PySpark"):
        types._parse_datatype_string("text")


def test_nothing_to_do_without_pyspark(sessionless: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "pyspark.sql.types")
    sessionless.install(lambda text: pytest.fail(text))
