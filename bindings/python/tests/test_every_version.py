"""Every eval type on workers of every PySpark, and what those say that lack one."""

from __future__ import annotations

import pickle

import group_functions as g
import pyarrow as pa
import pytest
from conftest import TESTS, interpreter, is_older

import udfrunner
from udfrunner import Env, EvalType, Runner, TableFunction
from udfrunner._evaltype import COGROUPED_TYPES, GROUPED_MAP_TYPES, TABLE_TYPES

#: The PySpark that introduced an eval type, where that is later than 3.5.
SINCE = {
    EvalType.GROUPED_MAP_ARROW: "4.0",
    EvalType.COGROUPED_MAP_ARROW: "4.0",
    EvalType.TRANSFORM_WITH_STATE_PANDAS: "4.0",
    EvalType.TRANSFORM_WITH_STATE_PANDAS_INIT_STATE: "4.0",
    EvalType.TRANSFORM_WITH_STATE_ROW: "4.1",
    EvalType.TRANSFORM_WITH_STATE_ROW_INIT_STATE: "4.1",
    EvalType.GROUPED_MAP_ARROW_ITER: "4.1",
    EvalType.GROUPED_MAP_PANDAS_ITER: "4.1",
    EvalType.GROUPED_AGG_PANDAS_ITER: "4.2",
    EvalType.SCALAR_ARROW: "4.1",
    EvalType.SCALAR_ARROW_ITER: "4.1",
    EvalType.GROUPED_AGG_ARROW: "4.1",
    EvalType.WINDOW_AGG_ARROW: "4.1",
    EvalType.GROUPED_AGG_ARROW_ITER: "4.2",
    EvalType.ARROW_UDTF: "4.1",
}

TABLE = pa.table({"k": [1, 1, 1, 2, 2, 3], "v": [1.0, 2.0, 6.0, 4.0, 4.0, 8.0]})
SPANS = [
    {"k": 1, "n": 3, "span": 5.0},
    {"k": 2, "n": 2, "span": 0.0},
    {"k": 3, "n": 1, "span": 0.0},
]
SPAN_SCHEMA = "k long, n long, span double"


def check_since(minor: str, eval_type: EvalType) -> bool:
    return not is_older(minor, SINCE.get(eval_type, "3.5"))


def runner_of(env: Env, eval_type: EvalType, name: str, *arguments: object, **options: object):
    return Runner(
        eval_type,
        [[f"group_functions:{name}"]],
        *arguments,
        env=env,
        includes=[TESTS],
        **options,  # type: ignore[arg-type]
    )


@pytest.mark.parametrize("way", ["stream", "batches", "groups"])
@pytest.mark.parametrize(
    ("eval_type", "name"),
    [
        (EvalType.GROUPED_MAP_PANDAS, "pandas_span"),
        (EvalType.GROUPED_MAP_PANDAS_ITER, "pandas_span_iter"),
        (EvalType.GROUPED_MAP_ARROW, "arrow_span"),
        (EvalType.GROUPED_MAP_ARROW_ITER, "arrow_span_iter"),
    ],
    ids=lambda value: getattr(value, "name", value),
)
def test_grouped_map(
    version_env: Env, minor: str, eval_type: EvalType, name: str, way: str
) -> None:
    if not check_since(minor, eval_type):
        pytest.skip("test_missing_types holds it")
    with runner_of(version_env, eval_type, name, None, SPAN_SCHEMA) as runner:
        if way == "groups":
            groups = [TABLE.slice(0, 3).to_reader(max_chunksize=2), TABLE.slice(3, 2), TABLE[5:]]
            task = runner.compute_groups(groups, keys=1)
        else:
            size = 2 if way == "batches" else None
            task = runner.compute(TABLE.to_reader(max_chunksize=size), keys=1)
        with task as out:
            assert out.read_all().to_pylist() == SPANS


@pytest.mark.parametrize(
    ("eval_type", "name"),
    [
        (EvalType.COGROUPED_MAP_PANDAS, "pandas_sizes"),
        (EvalType.COGROUPED_MAP_ARROW, "arrow_sizes"),
    ],
    ids=lambda value: getattr(value, "name", value),
)
def test_cogrouped_map(version_env: Env, minor: str, eval_type: EvalType, name: str) -> None:
    if not check_since(minor, eval_type):
        pytest.skip("test_missing_types holds it")
    pairs = [(TABLE[:3], TABLE[:1]), (TABLE[3:5].to_reader(max_chunksize=1), TABLE[5:])]
    runner = runner_of(version_env, eval_type, name, None, "k long, l long, r long")
    with runner, runner.compute_groups(pairs, keys=1) as out:
        found = out.read_all().to_pylist()
    assert found == [{"k": 1, "l": 3, "r": 1}, {"k": 2, "l": 2, "r": 1}]


@pytest.mark.parametrize(
    ("eval_type", "name"),
    [
        (EvalType.GROUPED_AGG_PANDAS, "pandas_mean"),
        (EvalType.GROUPED_AGG_PANDAS_ITER, "pandas_mean_iter"),
        (EvalType.GROUPED_AGG_ARROW, "arrow_mean"),
        (EvalType.GROUPED_AGG_ARROW_ITER, "arrow_mean_iter"),
    ],
    ids=lambda value: getattr(value, "name", value),
)
def test_aggregate(version_env: Env, minor: str, eval_type: EvalType, name: str) -> None:
    if not check_since(minor, eval_type):
        pytest.skip("test_missing_types holds it")
    with runner_of(version_env, eval_type, name, [[1]], "double") as runner:
        for size in (None, 2):
            with runner.compute(TABLE.to_reader(max_chunksize=size), keys=1) as out:
                assert out.read_all()["_0"].to_pylist() == [3.0, 4.0, 8.0]


@pytest.mark.parametrize(
    ("eval_type", "name"),
    [
        (EvalType.WINDOW_AGG_PANDAS, "pandas_mean"),
        (EvalType.WINDOW_AGG_ARROW, "arrow_mean"),
    ],
    ids=lambda value: getattr(value, "name", value),
)
def test_window(version_env: Env, minor: str, eval_type: EvalType, name: str) -> None:
    """A window of the row before and the row, and one of the whole partition."""
    if not check_since(minor, eval_type):
        pytest.skip("test_missing_types holds it")
    bounds = {"begin": [0, 0, 1, 0, 0, 0], "end": [1, 2, 3, 1, 2, 1]}
    table = pa.table(
        {
            "k": TABLE["k"],
            **{key: pa.array(values, pa.int32()) for key, values in bounds.items()},
            "v": TABLE["v"],
        }
    )
    reference = f"group_functions:{name}"
    runner = Runner(
        eval_type,
        [[reference], [reference]],
        [[1, 2, 3], [3]],
        "double",
        env=version_env,
        conf={"udfrunner.window.bounds": "bounded,unbounded"},
        includes=[TESTS],
    )
    with runner, runner.compute(table, keys=1) as out:
        found = out.read_all().to_pydict()
    assert found == {"_0": [1.0, 1.5, 4.0, 4.0, 4.0, 8.0], "_1": [3.0, 3.0, 3.0, 4.0, 4.0, 8.0]}


def test_table_rows(version_env: Env) -> None:
    with (
        runner_of(
            version_env,
            EvalType.TABLE,
            "Letters",
            [[0, 1]],
            "text string, n long",
            table_function=TableFunction(name="letters"),
        ) as runner,
        runner.compute_rows([("ab", 7), (None, 7)]) as out,
    ):
        assert list(out) == [[("a", 7), ("b", 7)], [], [("calls", 2)]]


def test_table_batches(version_env: Env) -> None:
    with (
        runner_of(
            version_env, EvalType.ARROW_TABLE, "Letters", [[0, 1]], "text string, n long"
        ) as runner,
        runner.compute(pa.table({"text": ["ab", None], "n": [7, 7]})) as out,
    ):
        found = [[tuple(row.values()) for row in batch.to_pylist()] for batch in out]
    assert found == [[("a", 7), ("b", 7)], [], [("calls", 2)]]


def test_arrow_udtf(version_env: Env, minor: str) -> None:
    if not check_since(minor, EvalType.ARROW_UDTF):
        pytest.skip("test_missing_types holds it")
    with (
        runner_of(
            version_env, EvalType.ARROW_UDTF, "ArrowLetters", [[0, 1]], "text string, n long"
        ) as runner,
        runner.compute(pa.table({"text": ["ab", None], "n": [7, 7]})) as out,
    ):
        assert out.read_all().to_pydict() == {"text": ["a", "b"], "n": [7, 7]}


def test_rdd(version_env: Env) -> None:
    """The command is a plain pickle: PySpark 3.5's cloudpickle differs from this interpreter's."""
    from pyspark.serializers import AutoBatchedSerializer, CPickleSerializer

    serializer = AutoBatchedSerializer(CPickleSerializer())
    command = pickle.dumps((g.rdd_numbered, None, serializer, serializer), protocol=4)
    runner = Runner(EvalType.NON_UDF, [[command]], env=version_env, includes=[TESTS])
    with runner, runner.compute_rows(["a", {"b": 1}], partition=2) as out:
        assert list(out) == [(2, "a"), (2, {"b": 1})]


def test_helpers(version_env: Env) -> None:
    shuffled = TABLE.take([5, 0, 3, 1, 4, 2])
    options = {"kind": "pandas", "workers": 2, "env": version_env, "includes": [TESTS]}
    found = udfrunner.map_groups(
        "group_functions:pandas_span", shuffled, "k", SPAN_SCHEMA, **options
    )
    assert found.to_pylist() == SPANS
    found = udfrunner.aggregate(
        "group_functions:pandas_mean", shuffled, "k", "v", return_type="double", **options
    )
    assert found.to_pydict() == {"k": [1, 2, 3], "pandas_mean": [3.0, 4.0, 8.0]}
    found = udfrunner.map_cogroups(
        "group_functions:pandas_sizes",
        shuffled,
        TABLE[:5],
        "k",
        "k long, l long, r long",
        **{**options, "workers": 1},
    )
    assert [(row["l"], row["r"]) for row in found.to_pylist()] == [(3, 3), (2, 2), (1, 0)]


@pytest.mark.parametrize("eval_type", SINCE, ids=lambda each: each.name)
def test_missing_types(version_env: Env, minor: str, eval_type: EvalType) -> None:
    """The error names the type and both versions."""
    if check_since(minor, eval_type):
        pytest.skip("it has the type")
    offsets = None
    if eval_type not in GROUPED_MAP_TYPES | COGROUPED_TYPES:
        offsets = [[4, 1, 0, 0, 1] * (2 if "INIT_STATE" in eval_type.name else 1)]
        if "TRANSFORM" not in eval_type.name:
            offsets = [[1]]
    returned = "double" if "AGG" in eval_type.name or "SCALAR" in eval_type.name else "v double"
    table = TableFunction() if eval_type in TABLE_TYPES else None
    runner = runner_of(
        version_env, eval_type, "pandas_mean", offsets, returned, table_function=table
    )
    text = rf"{eval_type.name}\b.*needs PySpark {SINCE[eval_type]}, the worker has {minor}"
    with runner, pytest.raises(udfrunner.NotSupported, match=text):
        if eval_type in COGROUPED_TYPES:
            runner.compute_groups([(TABLE, TABLE)], keys=1).read_all()
        else:
            runner.compute(TABLE).read_all()


# ------------------------------------------------------------------------ profiles


def test_profiles_come_as_accumulators(shared_env: Env) -> None:
    """Spark's UDF profiler: the profiles by result id come as the accumulator of id -1."""
    runner = Runner(
        EvalType.SCALAR_PANDAS,
        [["functions:pandas_plus_one"], ["functions:pandas_plus_one"]],
        [[0], [0]],
        "long",
        env=shared_env,
        conf={"spark.sql.pyspark.udf.profiler": "perf"},
        includes=[TESTS],
    )
    with runner, runner.compute(TABLE) as out:
        assert out.read_all()["_0"].to_pylist() == [2, 2, 2, 3, 3, 4]
    profiles = dict(out.accumulators)[-1]
    assert len(profiles) == 2
    called = [{function for _, _, function in perf.stats} for perf, _ in profiles.values()]
    assert all("pandas_plus_one" in functions for functions in called)


@pytest.mark.parametrize("minor", ["4.3"])
def test_profiles_on_the_full_pyspark(minor: str, leaks: None) -> None:
    with Env({"spark.pyspark.python": str(interpreter(minor))}) as env:
        runner = runner_of(
            env,
            EvalType.GROUPED_AGG_PANDAS,
            "pandas_mean",
            [[1]],
            "double",
            conf={"spark.sql.pyspark.udf.profiler": "perf"},
        )
        with runner, runner.compute(TABLE, keys=1) as out:
            out.read_all()
        ((perf, _),) = dict(out.accumulators)[-1].values()
        assert "pandas_mean" in {function for _, _, function in perf.stats}
