"""Grouped, cogrouped, aggregate and window types: results equal those of pandas directly."""

from __future__ import annotations

import group_functions as g
import pandas as pd
import pyarrow as pa
import pytest
from conftest import TESTS
from pyspark.sql import types as t
from pyspark.sql.functions import PandasUDFType, arrow_udf, pandas_udf

import udfrunner
from udfrunner import Env, EvalType, Runner

ROWS = 1_000
GROUPS = 17
#: Sorted by k, its batches cut within groups.
TABLE = pa.table(
    {
        "k": pa.array(sorted(i % GROUPS for i in range(ROWS)), pa.int64()),
        "v": pa.array([(i * 7919 % 1000) / 8 for i in range(ROWS)]),
        "w": pa.array([1.0 + i % 3 for i in range(ROWS)]),
    }
)
FRAME = TABLE.to_pandas()
SPANS = [
    {"k": k, "n": len(group), "span": group.v.max() - group.v.min()}
    for k, group in FRAME.groupby("k")
]

udfrunner.allow_ddl_without_session()

GROUPED_MAPS = [
    (EvalType.GROUPED_MAP_PANDAS, g.pandas_span),
    (EvalType.GROUPED_MAP_PANDAS_ITER, g.pandas_span_iter),
    (EvalType.GROUPED_MAP_ARROW, g.arrow_span),
    (EvalType.GROUPED_MAP_ARROW_ITER, g.arrow_span_iter),
]
AGGREGATES = [
    (EvalType.GROUPED_AGG_PANDAS, g.pandas_mean),
    (EvalType.GROUPED_AGG_PANDAS_ITER, g.pandas_mean_iter),
    (EvalType.GROUPED_AGG_ARROW, g.arrow_mean),
    (EvalType.GROUPED_AGG_ARROW_ITER, g.arrow_mean_iter),
]


def ids(value: object) -> str | None:
    return getattr(value, "name", None)


def groups_of(table: pa.Table) -> list[pa.Table]:
    """The groups of k, as a host forms them."""
    return [table.filter(pa.compute.equal(table["k"], k)) for k in range(GROUPS)]


def results(runner: Runner, way: str) -> list[dict[str, object]]:
    """The results over the sorted stream, or over groups that the caller formed."""
    if way == "stream":
        task = runner.compute(TABLE.to_reader(max_chunksize=64), keys=1)
    else:
        task = runner.compute_groups(iter(groups_of(TABLE)), keys=1)
    with runner, task as out:
        return out.read_all().to_pylist()


@pytest.mark.parametrize("way", ["stream", "groups"])
@pytest.mark.parametrize(("eval_type", "function"), GROUPED_MAPS, ids=ids)
def test_grouped_map(shared_env: Env, eval_type: EvalType, function: object, way: str) -> None:
    runner = Runner(
        eval_type,
        [[function]],
        return_type="k long, n long, span double",
        env=shared_env,
        includes=[TESTS],
    )
    assert results(runner, way) == SPANS


def test_grouped_map_with_sparks_arguments(shared_env: Env) -> None:
    def names(key, frame):
        import pandas as pd

        return pd.DataFrame({"text": [f"{key[0]}: {','.join(frame.columns)}"]})

    runner = Runner(
        EvalType.GROUPED_MAP_PANDAS,
        [[names]],
        [[4, 1, 0, 2, 1]],  # the key is column 0, the values are columns 2 and 1
        t.StructType([t.StructField("text", t.StringType())]),
        env=shared_env,
    )
    assert results(runner, "stream") == [{"text": f"{k}: w,v"} for k in range(GROUPS)]


def test_grouped_map_gives_rows(shared_env: Env) -> None:
    runner = Runner(
        EvalType.GROUPED_MAP_PANDAS,
        [[g.pandas_centered]],
        return_type=TABLE.schema,
        env=shared_env,
        includes=[TESTS],
    )
    with runner, runner.compute(TABLE, keys=1) as out:
        assert out.schema.names == TABLE.schema.names
        table = out.read_all()
    expected = FRAME.assign(v=FRAME.v - FRAME.groupby("k").v.transform("mean"))
    pd.testing.assert_frame_equal(table.to_pandas(), expected)


@pytest.mark.parametrize("way", ["stream", "groups"])
@pytest.mark.parametrize(("eval_type", "function"), AGGREGATES, ids=ids)
def test_aggregates(shared_env: Env, eval_type: EvalType, function: object, way: str) -> None:
    runner = Runner(eval_type, [[function]], [[1]], "double", env=shared_env, includes=[TESTS])
    found = [row["_0"] for row in results(runner, way)]
    assert found == pytest.approx(FRAME.groupby("k").v.mean().tolist())


@pytest.mark.parametrize("way", ["stream", "groups"])
@pytest.mark.parametrize(
    ("eval_type", "mean", "weighted"),
    [
        (EvalType.GROUPED_AGG_PANDAS, g.pandas_mean, g.pandas_weighted),
        (EvalType.GROUPED_AGG_ARROW, g.arrow_mean, g.arrow_weighted),
    ],
    ids=ids,
)
def test_several_aggregates_with_keywords(
    shared_env: Env, eval_type: EvalType, mean: object, weighted: object, way: str
) -> None:
    runner = Runner(
        eval_type,
        [[mean], [weighted]],
        [[2], [(2, "w"), (1, "v")]],
        "double",
        env=shared_env,
        includes=[TESTS],
    )
    groups = FRAME.groupby("k")
    found = results(runner, way)
    assert [row["_0"] for row in found] == pytest.approx(groups.w.mean().tolist())
    expected = [(x.v * x.w).sum() / x.w.sum() for _, x in groups]
    assert [row["_1"] for row in found] == pytest.approx(expected)


def test_decorated_aggregates(shared_env: Env) -> None:
    @pandas_udf("double")
    def mean(v: pd.Series) -> float:
        return v.mean()

    old_style = pandas_udf(lambda v: v.mean(), "double", PandasUDFType.GROUPED_AGG)

    @arrow_udf("double")
    def arrow_mean(v: pa.Array) -> float:
        import pyarrow.compute as pc

        return pc.mean(v).as_py()

    for udf in (mean, old_style, arrow_mean):
        runner = Runner(udf.evalType, [[udf]], [[1]], env=shared_env)
        found = [row["_0"] for row in results(runner, "stream")]
        assert found == pytest.approx(FRAME.groupby("k").v.mean().tolist())


# ------------------------------------------------------------------------ windows

#: The rows of each partition, with the bounds of a window of the row before and the row itself.
WINDOWS = pa.Table.from_pandas(
    pd.DataFrame(
        {
            "k": FRAME.k,
            "begin": (FRAME.groupby("k").cumcount() - 1).clip(lower=0).astype("int32"),
            "end": (FRAME.groupby("k").cumcount() + 1).astype("int32"),
            "v": FRAME.v,
        }
    ),
    preserve_index=False,
)


@pytest.mark.parametrize("decorated", [True, False], ids=["decorated", "plain"])
@pytest.mark.parametrize(
    ("eval_type", "function", "decorate"),
    [
        (EvalType.WINDOW_AGG_PANDAS, g.pandas_mean, pandas_udf),
        (EvalType.WINDOW_AGG_ARROW, g.arrow_mean, arrow_udf),
    ],
    ids=ids,
)
def test_windows(
    shared_env: Env, eval_type: EvalType, function: object, decorate: object, decorated: bool
) -> None:
    udf = decorate("double")(function) if decorated else function
    runner = Runner(
        eval_type,
        [[udf], [udf]],
        [[1, 2, 3], [3]],
        "double",
        env=shared_env,
        conf={"udfrunner.window.bounds": "bounded,unbounded"},
        includes=[TESTS],
    )
    with runner, runner.compute(WINDOWS.to_reader(max_chunksize=64), keys=1) as out:
        table = out.read_all()
    by_key = FRAME.groupby("k").v
    moving = by_key.rolling(2, min_periods=1).mean().tolist()
    assert table["_0"].to_pylist() == pytest.approx(moving)
    assert table["_1"].to_pylist() == pytest.approx(by_key.transform("mean").tolist())


# ----------------------------------------------------------------------- cogroups

COGROUPED_MAPS = [
    (EvalType.COGROUPED_MAP_PANDAS, g.pandas_sizes),
    (EvalType.COGROUPED_MAP_ARROW, g.arrow_sizes),
]


@pytest.mark.parametrize(("eval_type", "function"), COGROUPED_MAPS, ids=ids)
def test_cogrouped_map(shared_env: Env, eval_type: EvalType, function: object) -> None:
    """Sides of several batches, of another shape, and of no rows."""
    runner = Runner(
        eval_type,
        [[function]],
        return_type="k long, l long, r long",
        env=shared_env,
        includes=[TESTS],
    )
    right = TABLE.select(["k", "w"])

    def pairs():
        for k, group in enumerate(groups_of(TABLE)):
            yield (
                group.to_reader(max_chunksize=10),
                right.slice(0, k).set_column(0, "k", pa.array([k] * k, pa.int64())),
            )

    with runner, runner.compute_groups(pairs(), keys=1) as out:
        found = out.read_all().to_pylist()
    sizes = FRAME.groupby("k").size()
    assert found == [{"k": k, "l": sizes[k], "r": k} for k in range(GROUPS)]


@pytest.mark.parametrize(("eval_type", "function"), COGROUPED_MAPS, ids=ids)
def test_cogroups_are_not_cut_from_a_stream(
    shared_env: Env, eval_type: EvalType, function: object
) -> None:
    runner = Runner(
        eval_type,
        [[function]],
        return_type="k long, l long, r long",
        env=shared_env,
        includes=[TESTS],
    )
    with runner, pytest.raises(udfrunner.NotSupported, match=eval_type.name.split("_")[1]):
        runner.compute(TABLE, keys=1)
