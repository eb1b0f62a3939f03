"""Batches and groups whose columns are not those of the first are errors, never read as if."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest
from conftest import TESTS, Path

import udfrunner
from udfrunner import Env, EvalType, HostError, InvalidArgument, Runner

FIRST = pa.record_batch({"n": pa.array([1, 2], pa.int64()), "s": ["a", "b"]})


def batch(n: Any = None, s: Any = None) -> pa.RecordBatch:
    """Like the first, but for the columns given."""
    return pa.record_batch(
        {"n": FIRST["n"] if n is None else n, "s": FIRST["s"] if s is None else s}
    )


TENTH = pa.array([Decimal("1.5")] * 2, pa.decimal128(10, 1))
POINT = pa.array([{"x": 1, "y": 2}] * 2, pa.struct([("x", pa.int64()), ("y", pa.int64())]))

#: A first batch, another one, and the words about it.
UNLIKE: dict[str, tuple[pa.RecordBatch, pa.RecordBatch, str]] = {
    "double": (FIRST, batch(n=pa.array([1.0, 2.0])), "column 'n' is double, in {} it is int64"),
    "int": (FIRST, batch(n=pa.array([1, 2], pa.int32())), "column 'n' is int32, in {} it is int64"),
    "scale": (
        batch(n=TENTH),
        batch(n=TENTH.cast(pa.decimal128(10, 2))),
        "column 'n' is decimal128(10, 2), in {} it is decimal128(10, 1)",
    ),
    "binary": (FIRST, batch(s=[b"\xff", b""]), "column 's' is binary, in {} it is string"),
    "zone": (
        batch(n=FIRST["n"].cast(pa.timestamp("us", "UTC"))),
        batch(n=FIRST["n"].cast(pa.timestamp("us", "Europe/Paris"))),
        "column 'n' is timestamp[us, tz=Europe/Paris], in {} it is timestamp[us, tz=UTC]",
    ),
    "order": (
        FIRST,
        FIRST.select(["s", "n"]),
        "columns are s, n, {} has n, s in another order",
    ),
    "fewer": (FIRST, FIRST.select(["n"]), "columns are n, {} has n, s"),
    "more": (FIRST, FIRST.append_column("m", FIRST["n"]), "columns are n, s, m, {} has n, s"),
    "name": (FIRST, FIRST.rename_columns(["n", "t"]), "columns are n, t, {} has n, s"),
    "within": (
        batch(n=POINT),
        batch(n=POINT.cast(pa.struct([("x", pa.int64()), ("y", pa.int32())]))),
        "column 'n' is struct<x: int64, y: int32>, in {} it is struct<x: int64, y: int64>",
    ),
    "fields' order": (
        batch(n=POINT),
        batch(n=pa.array([{"y": 1, "x": 2}] * 2)),
        "column 'n' is struct<y: int64, x: int64>, in {} it is struct<x: int64, y: int64>",
    ),
    "dictionary": (
        FIRST,
        batch(s=FIRST["s"].dictionary_encode()),
        "column 's' is dictionary<values=string, indices=int32, ordered=0>, in {} it is string",
    ),
}


def same(given: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    yield from given


def whole(rows: pa.Table) -> pa.Table:
    return rows


def number(x: pa.Array) -> pa.Array:
    return x


def compute(env: Env, given: Any, result: pa.Schema, **options: Any) -> Any:
    runner = Runner(EvalType.MAP_ARROW, [[same]], return_type=result, env=env)
    with runner, runner.compute(given, **options) as out:
        return out.read_all()


def map_batches(env: Env, given: Any, schema: pa.Schema, workers: int = 1) -> Any:
    return udfrunner.map_batches(same, given, schema, workers=workers, env=env)


WAYS: dict[str, Callable[[Env, Any, pa.Schema], Any]] = {
    "compute": compute,
    "compute with schema=": lambda env, given, schema: compute(env, given, schema, schema=schema),
    "map_batches": map_batches,
    "map_batches of two workers": lambda env, given, s: map_batches(env, given, s, workers=2),
    "map_groups": lambda env, given, schema: udfrunner.map_groups(
        whole, given, schema.names[-1], schema, env=env
    ),
    "apply": lambda env, given, schema: udfrunner.apply(
        number, given, "s", kind="scalar-arrow", return_type=pa.string(), env=env
    ),
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", UNLIKE)
def test_batch_unlike_the_first(shared_env: Env, name: str, way: str) -> None:
    first, other, words = UNLIKE[name]
    batches = iter([first, first, other, first])
    with pytest.raises(udfrunner.Error) as caught:
        WAYS[way](shared_env, batches, first.schema)
    like = "schema=" if way == "compute with schema=" else "batch 0"
    text = f"batch 2: {words.format(like)}"
    error = caught.value
    assert text in error.message
    # As with all that an iterable raises while a task reads it, that is the cause.
    cause = error if isinstance(error, InvalidArgument) else error.__cause__
    assert type(cause) is InvalidArgument
    assert cause.message == text


def test_batches_that_differ_in_what_may_be_null(shared_env: Env) -> None:
    needed = pa.schema([pa.field("n", pa.int64(), False), ("s", pa.string(), False, {"a": "b"})])
    items = pa.list_(pa.field("element", pa.int64(), False))
    for one, two in [
        (FIRST, FIRST.cast(needed)),
        (FIRST.cast(needed), FIRST),
        (batch(n=[[1], [2]]), batch(n=pa.array([[1], [2]], items))),
    ]:
        found = compute(shared_env, iter([one, two]), one.schema)
        assert found.to_pylist() == one.to_pylist() + two.to_pylist()


def test_batch_of_another_kind(shared_env: Env) -> None:
    with pytest.raises(HostError, match="batch 1 of the input is a Table") as caught:
        compute(shared_env, iter([FIRST, pa.table(FIRST)]), FIRST.schema)
    assert isinstance(caught.value.__cause__, InvalidArgument)


@pytest.mark.parametrize("wrap", [lambda t: t, lambda t: t.to_reader(), lambda t: Stream(t)])
@pytest.mark.parametrize("name", UNLIKE)
def test_group_unlike_the_first(
    shared_env: Env, name: str, wrap: Callable[[pa.Table], object]
) -> None:
    first, other, words = UNLIKE[name]
    runner = Runner(EvalType.GROUPED_MAP_ARROW, [[whole]], return_type=first.schema, env=shared_env)
    groups = [wrap(pa.table(each)) for each in (first, first, other)]
    with (
        pytest.raises(HostError) as caught,
        runner,
        runner.compute_groups(iter(groups), keys=1) as out,
    ):
        out.read_all()
    text = f"group 2: {words.format('group 0')}"
    assert text in caught.value.message
    assert isinstance(caught.value.__cause__, InvalidArgument)


def test_side_unlike_the_first_groups(shared_env: Env) -> None:
    runner = Runner(
        EvalType.COGROUPED_MAP_ARROW,
        [["group_functions:arrow_sizes"]],
        return_type="k long, l long, r long",
        env=shared_env,
        includes=[TESTS],
    )
    left, right = pa.table({"k": [1]}), pa.table({"k": [1], "v": [1.5]})
    with runner, runner.compute_groups([(left, right), (left, right)], keys=1) as out:
        assert out.read_all().num_rows == 2
    other = right.set_column(1, "v", pa.array([1]))
    with (
        pytest.raises(
            HostError, match="group 1, right: column 'v' is int64, in group 0 it is doub"
        ),
        runner_again(shared_env) as again,
        again.compute_groups([(left, right), (left, other)], keys=1) as out,
    ):
        out.read_all()


def runner_again(env: Env) -> Runner:
    return Runner(
        EvalType.COGROUPED_MAP_ARROW,
        [["group_functions:arrow_sizes"]],
        return_type="k long, l long, r long",
        env=env,
        includes=[TESTS],
    )


class Stream:
    """A producer of a C stream that is none of pyarrow's classes."""

    def __init__(self, table: pa.Table) -> None:
        self._table = table

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        return self._table.__arrow_c_stream__(requested_schema)


def test_dataset_of_unlike_files(shared_env: Env, tmp_path: Path) -> None:
    """pyarrow casts where it can without loss, and its error about the rest is the package's."""
    pq.write_table(pa.table({"n": [1, 2]}), tmp_path / "0.parquet")
    pq.write_table(pa.table({"n": pa.array([3], pa.int32())}), tmp_path / "1.parquet")
    data = ds.dataset(tmp_path)
    schema = pa.schema([("n", pa.int64())])
    assert map_batches(shared_env, data, schema)["n"].to_pylist() == [1, 2, 3]
    pq.write_table(pa.table({"n": ["x"]}), tmp_path / "1.parquet")
    data = ds.dataset(tmp_path)
    for workers in (1, 2):
        with pytest.raises(HostError):
            map_batches(shared_env, data, schema, workers)
    with pytest.raises(HostError):
        udfrunner.map_groups(whole, data, "n", schema, env=shared_env)
