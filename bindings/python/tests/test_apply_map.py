"""apply and map_batches: decorated functions as they are, partitions, order, progress."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from conftest import TESTS
from pyspark.sql import functions
from pyspark.sql import types as t
from pyspark.sql.functions import pandas_udf, udf

import udfrunner
from udfrunner import Env

ROWS = 1_003
TABLE = pa.table({"n": list(range(ROWS)), "x": [float(i) for i in range(ROWS)]})

udfrunner.allow_ddl_without_session()


@pandas_udf("double")
def scaled(x: pd.Series, scale: pd.Series) -> pd.Series:
    return x * scale


@udf("long")
def row_udf(n):
    return n + 1


@udf(returnType=t.LongType(), useArrow=True)
def arrow_row_udf(n):
    return n + 1


@udf("struct<n: long, m: map<string,double>>")
def struct_udf(n, x):
    return {"n": n, "m": {"x": x}}


@pytest.mark.parametrize("workers", [1, 2])
def test_apply_decorated_udfs(shared_env: Env, workers: int) -> None:
    column = udfrunner.apply(scaled, TABLE, "x", "n", workers=workers, env=shared_env)
    assert column.to_pylist() == [float(i) * i for i in range(ROWS)]
    for function in (row_udf, arrow_row_udf):
        column = udfrunner.apply(function, TABLE, "n", workers=workers, env=shared_env)
        assert column.type == pa.int64()
        assert column.to_pylist() == list(range(1, ROWS + 1))


def test_apply_by_keyword(shared_env: Env) -> None:
    column = udfrunner.apply(scaled, TABLE, "x", scale="n", env=shared_env)
    assert column.to_pylist() == [float(i) * i for i in range(ROWS)]


def test_apply_by_a_keyword_that_is_an_option_here(shared_env: Env) -> None:
    def scaled_by_workers(x: pd.Series, workers: pd.Series, kind: pd.Series) -> pd.Series:
        return x * workers + kind

    column = udfrunner.apply(
        scaled_by_workers,
        TABLE,
        "x",
        keywords={"workers": "n", "kind": "n"},
        return_type="double",
        workers=2,
        env=shared_env,
    )
    assert column.to_pylist() == [float(i) * i + i for i in range(ROWS)]


def test_apply_nested_results(shared_env: Env) -> None:
    column = udfrunner.apply(struct_udf, TABLE.slice(0, 2), "n", "x", env=shared_env)
    assert column.to_pylist() == [{"n": 0, "m": [("x", 0.0)]}, {"n": 1, "m": [("x", 1.0)]}]


def test_apply_arrow_udf(shared_env: Env) -> None:
    if not hasattr(functions, "arrow_udf"):
        pytest.skip("this PySpark has no arrow_udf")

    @functions.arrow_udf("long")
    def plus(n: pa.Array) -> pa.Array:
        return pc.add(n, 1)

    assert udfrunner.apply(plus, TABLE, "n", env=shared_env).to_pylist()[-1] == ROWS


def test_apply_plain_functions_by_annotation(shared_env: Env) -> None:
    def series(x: pd.Series) -> pd.Series:
        return x + 1

    def arrays(batches: Iterator[pa.Array]) -> Iterator[pa.Array]:
        for batch in batches:
            yield pc.add(batch, 1)

    for function in (series, arrays):
        column = udfrunner.apply(
            function, TABLE.to_pandas(), "x", return_type="double", env=shared_env
        )
        assert list(column) == [i + 1.0 for i in range(ROWS)]


def test_apply_without_columns(shared_env: Env) -> None:
    column = udfrunner.apply(lambda: 7, TABLE, kind="batched", return_type="int", env=shared_env)
    assert column.to_pylist() == [7] * ROWS


def test_apply_to_nothing(shared_env: Env) -> None:
    for function in (scaled, row_udf):
        names = ["x", "n"] if function is scaled else ["n"]
        column = udfrunner.apply(function, TABLE.slice(0, 0), *names, workers=2, env=shared_env)
        assert len(column) == 0


def test_apply_asks_for_what_is_missing(shared_env: Env) -> None:
    with pytest.raises(udfrunner.InvalidArgument, match="kind= is needed"):
        udfrunner.apply(lambda x: x, TABLE, "x", env=shared_env)
    with pytest.raises(udfrunner.InvalidArgument, match=r"no column 'z'; columns are n, x$"):
        udfrunner.apply(scaled, TABLE, "z", env=shared_env)
    with pytest.raises(udfrunner.InvalidArgument, match="kind 'scalar'"):
        udfrunner.apply(lambda x: x, TABLE, "x", kind="scalar", env=shared_env)
    with pytest.raises(udfrunner.InvalidArgument, match="workers 0"):
        udfrunner.apply(scaled, TABLE, "x", "n", workers=0, env=shared_env)


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("as_stream", [False, True], ids=["table", "stream"])
def test_map_batches_keeps_the_order(shared_env: Env, workers: int, as_stream: bool) -> None:
    def tagged(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        import pyarrow as pa
        from pyspark import TaskContext

        for batch in batches:
            partition = pa.array([TaskContext.get().partitionId()] * batch.num_rows, pa.int32())
            yield pa.RecordBatch.from_arrays([batch["n"], partition], names=["n", "p"])

    table = udfrunner.map_batches(
        tagged,
        TABLE.to_reader(100) if as_stream else TABLE,
        "n long, p int",
        workers=workers,
        partition_rows=300 if as_stream else None,
        env=shared_env,
    )
    assert table["n"].to_pylist() == list(range(ROWS))
    partitions = table["p"].to_pylist()
    assert partitions == sorted(partitions)
    assert len(set(partitions)) == (4 if as_stream else workers)


def test_map_batches_with_pandas_and_progress(shared_env: Env) -> None:
    seen: list[tuple[int, int | None]] = []

    def halves(frames: Iterator[pd.DataFrame]) -> Iterator[pd.DataFrame]:
        for frame in frames:
            yield frame[frame.n % 2 == 0]

    table = udfrunner.map_batches(
        halves,
        TABLE.to_pandas(),
        t.StructType().add("n", "long").add("x", "double"),
        workers=2,
        batch_size=100,
        progress=lambda done, total: seen.append((done, total)),
        env=shared_env,
    )
    assert list(table["n"]) == list(range(0, ROWS, 2))
    assert seen[-1] == (ROWS, ROWS)
    assert len(seen) > 5


@pytest.mark.parametrize("extension", ["parquet", "csv", "arrow", "arrows"])
def test_map_batches_from_a_file(shared_env: Env, tmp_path: Path, extension: str) -> None:
    from udfrunner._files import open_input, open_output

    path = tmp_path / f"t.{extension}"
    data = pa.table({"n": list(range(ROWS)), "x": [i + 0.5 for i in range(ROWS)]})
    with open_output(path, data.schema) as file:
        for batch in data.to_batches(100):
            file.write(batch)
    assert open_input(path).reader.read_all() == data
    table = udfrunner.map_batches(
        "functions:identity_batches", path, "n long, x double", kind="arrow", env=shared_env
    )
    assert table.to_pydict() == data.to_pydict()


@pytest.mark.parametrize("workers", [1, 2])
def test_the_first_failure_is_raised(shared_env: Env, workers: int) -> None:
    def fails_at_the_end(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            if batch["n"][-1].as_py() == 1002:
                raise ValueError("the last one")
            yield batch

    with pytest.raises(udfrunner.PythonException, match="the last one"):
        udfrunner.map_batches(
            fails_at_the_end, TABLE, "n long, x double", workers=workers, env=shared_env
        )


def test_map_batches_asks_for_the_kind(shared_env: Env) -> None:
    with pytest.raises(udfrunner.InvalidArgument, match=r"kind= is needed, one of pandas, arrow$"):
        udfrunner.map_batches(lambda it: it, TABLE, "n long", env=shared_env)


def test_module_of_functions_from_a_directory(shared_env: Env, tmp_path: Path) -> None:
    (tmp_path / "my_own_functions.py").write_text("def triple(x):\n    return x * 3\n")
    column = udfrunner.apply(
        "my_own_functions:triple",
        TABLE,
        "n",
        kind="scalar-pandas",
        return_type="long",
        includes=[tmp_path, TESTS],
        env=shared_env,
    )
    assert column.to_pylist()[-1] == 3 * (ROWS - 1)


@pytest.mark.parametrize(
    ("reference", "columns", "kind", "return_type", "expected"),
    [
        (
            "decorated:scaled",
            ["x", "n"],
            "scalar-pandas",
            "double",
            [float(i * i) for i in range(ROWS)],
        ),
        ("decorated:plus_one", ["n"], "batched", "long", list(range(1, ROWS + 1))),
        ("decorated:plus_one", ["n"], "arrow-batched", "long", list(range(1, ROWS + 1))),
        (
            "decorated:pair",
            ["n"],
            "batched",
            "n long, text string",
            [{"n": i, "text": str(i)} for i in range(ROWS)],
        ),
        ("decorated_arrow:plus_one", ["n"], "scalar-arrow", "long", list(range(1, ROWS + 1))),
    ],
)
def test_references_to_decorated_functions(
    shared_env: Env,
    reference: str,
    columns: list[str],
    kind: str,
    return_type: str,
    expected: list[object],
) -> None:
    column = udfrunner.apply(
        reference, TABLE, *columns, kind=kind, return_type=return_type, env=shared_env
    )
    assert column.to_pylist() == expected


def test_runner_with_a_decorated_reference(shared_env: Env) -> None:
    runner = udfrunner.Runner(
        udfrunner.EvalType.SCALAR_ARROW,
        [["decorated_arrow:plus_one", "functions:arrow_plus_one"]],
        [[0]],
        "long",
        env=shared_env,
    )
    with runner, runner.compute(TABLE.select(["n"])) as out:
        assert out.read_all().column(0).to_pylist() == list(range(2, ROWS + 2))


def test_reference_into_a_module_with_a_bad_return_type(shared_env: Env) -> None:
    with pytest.raises(udfrunner.PythonException, match="'lnog': at character 1: unknown type"):
        udfrunner.apply(
            "decorated_badly:plus_one",
            TABLE,
            "n",
            kind="batched",
            return_type="long",
            env=shared_env,
        )


def test_bad_decorator_here(shared_env: Env) -> None:
    with pytest.raises(udfrunner.InvalidArgument, match="'lnog': at character 1: unknown type"):
        udf("lnog")(lambda x: x)
