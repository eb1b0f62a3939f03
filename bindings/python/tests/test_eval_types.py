"""Every eval type: results equal those of the same function applied directly."""

from __future__ import annotations

import datetime
import decimal
from collections.abc import Iterator

import functions
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from conftest import TESTS
from pyspark.sql import types as t

import udfrunner
from udfrunner import Argument, Env, EvalType, Runner

ROWS = 2_500
TABLE = pa.table(
    {
        "a": pa.array([None if i % 7 == 0 else i for i in range(ROWS)], pa.int64()),
        "b": pa.array([i / 4 for i in range(ROWS)], pa.float64()),
        "s": pa.array([f"text {i}" for i in range(ROWS)]),
    }
)


def result(runner: Runner, data: object = TABLE) -> pa.Table:
    with runner.compute(data) as out:
        return out.read_all()


@pytest.mark.parametrize(
    ("eval_type", "function"),
    [
        (EvalType.ARROW_BATCHED, functions.plus_one_or_none),
        (EvalType.SCALAR_PANDAS, functions.pandas_plus_one),
        (EvalType.SCALAR_PANDAS_ITER, functions.pandas_iter_plus_one),
        (EvalType.SCALAR_ARROW, functions.arrow_plus_one),
        (EvalType.SCALAR_ARROW_ITER, functions.arrow_iter_plus_one),
    ],
    ids=lambda value: getattr(value, "name", None),
)
@pytest.mark.parametrize("by_reference", [False, True], ids=["pickled", "reference"])
def test_scalar_types(
    shared_env: Env, eval_type: EvalType, function: object, by_reference: bool
) -> None:
    given = f"{function.__module__}:{function.__name__}" if by_reference else function
    runner = Runner(eval_type, [[given]], [[0]], "long", env=shared_env, includes=[TESTS])
    table = result(runner)
    assert table.column_names == ["_0"]
    assert table.column(0).to_pylist() == pc.add(TABLE["a"], 1).to_pylist()


def test_batched_rows(shared_env: Env) -> None:
    def describe(a, s):
        return f"{a}:{s}"

    runner = Runner(EvalType.BATCHED, [[describe]], [[0, 2]], "string", env=shared_env)
    rows = list(zip(*(column.to_pylist() for column in TABLE.columns), strict=True))
    expected = [describe(a, s) for a, _, s in rows]
    with runner.compute_rows(rows) as out:
        assert list(out) == expected
    with runner.compute_rows(TABLE) as out:
        assert list(out) == expected
    with runner.compute_rows([]) as out:
        assert list(out) == []


VALUES = [
    ("date", datetime.date(2026, 11, 22)),
    ("timestamp_ntz", datetime.datetime(2026, 11, 22, 1, 2, 3, 4)),
    ("decimal(10,2)", decimal.Decimal("12.34")),
    ("array<date>", [datetime.date(1969, 12, 31)]),
    ("map<string,int>", {"a": 1}),
    ("struct<x: int, y: date>", t.Row(x=1, y=datetime.date(2000, 1, 1))),
    ("binary", b"\0bytes"),
]


@pytest.mark.parametrize(("return_type", "value"), VALUES, ids=[v[0] for v in VALUES])
def test_batched_values_keep_their_types(shared_env: Env, return_type: str, value: object) -> None:
    runner = Runner(EvalType.BATCHED, [[lambda x: x]], [[0]], return_type, env=shared_env)
    with runner.compute_rows([(value,), (None,)]) as out:
        assert list(out) == [value, None]


def test_several_batched_chains(shared_env: Env) -> None:
    runner = Runner(
        EvalType.BATCHED,
        [[lambda x: x + 1], [lambda x: datetime.date.fromordinal(x + 1)]],
        [[0], [0]],
        ["long", "date"],
        env=shared_env,
    )
    with runner.compute_rows([(1,), (2,)]) as out:
        assert list(out) == [
            (2, datetime.date.fromordinal(2)),
            (3, datetime.date.fromordinal(3)),
        ]


def test_chains(shared_env: Env) -> None:
    def half(x: pd.Series) -> pd.Series:
        return x / 2

    def text(x: pd.Series) -> pd.Series:
        return "v" + x.astype(str)

    runner = Runner(
        EvalType.SCALAR_PANDAS,
        [[functions.pandas_plus_one, half], [half, text], [text]],
        [[1], [1], [2]],
        ["double", "string", "string"],
        env=shared_env,
        includes=[TESTS],
    )
    table = result(runner)
    b = TABLE["b"].to_pandas()
    assert table.column_names == ["_0", "_1", "_2"]
    assert table["_0"].to_pylist() == list((b + 1) / 2)
    assert table["_1"].to_pylist() == list("v" + (b / 2).astype(str))
    assert table["_2"].to_pylist() == [f"vtext {i}" for i in range(ROWS)]


@pytest.mark.parametrize(
    ("eval_type", "kind"), [(EvalType.SCALAR_ARROW, "arrow"), (EvalType.SCALAR_PANDAS, "pandas")]
)
def test_keyword_arguments(shared_env: Env, eval_type: EvalType, kind: str) -> None:
    if kind == "arrow":

        def f(x, *, scale, offset):
            import pyarrow.compute as pc

            return pc.subtract(pc.multiply(x, scale), offset)
    else:

        def f(x, *, scale, offset):
            return x * scale - offset

    data = pa.table({"o": [1.0, 2.0], "s": [3.0, 4.0], "x": [10.0, 20.0]})
    runner = Runner(
        eval_type,
        [[f]],
        [[2, (0, "offset"), Argument(1, "scale")]],
        "double",
        env=shared_env,
    )
    assert result(runner, data).column(0).to_pylist() == [29.0, 78.0]


def test_map_arrow(shared_env: Env) -> None:
    def doubled(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        import pyarrow as pa
        import pyarrow.compute as pc

        for batch in batches:
            kept = batch.filter(pc.greater(batch["b"], 100))
            yield pa.RecordBatch.from_arrays(
                [kept["s"], pc.multiply(kept["b"], 2)], names=["s", "twice"]
            )

    runner = Runner(
        EvalType.MAP_ARROW, [[doubled]], return_type="s string, twice double", env=shared_env
    )
    table = result(runner)
    kept = TABLE.filter(pc.greater(TABLE["b"], 100))
    assert table.column_names == ["s", "twice"]
    assert table["s"].to_pylist() == kept["s"].to_pylist()
    assert table["twice"].to_pylist() == pc.multiply(kept["b"], 2).to_pylist()


def test_map_pandas(shared_env: Env) -> None:
    runner = Runner(
        EvalType.MAP_PANDAS,
        [["functions:positive_frames"]],
        return_type=pa.schema([("a", pa.int64()), ("b", pa.float64())]),
        env=shared_env,
    )
    data = TABLE.select(["a", "b"]).drop_null()
    table = result(runner, data)
    expected = data.filter(pc.greater(data["a"], 0))
    assert table.to_pylist() == expected.to_pylist()


@pytest.mark.parametrize(
    "return_type",
    [t.LongType(), pa.int64(), '"long"', "bigint"],
    ids=["pyspark", "arrow", "json", "ddl"],
)
def test_return_type_in_every_form(shared_env: Env, return_type: object) -> None:
    def f(x: pd.Series) -> pd.Series:
        return x.astype("int64")

    runner = Runner(EvalType.SCALAR_PANDAS, [[f]], [[1]], return_type, env=shared_env)
    with runner.compute(TABLE) as out:
        assert out.schema.types == [pa.int64()]
        assert out.read_all()["_0"].to_pylist() == [i // 4 for i in range(ROWS)]


class OnlyStream:
    """Arrow data of another library: nothing but the stream protocol."""

    def __init__(self, table: pa.Table) -> None:
        self._table = table

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        return self._table.__arrow_c_stream__(requested_schema)


INPUTS = {
    "table": lambda: TABLE,
    "reader": lambda: TABLE.to_reader(100),
    "batch": lambda: TABLE.combine_chunks().to_batches()[0],
    "list": lambda: TABLE.to_batches(100),
    "generator": lambda: iter(TABLE.to_batches(100)),
    "stream": lambda: OnlyStream(TABLE),
    "pandas": lambda: TABLE.to_pandas(types_mapper=pd.ArrowDtype),
}


@pytest.mark.parametrize("kind", INPUTS)
def test_input_in_every_form(shared_env: Env, kind: str) -> None:
    runner = Runner(
        EvalType.SCALAR_ARROW, [["functions:arrow_plus_one"]], [[1]], "double", env=shared_env
    )
    assert result(runner, INPUTS[kind]())["_0"].to_pylist() == [i / 4 + 1 for i in range(ROWS)]


def test_dataset_input(shared_env: Env, tmp_path: object) -> None:
    import pyarrow.dataset as ds
    import pyarrow.parquet as pq

    pq.write_table(TABLE, f"{tmp_path}/t.parquet")
    runner = Runner(
        EvalType.SCALAR_ARROW, [["functions:arrow_plus_one"]], [[1]], "double", env=shared_env
    )
    assert result(runner, ds.dataset(f"{tmp_path}/t.parquet")).num_rows == ROWS


@pytest.mark.parametrize("with_batch", [True, False])
def test_empty_input(shared_env: Env, with_batch: bool) -> None:
    batches = TABLE.slice(0, 0).combine_chunks().to_batches() if with_batch else []
    runner = Runner(
        EvalType.SCALAR_ARROW, [["functions:arrow_plus_one"]], [[0]], "long", env=shared_env
    )
    with runner.compute(batches, schema=TABLE.schema) as out:
        table = out.read_all()
    assert (table.num_rows, table.schema.types) == (0, [pa.int64()])


def test_task_context_reaches_the_function(shared_env: Env) -> None:
    def identity(x: pd.Series) -> pd.Series:
        import pandas as pd
        from pyspark import TaskContext

        context = TaskContext.get()
        text = ",".join(
            map(
                str,
                (
                    context.partitionId(),
                    context.attemptNumber(),
                    context.stageId(),
                    context.taskAttemptId(),
                    context.getLocalProperty("color"),
                    context.resources()["gpu"].addresses,
                ),
            )
        )
        return pd.Series([text] * len(x))

    runner = Runner(EvalType.SCALAR_PANDAS, [[identity]], [[0]], "string", env=shared_env)
    context = udfrunner.TaskContext(
        attempt=1,
        stage=2,
        task_attempt_id=2**40,
        properties={"color": "grün"},
        resources={"gpu": ["0", "1"]},
    )
    with runner.compute(TABLE.slice(0, 1), partition=5, context=context) as out:
        assert out.read_all()["_0"].to_pylist() == [f"5,1,2,{2**40},grün,['0', '1']"]


def test_metrics_and_accumulators_after_the_end(shared_env: Env) -> None:
    runner = Runner(
        EvalType.SCALAR_ARROW, [["functions:arrow_plus_one"]], [[0]], "long", env=shared_env
    )
    with runner.compute(TABLE) as out:
        with pytest.raises(udfrunner.InvalidState):
            _ = out.accumulators
        assert isinstance(out.metrics, dict)
        out.read_all()
    assert out.accumulators == []
    assert out.metrics
    assert shared_env.stats()
