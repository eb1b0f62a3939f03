"""Tables in every form that is taken, and results in the form that came."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest

import udfrunner
from udfrunner import Env, EvalType, Runner

# Polars has descriptors of its own from its first query on.
pl.LazyFrame({"a": [1]}).collect()

TABLE = pa.table({"k": ["a", "b", "a"], "v": [1, 2, 3], "unread": [0, 0, 0]})


def plus_one(v: pa.Array) -> pa.Array:
    return pc.add(v, 1)


def total(v: pa.Array) -> int:
    return int(pc.sum(v).as_py() or 0)


def all_rows(rows: pa.Table) -> pa.Table:
    return rows.select(["k", "v"])


def as_it_is(rows: pa.Table) -> pa.Table:
    return rows


def both(left: pa.Table, right: pa.Table) -> pa.Table:
    return all_rows(left)


def batches(given):  # type: ignore[no-untyped-def]
    for batch in given:
        yield batch.select(["k", "v"])


def parquet(folder: Path) -> Path:
    pq.write_table(TABLE, folder / "t.parquet")
    return folder / "t.parquet"


def spark_folder(folder: Path) -> Path:
    """A folder as Spark leaves it."""
    (folder / "out" / "k=a").mkdir(parents=True)
    (folder / "out" / "k=b").mkdir()
    (folder / "out" / "_SUCCESS").touch()
    pq.write_table(TABLE.take([0, 2]).drop(["k"]), folder / "out" / "k=a" / "part-0.parquet")
    pq.write_table(TABLE.take([1]).drop(["k"]), folder / "out" / "k=b" / "part-0.parquet")
    return folder / "out"


Make = Callable[[Path], Any]
FORMS: dict[str, tuple[Make, type, type]] = {
    "pyarrow table": (lambda _: TABLE, pa.Table, pa.ChunkedArray),
    "pyarrow batch": (lambda _: TABLE.to_batches()[0], pa.Table, pa.ChunkedArray),
    "batches": (lambda _: TABLE.to_batches(), pa.Table, pa.ChunkedArray),
    "reader": (lambda _: TABLE.to_reader(), pa.Table, pa.ChunkedArray),
    "dataset": (lambda p: ds.dataset(parquet(p)), pa.Table, pa.ChunkedArray),
    "dataset in memory": (lambda _: ds.dataset(TABLE), pa.Table, pa.ChunkedArray),
    "scanner": (lambda p: ds.dataset(parquet(p)).scanner(), pa.Table, pa.ChunkedArray),
    "path": (parquet, pa.Table, pa.ChunkedArray),
    "text of a path": (lambda p: str(parquet(p)), pa.Table, pa.ChunkedArray),
    "folder": (spark_folder, pa.Table, pa.ChunkedArray),
    "DuckDB": (lambda _: duckdb.connect().from_arrow(TABLE), pa.Table, pa.ChunkedArray),
    "pandas": (lambda _: TABLE.to_pandas(), pd.DataFrame, pd.Series),
    "Polars": (lambda _: pl.from_arrow(TABLE), pl.DataFrame, pl.Series),
    "Polars, lazy": (lambda _: pl.from_arrow(TABLE).lazy(), pl.LazyFrame, pl.Series),  # type: ignore[union-attr]
}


@pytest.mark.parametrize("form", FORMS)
def test_results_in_the_form_that_came(shared_env: Env, form: str, tmp_path: Path) -> None:
    make, table, column = FORMS[form]
    made: Any = make(tmp_path)

    def data() -> Any:
        return make(tmp_path) if form in ("reader", "scanner") else made

    schema = "k string, v long"
    for found, rows in (
        (udfrunner.map_batches(batches, data(), schema, kind="arrow", env=shared_env), 3),
        (udfrunner.map_groups(all_rows, data(), "k", schema, env=shared_env), 3),
        (udfrunner.map_cogroups(both, data(), TABLE, "k", schema, env=shared_env), 3),
        (udfrunner.aggregate(total, data(), "k", "v", return_type="long", env=shared_env), 2),
    ):
        assert type(found) is table
        plain = pa.table(found.collect() if isinstance(found, pl.LazyFrame) else found)
        assert plain.num_rows == rows
        assert set(plain["k"].to_pylist()) == {"a", "b"}
    values = udfrunner.apply(plus_one, data(), "v", return_type="long", env=shared_env)
    assert type(values) is column
    assert sorted(map(str, values)) == ["2", "3", "4"]
    runner = Runner(EvalType.MAP_ARROW, [[batches]], return_type=schema, env=shared_env)
    if form != "Polars, lazy":
        with runner, runner.compute(data()) as out:
            assert out.read_all().num_rows == 3


def test_pandas_keeps_its_index(shared_env: Env) -> None:
    frame = pd.DataFrame({"v": [1.0, 2.0, 3.0]}, index=pd.Index(["x", "z", "y"], name="id"))
    frame["w"] = udfrunner.apply(plus_one, frame, "v", return_type="double", env=shared_env)
    assert frame["w"].to_dict() == {"x": 2.0, "z": 3.0, "y": 4.0}
    frame = frame.sort_index().set_index("v", append=True)
    found = udfrunner.apply(plus_one, frame, "w", return_type="double", workers=2, env=shared_env)
    assert found.index.equals(frame.index)
    assert found.name == "plus_one"


def test_arrow_dtypes_of_pandas_stay(shared_env: Env) -> None:
    frame = TABLE.to_pandas(types_mapper=pd.ArrowDtype)
    found = udfrunner.apply(plus_one, frame, "v", return_type="long", env=shared_env)
    assert found.dtype == pd.ArrowDtype(pa.int64())
    assert found.tolist() == [2, 3, 4]


def test_text_and_lists_of_polars_are_of_the_plain_types(shared_env: Env) -> None:
    frame = pl.DataFrame({"k": [1, 1], "s": [{"t": ["a", None]}, None], "b": [b"x", b""]})
    found = udfrunner.map_groups(
        as_it_is,
        frame,
        "k",
        "k long, s struct<t: array<string>>, b binary",
        kind="arrow",
        env=shared_env,
    )
    assert found.equals(frame)


def test_polars_takes_the_column(shared_env: Env) -> None:
    frame = pl.DataFrame({"v": [1, 2, None], "c": ["x", "y", "x"]})
    found = frame.with_columns(
        udfrunner.apply(plus_one, frame, "v", return_type="long", env=shared_env)
    )
    assert found["plus_one"].to_list() == [2, 3, None]


def test_duckdb_reads_what_comes(shared_env: Env) -> None:
    with duckdb.connect() as connection:
        relation = connection.sql("select range as v from range(5)")
        found = udfrunner.map_batches(  # noqa: F841 - DuckDB finds it by its name
            "functions:identity_batches", relation, "v long", kind="arrow", env=shared_env
        )
        assert connection.sql("select sum(v) from found").fetchall() == [(10,)]


def test_only_the_columns_that_are_needed_are_read(shared_env: Env, tmp_path: Path) -> None:
    path = parquet(tmp_path)
    whole = path.read_bytes()
    # Without the pages of the column that no function takes.
    meta = pq.read_metadata(path).row_group(0).column(2)
    start, size = meta.dictionary_page_offset or meta.data_page_offset, meta.total_compressed_size
    path.write_bytes(whole[:start] + b"\xff" * size + whole[start + size :])
    with pytest.raises(udfrunner.Error):
        udfrunner.apply(plus_one, path, "unread", return_type="long", env=shared_env)
    for data in (path, ds.dataset(path)):
        found = udfrunner.apply(plus_one, data, "v", return_type="long", env=shared_env)
        assert found.to_pylist() == [2, 3, 4]
        sums = udfrunner.aggregate(total, data, "k", "v", return_type="long", env=shared_env)
        assert sums["total"].to_pylist() == [4, 2]


@pytest.mark.parametrize("form", ["path", "dataset", "pandas", "Polars"])
def test_progress_has_totals(shared_env: Env, form: str, tmp_path: Path) -> None:
    seen: list[tuple[int, int | None]] = []
    udfrunner.map_batches(
        batches,
        FORMS[form][0](tmp_path),
        "k string, v long",
        kind="arrow",
        progress=lambda done, total: seen.append((done, total)),
        env=shared_env,
    )
    assert seen[-1] == (3, 3)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("missing.parquet", "no such file"),
        ("", "it has no files"),
        ("streams", "files of a folder are Parquet, CSV or Arrow files, not streams"),
        ("t.txt", "a name that ends in one of .parquet"),
    ],
)
def test_bad_paths(shared_env: Env, tmp_path: Path, name: str, said: str) -> None:
    if name == "streams":
        (tmp_path / name).mkdir()
        (tmp_path / name / "part.arrows").touch()
    with pytest.raises(udfrunner.InvalidArgument, match=said):
        udfrunner.apply(plus_one, tmp_path / name, "v", return_type="long", env=shared_env)
