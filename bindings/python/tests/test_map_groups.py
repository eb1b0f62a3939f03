"""map_groups, map_cogroups and aggregate: keys of all types, sizes of all kinds, in parallel."""

from __future__ import annotations

import datetime
import decimal
import math
from collections.abc import Iterator

import group_functions as g
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from conftest import TESTS
from pyspark.sql.functions import arrow_udf, pandas_udf

import udfrunner
from udfrunner import Env, EvalType

NAN = float("nan")
udfrunner.allow_ddl_without_session()


def sizes(key: tuple[pa.Scalar, ...], rows: pa.Table) -> pa.Table:
    """The key as text, the rows of the group, and the sum of v."""
    import pyarrow as pa
    import pyarrow.compute as pc

    return pa.table(
        {
            "key": [repr(tuple(part.as_py() for part in key))],
            "n": pa.array([rows.num_rows], pa.int64()),
            "total": pa.array([pc.sum(rows["v"]).as_py()], pa.int64()),
        }
    )


SIZES = "key string, n long, total long"


def expected_sizes(table: pa.Table, by: list[str]) -> dict[str, tuple[int, int]]:
    """The same with a dict, in no order, where 0.0 stands for -0.0 too."""
    found: dict[str, tuple[int, int]] = {}
    for row in table.to_pylist():
        key = repr(tuple(row[name] for name in by)).replace("-0.0", "0.0")
        n, total = found.get(key, (0, 0))
        found[key] = (n + 1, total + row["v"])
    return found


def keyed(values: list[object], type_: pa.DataType | None = None, repeat: int = 7) -> pa.Table:
    """Rows with each key several times, in no order of the keys."""
    column = pa.array(values * repeat, type_)
    return pa.table({"v": range(len(column)), "k": column})


DAY = datetime.date(2026, 11, 22)
MOMENT = datetime.datetime(2026, 11, 22, 1, 2, 3, 4)
KEYS = {
    "long": keyed([3, 1, None, 2, -5], pa.int64()),
    "byte": keyed([3, None, -1], pa.int8()),
    "string": keyed(["b", "", None, "a", "ä", "B"]),
    "large string": keyed(["b", None, "a"], pa.large_string()),
    "binary": keyed([b"b", b"\0", None, b""]),
    "double": keyed([1.5, NAN, None, 0.0, -0.0, -2.0, math.inf]),
    "float": keyed([1.5, NAN, None, -0.0, 0.0], pa.float32()),
    "boolean": keyed([True, None, False]),
    "decimal": keyed([decimal.Decimal("1.50"), None, decimal.Decimal("-2.25")]),
    "date": keyed([DAY, None, DAY - datetime.timedelta(1)]),
    "timestamp_ntz": keyed([MOMENT, None, MOMENT - datetime.timedelta(1)]),
    "timestamp": keyed([MOMENT, None], pa.timestamp("us", tz="UTC")),
    "all null": keyed([None], pa.string()),
    "one": keyed(["only"]),
}


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("name", KEYS)
def test_keys_of_every_type(shared_env: Env, name: str, workers: int) -> None:
    table = KEYS[name]
    found = udfrunner.map_groups(
        sizes, table, "k", SIZES, workers=workers, env=shared_env
    ).to_pylist()
    expected = expected_sizes(table, ["k"])
    keys = [row["key"].replace("-0.0", "0.0") for row in found]
    assert [(row["n"], row["total"]) for row in found] == [expected[key] for key in keys]
    assert len(set(keys)) == len(expected)
    assert keys[-1] == "(None,)" or "(None,)" not in expected, "null comes last"


def test_several_keys(shared_env: Env) -> None:
    rows = [(a, b) for a in ("x", None, "y") for b in (2, None, 1)] * 5
    table = pa.table({"a": [a for a, _ in rows], "v": range(len(rows)), "b": [b for _, b in rows]})
    for by in (["a", "b"], ["b", "a"]):
        found = udfrunner.map_groups(sizes, table, by, SIZES, workers=2, env=shared_env).to_pylist()
        assert {row["key"]: (row["n"], row["total"]) for row in found} == expected_sizes(table, by)
        order = [eval(row["key"]) for row in found]
        assert order == sorted(order, key=lambda key: [(x is None, x or 0) for x in key])


def test_the_function_gets_columns_in_their_order(shared_env: Env) -> None:
    def names(rows: pd.DataFrame) -> pd.DataFrame:
        import pandas as pd

        return pd.DataFrame({"names": [",".join(rows.columns)]})

    table = pa.table({"v": [1], "b": ["x"], "a": [1.5]})
    found = udfrunner.map_groups(names, table, ["a", "b"], "names string", env=shared_env)
    assert found["names"].to_pylist() == ["v,b,a"]


@pytest.mark.parametrize("workers", [1, 2])
def test_thousands_of_tiny_groups(shared_env: Env, workers: int) -> None:
    keys = [i * 7919 % 5_000 for i in range(10_000)]
    table = pa.table({"k": keys, "v": range(10_000)})
    seen: list[int] = []
    found = udfrunner.map_groups(
        sizes,
        table,
        "k",
        SIZES,
        workers=workers,
        progress=lambda done, total: seen.append(done),
        env=shared_env,
    )
    assert found["key"].to_pylist() == [f"({k},)" for k in range(5_000)]
    assert set(found["n"].to_pylist()) == {2}
    assert seen[-1] == 10_000


def test_one_big_group_among_small_ones(shared_env: Env) -> None:
    table = pa.table({"k": [0] + [1] * 300_000 + [2], "v": [1] * 300_002})
    for workers in (1, 2, 5):
        found = udfrunner.map_groups(sizes, table, "k", SIZES, workers=workers, env=shared_env)
        assert found["n"].to_pylist() == [1, 300_000, 1]


@pytest.mark.parametrize("kind", ["pandas", "arrow"])
def test_groups_that_span_batches(shared_env: Env, kind: str) -> None:
    function = {"pandas": g.pandas_span, "arrow": g.arrow_span}[kind]
    table = pa.table({"k": [i // 10 for i in range(100)], "v": [float(i) for i in range(100)]})
    found = udfrunner.map_groups(
        function,
        table,
        "k",
        "k long, n long, span double",
        batch_size=3,
        env=shared_env,
        includes=[TESTS],
    )
    assert found.to_pylist() == [{"k": k, "n": 10, "span": 9.0} for k in range(10)]


def test_iterator_forms_get_batches(shared_env: Env) -> None:
    def frames(key, parts: Iterator[pd.DataFrame]) -> Iterator[pd.DataFrame]:
        for part in parts:
            yield part.assign(n=len(part))

    def batches(parts: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        import pyarrow as pa

        for part in parts:
            yield part.append_column("n", pa.array([part.num_rows] * part.num_rows, pa.int64()))

    table = pa.table({"k": [1] * 5 + [2] * 5})
    for function in (frames, batches):
        found = udfrunner.map_groups(
            function, table, "k", "k long, n long", batch_size=3, env=shared_env
        )
        assert found["k"].to_pylist() == table["k"].to_pylist()
        assert sorted(found["n"].to_pylist()) == [1, 1, 2, 2] + [3] * 6


def test_empty_data(shared_env: Env) -> None:
    table = keyed([1]).slice(0, 0)
    for by in ("k", []):
        found = udfrunner.map_groups(sizes, table, by, SIZES, workers=2, env=shared_env)
        assert (found.num_rows, found.column_names) == (0, ["key", "n", "total"])


def test_no_key_is_one_group(shared_env: Env) -> None:
    found = udfrunner.map_groups(sizes, keyed([1, 2]), [], SIZES, workers=2, env=shared_env)
    assert found.to_pylist() == [{"key": "()", "n": 14, "total": sum(range(14))}]


def test_data_in_every_form(shared_env: Env, tmp_path: object) -> None:
    table = keyed(["a", "b"])
    pq.write_table(table, f"{tmp_path}/t.parquet")
    encoded = table.set_column(1, "k", table["k"].dictionary_encode())
    for data in (
        table.to_reader(max_chunksize=3),
        table.to_batches(max_chunksize=3),
        table.to_pandas(),
        f"{tmp_path}/t.parquet",
        encoded,
    ):
        found = pa.table(udfrunner.map_groups(sizes, data, "k", SIZES, env=shared_env))
        assert found["key"].to_pylist() == ["('a',)", "('b',)"]
        assert found["n"].to_pylist() == [7, 7]


def test_kinds(shared_env: Env) -> None:
    table = pa.table({"k": [1, 1], "v": [1.0, 2.0]})
    expected = [{"k": 1, "n": 2, "span": 1.0}]
    for name, kind in (
        ("pandas_span", "pandas"),
        ("pandas_span_iter", "pandas-iter"),
        ("arrow_span", "arrow"),
        ("arrow_span_iter", "arrow-iter"),
        ("arrow_span", EvalType.GROUPED_MAP_ARROW),
    ):
        found = udfrunner.map_groups(
            f"group_functions:{name}",
            table,
            "k",
            "k long, n long, span double",
            kind=kind,
            env=shared_env,
        )
        assert found.to_pylist() == expected
    # The annotation says that it is the iterator form.
    found = udfrunner.map_groups(
        g.pandas_span_iter,
        table,
        "k",
        "k long, n long, span double",
        kind="pandas",
        env=shared_env,
        includes=[TESTS],
    )
    assert found.to_pylist() == expected


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"by": "missing"}, "no column 'missing'; columns are v, k$"),
        ({"by": ["k", "k"]}, "by .*: a column may be named only once"),
        ({"kind": "scalar-pandas"}, r"a function of columns \(eval type 200\): use apply"),
        ({"kind": EvalType.SCALAR_PANDAS}, r"a function of columns \(eval type 200\): use apply"),
        ({"function": lambda rows: rows}, "nor annotated .* kind= is needed"),
        ({"workers": 0}, "workers 0: a positive number"),
        ({"batch_size": 0}, "batch_size 0: a positive number"),
        ({"data": pa.table([[1], [2], [3]], names=["v", "k", "k"])}, "column 'k': there are 2"),
        ({"data": 7}, "Arrow data is needed"),
        ({"schema": "long"}, "must be a struct"),
    ],
    ids=str,
)
def test_bad_arguments(shared_env: Env, arguments: dict[str, object], text: str) -> None:
    given = {"function": sizes, "data": keyed([1]), "by": "k", "schema": SIZES} | arguments
    with pytest.raises(udfrunner.InvalidArgument, match=text):
        udfrunner.map_groups(**given, env=shared_env)  # type: ignore[arg-type]


def test_the_functions_error_ends_all_workers(shared_env: Env) -> None:
    def fail_at_seven(key, rows: pd.DataFrame) -> pd.DataFrame:
        if key[0] == 7:
            raise ValueError("seven")
        return rows

    table = keyed(list(range(100)))
    with pytest.raises(udfrunner.PythonException, match="seven"):
        udfrunner.map_groups(fail_at_seven, table, "k", "v long, k long", workers=2, env=shared_env)


# ----------------------------------------------------------------------- cogroups


def both(key, left: pd.DataFrame, right: pd.DataFrame) -> pd.DataFrame:
    import pandas as pd

    return pd.DataFrame(
        {"k": [str(key[0])], "l": [left.v.sum()], "r": [len(right)], "c": [len(right.columns)]}
    )


BOTH = "k string, l long, r long, c long"


@pytest.mark.parametrize("workers", [1, 2, 3])
def test_cogroups(shared_env: Env, workers: int) -> None:
    left = pa.table({"v": range(60), "k": ["a", "b", None, "d", "e", "b"] * 10})
    right = pa.table({"k": ["z", "b", None, "c"] * 3, "x": [1.5] * 12, "y": [None] * 12})
    rows: list[int] = []
    found = udfrunner.map_cogroups(
        both,
        left,
        right.to_pandas(),
        "k",
        BOTH,
        workers=workers,
        progress=lambda done, total: rows.append(total - done),
        env=shared_env,
    ).to_pylist()
    totals: dict[object, int] = {}
    for row in left.to_pylist():
        totals[row["k"]] = totals.get(row["k"], 0) + row["v"]
    assert [(row["k"], row["l"], row["r"]) for row in found] == [
        ("a", totals["a"], 0),
        ("b", totals["b"], 3),
        ("c", 0, 3),
        ("d", totals["d"], 0),
        ("e", totals["e"], 0),
        ("z", 0, 3),
        (found[-1]["k"], totals[None], 3),
    ]
    assert {row["c"] for row in found} == {3}
    assert rows[-1] == 0


def test_cogroups_of_other_names_and_types(shared_env: Env) -> None:
    left = pa.table({"k": pa.array([1, 2, 2], pa.int32()), "v": [1, 2, 3]})
    right = pa.table({"id": pa.array([2, 3], pa.int64())})
    found = udfrunner.map_cogroups(
        g.arrow_sizes,
        left,
        right,
        "k",
        "k long, l long, r long",
        right_by="id",
        kind="arrow",
        env=shared_env,
        includes=[TESTS],
    )
    assert [(row["l"], row["r"]) for row in found.to_pylist()] == [(1, 0), (2, 1), (0, 1)]


def test_cogroups_of_nothing(shared_env: Env) -> None:
    empty = pa.table({"k": pa.array([], pa.int64()), "v": pa.array([], pa.int64())})
    found = udfrunner.map_cogroups(both, empty, empty, "k", BOTH, workers=2, env=shared_env)
    assert (found.num_rows, found.column_names) == (0, ["k", "l", "r", "c"])


@pytest.mark.parametrize(
    ("right", "options", "text"),
    [
        (pa.table({"k": ["a"]}), {}, "like types are needed"),
        (pa.table({"id": [1]}), {}, "right: no column 'k'; columns are id$"),
        (pa.table({"k": [1], "l": [1]}), {"right_by": ["k", "l"]}, "by has 1 columns, right_by 2"),
        (
            pa.table({"k": [1]}),
            {"kind": "pandas-iter"},
            "kinds are pandas, arrow, cogrouped-map-pandas, cogrouped-map-arrow$",
        ),
    ],
)
def test_bad_cogroups(
    shared_env: Env, right: pa.Table, options: dict[str, object], text: str
) -> None:
    with pytest.raises(udfrunner.InvalidArgument, match=text):
        udfrunner.map_cogroups(
            both,
            keyed([1]),
            right,
            "k",
            BOTH,
            env=shared_env,
            **options,  # type: ignore[arg-type]
        )


# --------------------------------------------------------------------- aggregates


@pandas_udf("double")
def decorated_mean(v: pd.Series) -> float:
    return v.mean()


@arrow_udf("double")
def decorated_arrow_mean(v: pa.Array) -> float:
    import pyarrow.compute as pc

    return pc.mean(v).as_py()


def spread(v: pd.Series, *, low: float = 0) -> float:
    return float(v.max() - low)


DATA = pa.table(
    {
        "v": [float(i) for i in range(100)],
        "k": [None if i % 5 == 0 else i % 3 for i in range(100)],
        "s": ["xy"[i % 2] for i in range(100)],
    }
)


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("function", [decorated_mean, decorated_arrow_mean])
def test_aggregate(shared_env: Env, function: object, workers: int) -> None:
    found = udfrunner.aggregate(function, DATA, ["s", "k"], "v", workers=workers, env=shared_env)
    expected = DATA.group_by(["s", "k"]).aggregate([("v", "mean")])
    order = [("s", "ascending"), ("k", "ascending")]
    expected = expected.sort_by(order)
    assert found.column_names == ["s", "k", function.__name__]
    assert found.select(["s", "k"]).to_pylist() == expected.select(["s", "k"]).to_pylist()
    assert found.column(2).to_pylist() == pytest.approx(expected["v_mean"].to_pylist())


def test_aggregate_of_the_key_and_by_keyword(shared_env: Env) -> None:
    found = udfrunner.aggregate(
        lambda k, v, by: float(k.sum() + v.sum() + 0 * by.sum()),
        DATA.filter(pc.is_valid(DATA["k"])),
        "k",
        "k",
        v="v",
        keywords={"by": "v"},
        return_type="double",
        kind="pandas",
        name="total",
        env=shared_env,
    )
    frame = DATA.to_pandas().dropna()
    assert found["total"].to_pylist() == [k * len(x) + x.v.sum() for k, x in frame.groupby("k")]


def test_aggregate_without_key(shared_env: Env) -> None:
    for data, expected in ((DATA, 49.5), (DATA.slice(0, 0), None)):
        found = udfrunner.aggregate(decorated_arrow_mean, data, [], "v", workers=2, env=shared_env)
        assert found.to_pydict() == {"decorated_arrow_mean": [expected]}


def test_aggregate_of_nothing(shared_env: Env) -> None:
    found = udfrunner.aggregate(decorated_mean, DATA.slice(0, 0), "k", "v", env=shared_env)
    assert found.schema.types == [pa.int64(), pa.float64()]
    assert found.num_rows == 0


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (("k", "missing"), "no column 'missing'; columns are v, k, s$"),
        (("missing", "v"), "column 'missing'"),
    ],
)
def test_bad_aggregate(shared_env: Env, arguments: tuple[str, str], text: str) -> None:
    with pytest.raises(udfrunner.InvalidArgument, match=text):
        udfrunner.aggregate(decorated_mean, DATA, *arguments, env=shared_env)


def test_bad_functions_of_aggregates(shared_env: Env) -> None:
    @pandas_udf("double")
    def scalar(v: pd.Series) -> pd.Series:
        return v

    with pytest.raises(udfrunner.InvalidArgument, match=r"eval type 200\): use apply"):
        udfrunner.aggregate(scalar, DATA, "k", "v", env=shared_env)
    with pytest.raises(udfrunner.InvalidArgument, match="return type"):
        udfrunner.aggregate(spread, DATA, "k", "v", env=shared_env)
    with pytest.raises(udfrunner.InvalidArgument, match="name 'k': a key column has it"):
        udfrunner.aggregate(decorated_mean, DATA, "k", "v", name="k", env=shared_env)
