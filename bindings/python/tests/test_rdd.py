"""Functions of RDDs (eval type 0): any objects in and out, in PySpark's own batches."""

from __future__ import annotations

import pickle
from collections.abc import Iterator

import group_functions as g
import pytest
from conftest import TESTS
from pyspark.serializers import AutoBatchedSerializer, CPickleSerializer, NoOpSerializer
from pyspark.serializers import CloudPickleSerializer as Pickler

import udfrunner
from udfrunner import Env, EvalType, Runner


def test_objects(shared_env: Env) -> None:
    """Values of any kind, more than a batch, from an iterator."""
    values = [None, 1, "text", (1, 2), [3], {"a": b"\0"}, *range(1_000)]
    runner = Runner(EvalType.NON_UDF, [[g.rdd_numbered]], env=shared_env, includes=[TESTS])
    with runner, runner.compute_rows(iter(values), partition=3) as out:
        assert list(out) == [(3, value) for value in values]


def test_other_number_of_results(shared_env: Env) -> None:
    def flat_map(index: int, values: Iterator[int]) -> Iterator[int]:
        for value in values:
            yield from range(value)
        yield -1

    runner = Runner(EvalType.NON_UDF, [[flat_map]], env=shared_env)
    with runner, runner.compute_rows([2, 0, 3]) as out:
        assert list(out) == [0, 1, 0, 1, 2, -1]
    runner = Runner(EvalType.NON_UDF, [[flat_map]], env=shared_env)
    with runner, runner.compute_rows([]) as out:
        assert list(out) == [-1]


def test_accumulators(shared_env: Env) -> None:
    def count(index: int, values: Iterator[int]) -> Iterator[int]:
        from pyspark.accumulators import Accumulator, AddingAccumulatorParam, _accumulatorRegistry

        accumulator = Accumulator(77, 0, AddingAccumulatorParam(0))
        _accumulatorRegistry[77] = accumulator
        for value in values:
            accumulator += value
        yield from ()

    runner = Runner(EvalType.NON_UDF, [[count]], env=shared_env)
    with runner, runner.compute_rows([1, 2, 3]) as out:
        assert list(out) == []
    assert out.accumulators == [(77, 6)]


def test_too_many_accumulators_end_the_task(shared_env: Env) -> None:
    def count(index: int, values: Iterator[int]) -> Iterator[int]:
        from pyspark.accumulators import Accumulator, AddingAccumulatorParam, _accumulatorRegistry

        for key in range(5):
            _accumulatorRegistry[key] = Accumulator(key, 0, AddingAccumulatorParam(0))
        yield from ()

    for key, limit, allowed in [
        ("udfrunner.accumulators.count", 4, "5 accumulator updates, at most 4 are allowed"),
        ("udfrunner.accumulators.bytes", 9, "at most 9 are allowed"),
    ]:
        runner = Runner(EvalType.NON_UDF, [[count]], env=shared_env, conf={key: limit})
        expected = pytest.raises(udfrunner.NoMemory, match=f"{allowed} .{key}")
        with runner, runner.compute_rows([1]) as out, expected:
            list(out)


def test_records_of_the_commands_own_serializers(shared_env: Env) -> None:
    """A pickled command with other serializers: records pass as they are."""

    def reverse(index: int, values: Iterator[bytes]) -> Iterator[bytes]:
        return (value[::-1] for value in values)

    command = Pickler().dumps((reverse, None, NoOpSerializer(), NoOpSerializer()))
    with Runner(EvalType.NON_UDF, [[command]], env=shared_env) as runner:
        records = [b"abc", b"", bytes(100_000), b"\0\xff"]
        with runner.compute_records(records) as out:
            assert list(out) == [record[::-1] for record in records]


def test_records_are_batches(shared_env: Env) -> None:
    serializer = AutoBatchedSerializer(CPickleSerializer())
    command = Pickler().dumps((lambda index, values: values, None, serializer, serializer))
    with Runner(EvalType.NON_UDF, [[command]], env=shared_env) as runner:
        with runner.compute_records([pickle.dumps([1, 2]), pickle.dumps([3])]) as out:
            assert [value for record in out for value in pickle.loads(record)] == [1, 2, 3]
        with runner.compute_rows([1, 2, 3]) as out:
            assert list(out) == [1, 2, 3]


def test_records_of_a_row_function(shared_env: Env) -> None:
    runner = Runner(EvalType.BATCHED, [["functions:plus_one"]], [[0]], "long", env=shared_env)
    with runner, runner.compute_records([pickle.dumps([(1,), (2,)])]) as out:
        assert [pickle.loads(record) for record in out] == [[2, 3]]


@pytest.mark.parametrize("record", [7, "text", bytearray(b"x")])
def test_no_record(shared_env: Env, record: object) -> None:
    runner = Runner(EvalType.BATCHED, [["functions:plus_one"]], [[0]], "long", env=shared_env)
    with (
        runner,
        pytest.raises(udfrunner.HostError, match="bytes are needed") as caught,
        runner.compute_records([record]) as out,  # type: ignore[list-item]
    ):
        list(out)
    assert isinstance(caught.value.__cause__, udfrunner.InvalidArgument)


def test_bad_arguments(shared_env: Env) -> None:
    with pytest.raises(udfrunner.InvalidArgument, match="takes none"):
        Runner(EvalType.NON_UDF, [[g.rdd_numbered]], [[0]], env=shared_env)
    with pytest.raises(udfrunner.InvalidArgument, match="reference"):
        Runner(EvalType.NON_UDF, [["group_functions:rdd_numbered"]], env=shared_env)
    with pytest.raises(udfrunner.InvalidArgument, match="takes one"):
        Runner(EvalType.NON_UDF, [[g.rdd_numbered] * 2], env=shared_env)
    runner = Runner(EvalType.NON_UDF, [[g.rdd_numbered]], env=shared_env)
    with runner, pytest.raises(udfrunner.NotSupported, match="compute_rows instead of compute"):
        runner.compute([1])
    runner = Runner(
        EvalType.SCALAR_ARROW, [["functions:arrow_plus_one"]], [[0]], "long", env=shared_env
    )
    with runner, pytest.raises(udfrunner.NotSupported, match="instead of compute_records"):
        runner.compute_records([b""])
