"""User-defined types: pickled functions take and give objects."""

from __future__ import annotations

import pyarrow as pa
import pytest
import udt
from conftest import TESTS, is_older
from pyspark.sql.types import ArrayType, StructField, StructType

import udfrunner
from udfrunner import Env, EvalType, Runner
from udfrunner._inboundschema import SPARK_SCHEMA_KEY
from udfrunner._pyspark import SUPPORTED
from udfrunner._runner import INPUT_TYPE_KEY

POINTS = pa.array([{"x": 1.5, "y": 2.0}, None, {"x": -1.0, "y": 0.0}])
#: Workers that are told types of input of functions with Arrow data; older ones have Rows there.
TOLD = [minor for minor in SUPPORTED if not is_older(minor, "4.1")]
SCHEMA = StructType([StructField("p", udt.PointUDT())])


def from_spark(table: pa.Table) -> pa.Table:
    """The table as PyArrow reads it from a Parquet file of Spark's."""
    return table.replace_schema_metadata({SPARK_SCHEMA_KEY: SCHEMA.json()})


@pytest.mark.parametrize("told", ["by Spark's Parquet schema", "by input_type"])
def test_objects_in_and_out(shared_env: Env, told: str) -> None:
    table = pa.table({"p": POINTS})
    conf = {}
    if told == "by input_type":
        conf[INPUT_TYPE_KEY] = SCHEMA.json()
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


@pytest.mark.parametrize("told", ["by Spark's Parquet schema", "by input_type"])
@pytest.mark.parametrize(
    ("eval_type", "function", "declared"),
    [
        (EvalType.ARROW_BATCHED, "udt:name", "string"),
        (EvalType.ARROW_TABLE, "udt:Named", "name string"),
    ],
)
@pytest.mark.parametrize("minor", TOLD, indirect=True, scope="module")
def test_objects_with_arrow(
    version_env: Env, eval_type: EvalType, function: str, declared: str, told: str
) -> None:
    table, conf = from_spark(pa.table({"p": POINTS})), {}
    if told == "by input_type":
        table, conf = table.replace_schema_metadata(None), {INPUT_TYPE_KEY: SCHEMA.json()}
    runner = Runner(
        eval_type, [[function]], [[0]], declared, env=version_env, conf=conf, includes=[TESTS]
    )
    with runner, runner.compute(table) as out:
        assert out.read_all().column(0).to_pylist() == ["Point", "NoneType", "Point"]


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
        conf={INPUT_TYPE_KEY: StructType([StructField("p", declared)]).json()},
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
            conf={INPUT_TYPE_KEY: "{"},
        )
