"""User-defined types: pickled functions take and give objects."""

from __future__ import annotations

import pyarrow as pa
import pytest
import udt
from conftest import TESTS
from pyspark.sql.types import ArrayType, StructField, StructType

import udfrunner
from udfrunner import Env, EvalType, Runner
from udfrunner._inboundschema import SPARK_SCHEMA_KEY

POINTS = pa.array([{"x": 1.5, "y": 2.0}, None, {"x": -1.0, "y": 0.0}])
SCHEMA = StructType([StructField("p", udt.PointUDT())])


def from_spark(table: pa.Table) -> pa.Table:
    """The table as PyArrow reads it from a Parquet file of Spark's."""
    return table.replace_schema_metadata({SPARK_SCHEMA_KEY: SCHEMA.json()})


@pytest.mark.parametrize("told", ["by Spark's Parquet schema", "by input_type"])
def test_objects_in_and_out(shared_env: Env, told: str) -> None:
    table = pa.table({"p": POINTS})
    conf = {}
    if told == "by input_type":
        conf["udfrunner.eval.input_type"] = SCHEMA.json()
    else:
        table = from_spark(table)
    options = {"kind": "batched", "env": shared_env, "conf": conf, "includes": [TESTS]}
    assert udfrunner.apply("udt:name", table, "p", return_type="string", **options).to_pylist() == [
        "Point",
        "NoneType",
        "Point",
    ]
    out = udfrunner.apply("udt:moved", table, "p", return_type=udt.PointUDT(), **options)
    assert out.to_pylist() == [{"x": 2.5, "y": 2.0}, None, {"x": 0.0, "y": 0.0}]


def test_rows_give_objects(shared_env: Env) -> None:
    runner = Runner(
        EvalType.BATCHED,
        [["udt:moved"]],
        [[0]],
        udt.PointUDT(),
        env=shared_env,
        includes=[TESTS],
    )
    with runner, runner.compute_rows(from_spark(pa.table({"p": POINTS}))) as out:
        assert list(out) == [udt.Point(2.5, 2.0), None, udt.Point(0.0, 0.0)]


def test_objects_in_arrays(shared_env: Env) -> None:
    declared = ArrayType(udt.PointUDT())
    runner = Runner(
        EvalType.BATCHED,
        [["udt:moved_all"]],
        [[0]],
        declared,
        env=shared_env,
        conf={"udfrunner.eval.input_type": StructType([StructField("p", declared)]).json()},
        includes=[TESTS],
    )
    points = pa.array([[{"x": 1.0, "y": 2.0}, None], []], pa.list_(POINTS.type))
    with runner, runner.compute_rows(pa.table({"p": points})) as out:
        assert list(out) == [[udt.Point(2.0, 2.0), None], []]


def test_input_type_that_is_no_json(shared_env: Env) -> None:
    with pytest.raises(udfrunner.InvalidArgument, match=r"udfrunner\.eval\.input_type"):
        Runner(
            EvalType.BATCHED,
            [["udt:name"]],
            [[0]],
            "string",
            env=shared_env,
            conf={"udfrunner.eval.input_type": "{"},
        )
