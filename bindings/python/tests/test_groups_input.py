"""Groups that the caller forms: how they are pulled, what they may be, and what goes wrong."""

from __future__ import annotations

import gc
import itertools
import threading
from collections.abc import Callable, Iterator
from typing import Any

import group_functions as g
import pyarrow as pa
import pytest
from conftest import TESTS
from test_eval_types import OnlyStream

import udfrunner
from udfrunner import Env, EvalType, Runner

TABLE = pa.table({"k": [1, 1, 1], "v": [1.0, 2.0, 4.0]})
SPAN = {"k": 1, "n": 3, "span": 3.0}


def spans(env: Env, eval_type: EvalType = EvalType.GROUPED_MAP_ARROW) -> Runner:
    function = g.arrow_span if eval_type == EvalType.GROUPED_MAP_ARROW else g.pandas_span
    return Runner(
        eval_type,
        [[function]],
        return_type="k long, n long, span double",
        env=env,
        includes=[TESTS],
    )


def sizes(env: Env) -> Runner:
    return Runner(
        EvalType.COGROUPED_MAP_ARROW,
        [[g.arrow_sizes]],
        return_type="k long, l long, r long",
        env=env,
        includes=[TESTS],
    )


FORMS: dict[str, Callable[[], Any]] = {
    "table": lambda: TABLE,
    "batch": lambda: TABLE.to_batches()[0],
    "reader": lambda: TABLE.to_reader(max_chunksize=1),
    "batches": lambda: TABLE.to_batches(max_chunksize=2),
    "generator": lambda: iter(TABLE.to_batches(max_chunksize=2)),
    "stream": lambda: OnlyStream(TABLE),
    "pandas": lambda: TABLE.to_pandas(),
}


@pytest.mark.parametrize("form", FORMS)
def test_group_in_every_form(shared_env: Env, form: str) -> None:
    groups = [FORMS[form](), FORMS[form]()]
    with spans(shared_env) as runner, runner.compute_groups(groups, keys=1) as out:
        assert out.read_all().to_pylist() == [SPAN, SPAN]


def test_pair_of_every_form(shared_env: Env) -> None:
    pairs = list(itertools.combinations_with_replacement(FORMS, 2))
    groups = ((FORMS[left](), FORMS[right]()) for left, right in pairs)
    with sizes(shared_env) as runner, runner.compute_groups(groups, keys=1) as out:
        assert out.read_all().to_pylist() == [{"k": 1, "l": 3, "r": 3}] * len(pairs)


def test_schema_of_batches(shared_env: Env) -> None:
    with spans(shared_env) as runner:
        groups = [TABLE.to_batches(), iter(TABLE.to_batches())]
        with runner.compute_groups(groups, keys=1, schema=TABLE.schema) as out:
            assert out.read_all().to_pylist() == [SPAN, SPAN]


@pytest.mark.parametrize("eval_type", [EvalType.GROUPED_MAP_PANDAS, EvalType.GROUPED_AGG_PANDAS])
def test_empty_group(shared_env: Env, eval_type: EvalType) -> None:
    def rows(*values: Any) -> Any:
        import pandas as pd

        size = len(values[-1])
        return pd.DataFrame({"n": [size]}) if hasattr(values[-1], "columns") else size

    is_map = eval_type == EvalType.GROUPED_MAP_PANDAS
    runner = Runner(
        eval_type,
        [[lambda frame: rows(frame)]],
        None if is_map else [[1]],
        "n long" if is_map else "long",
        env=shared_env,
    )
    groups = [TABLE, TABLE.slice(0, 0), TABLE.slice(0, 2)]
    with runner, runner.compute_groups(groups) as out:
        assert out.read_all().column(0).to_pylist() == [3, 0, 2]


def test_no_group(shared_env: Env) -> None:
    with spans(shared_env) as runner, runner.compute_groups([], keys=1) as out:
        table = out.read_all()
    assert (table.num_rows, table.column_names) == (0, ["k", "n", "span"])
    with sizes(shared_env) as runner, runner.compute_groups(iter(()), keys=1) as out:
        assert out.read_all().num_rows == 0


def test_empty_stream_has_no_group(shared_env: Env) -> None:
    with spans(shared_env) as runner, runner.compute(TABLE.slice(0, 0), keys=1) as out:
        assert out.read_all().num_rows == 0


def test_sides_may_be_empty(shared_env: Env) -> None:
    def sizes_of(left, right):
        import pandas as pd

        return pd.DataFrame({"l": [len(left)], "r": [len(right)]})

    runner = Runner(
        EvalType.COGROUPED_MAP_PANDAS, [[sizes_of]], return_type="l long, r long", env=shared_env
    )
    empty = TABLE.slice(0, 0)
    with runner, runner.compute_groups([(TABLE, empty), (empty, TABLE)], keys=1) as out:
        assert out.read_all().to_pylist() == [{"l": 3, "r": 0}, {"l": 0, "r": 3}]


def test_groups_are_pulled_lazily_on_the_reading_thread(shared_env: Env) -> None:
    threads: set[int] = set()
    pulled = 0

    def groups() -> Iterator[pa.Table]:
        nonlocal pulled
        for k in range(10_000):
            threads.add(threading.get_ident())
            pulled += 1
            yield pa.table({"k": [k] * 1_000, "v": pa.array([0.5] * 1_000)})

    with spans(shared_env) as runner, runner.compute_groups(groups(), keys=1) as out:
        assert pulled == 0
        assert next(out)["k"].to_pylist() == [0]
        assert 0 < pulled < 10_000
    assert threads == {threading.get_ident()}


def test_generator_is_closed_with_the_task(shared_env: Env) -> None:
    closed = False

    def groups() -> Iterator[pa.Table]:
        nonlocal closed
        try:
            for _ in range(1_000_000):
                yield TABLE
        finally:
            closed = True

    with spans(shared_env) as runner, runner.compute_groups(groups(), keys=1) as out:
        next(out)
        assert not closed
    assert closed


# -------------------------------------------------------------------------- errors


class Broken(Exception):
    pass


def test_iterable_that_raises(shared_env: Env) -> None:
    def groups() -> Iterator[pa.Table]:
        yield TABLE
        raise Broken("no more")

    with spans(shared_env) as runner:
        with (
            pytest.raises(udfrunner.HostError, match="Broken: no more") as caught,
            runner.compute_groups(groups(), keys=1) as out,
        ):
            list(out)
        assert isinstance(caught.value.__cause__, Broken)
        with runner.compute_groups([TABLE], keys=1) as out:
            assert out.read_all().to_pylist() == [SPAN]


@pytest.mark.parametrize("first", [0, 1], ids=["first batch", "later batch"])
def test_batches_of_a_group_that_raise(shared_env: Env, first: int) -> None:
    def batches() -> Iterator[pa.RecordBatch]:
        yield from TABLE.to_batches()[:first]
        raise Broken("no more")

    with (
        spans(shared_env) as runner,
        pytest.raises(udfrunner.HostError, match="no more") as caught,
        runner.compute_groups([TABLE, batches()], keys=1) as out,
    ):
        list(out)
    assert isinstance(caught.value.__cause__, Broken)


def test_second_side_that_fails_releases_the_first(shared_env: Env) -> None:
    released = []

    def batches() -> Iterator[pa.RecordBatch]:
        try:
            yield from TABLE.to_batches(max_chunksize=1)
        finally:
            released.append("left")

    def groups() -> Iterator[tuple[object, object]]:
        left = pa.RecordBatchReader.from_batches(TABLE.schema, batches())
        left.read_next_batch()
        yield left, 7

    def run(runner: Runner) -> None:
        with runner.compute_groups(groups(), keys=1) as out:
            list(out)

    with sizes(shared_env) as runner:
        with pytest.raises(udfrunner.HostError, match="input of type int: Arrow data is needed"):
            run(runner)
        gc.collect()
        assert released == ["left"]


@pytest.mark.parametrize(
    ("group", "text"),
    [
        ((TABLE, TABLE), "group 1 is a tuple of 2: .* one input per group"),
        (7, "input of type int"),
        (None, "input of type NoneType"),
        ([], "schema= is needed"),
        ([7], "batch 0 of the input is a int"),
    ],
)
def test_no_group_of_one_input(shared_env: Env, group: object, text: str) -> None:
    with (
        spans(shared_env) as runner,
        pytest.raises(udfrunner.HostError, match=text) as caught,
        runner.compute_groups([TABLE, group], keys=1) as out,
    ):
        list(out)
    assert isinstance(caught.value.__cause__, udfrunner.InvalidArgument)


@pytest.mark.parametrize(
    ("group", "text"),
    [
        (TABLE, "group 1 is a Table: .* a pair"),
        ((TABLE,), "group 1 is a tuple of 1: .* a pair"),
        ([TABLE, TABLE, TABLE], "group 1 is a list of 3: .* a pair"),
    ],
)
def test_no_pair(shared_env: Env, group: object, text: str) -> None:
    with (
        sizes(shared_env) as runner,
        pytest.raises(udfrunner.HostError, match=text) as caught,
        runner.compute_groups([(TABLE, TABLE), group], keys=1) as out,
    ):
        list(out)
    assert isinstance(caught.value.__cause__, udfrunner.InvalidArgument)


def test_group_of_another_schema(shared_env: Env) -> None:
    other = TABLE.set_column(1, "v", pa.array(["a", "b", "c"]))
    with (
        spans(shared_env) as runner,
        pytest.raises(udfrunner.HostError, match=r"group 1\b.*v"),
        runner.compute_groups([TABLE, other], keys=1) as out,
    ):
        list(out)


def test_more_keys_than_columns(shared_env: Env) -> None:
    with spans(shared_env) as runner:
        for start in (runner.compute, lambda data, keys: runner.compute_groups([data], keys=keys)):
            with (
                pytest.raises(udfrunner.InvalidArgument, match="keys 3, the input has 2 columns"),
                start(TABLE, keys=3) as out,
            ):
                list(out)


@pytest.mark.parametrize("keys", [-1, 2**31, "k", 1.0])
def test_keys_that_are_no_count(shared_env: Env, keys: object) -> None:
    with (
        spans(shared_env) as runner,
        pytest.raises(udfrunner.InvalidArgument, match="keys"),
        runner.compute(TABLE, keys=keys) as out,  # type: ignore[arg-type]
    ):
        list(out)


@pytest.mark.parametrize("groups", [None, 7, "text", {"a": TABLE}])
def test_groups_that_are_no_iterable(shared_env: Env, groups: object) -> None:
    with (
        spans(shared_env) as runner,
        pytest.raises(udfrunner.InvalidArgument, match="an iterable of Arrow data"),
    ):
        runner.compute_groups(groups)  # type: ignore[arg-type]


def test_types_without_groups(shared_env: Env) -> None:
    runner = Runner(
        EvalType.SCALAR_ARROW, [["functions:arrow_plus_one"]], [[0]], "long", env=shared_env
    )
    with runner, pytest.raises(udfrunner.NotSupported, match="SCALAR_ARROW"):
        runner.compute_groups([TABLE])
    rows = Runner(EvalType.BATCHED, [["functions:plus_one"]], [[0]], "long", env=shared_env)
    with rows, pytest.raises(udfrunner.NotSupported, match="compute_rows instead of compute_gr"):
        rows.compute_groups([TABLE])


def test_pulling_is_interrupted(shared_env: Env) -> None:
    def groups() -> Iterator[pa.Table]:
        yield TABLE
        raise KeyboardInterrupt

    with spans(shared_env) as runner:
        out = runner.compute_groups(groups(), keys=1)
        with pytest.raises(KeyboardInterrupt):
            list(out)
        assert out.closed


# ----------------------------------------------------------------- wrong results


@pytest.mark.parametrize(
    ("eval_type", "kind"),
    [
        (EvalType.GROUPED_MAP_PANDAS, "pandas"),
        (EvalType.GROUPED_MAP_ARROW, "arrow"),
    ],
)
def test_wrong_columns(shared_env: Env, eval_type: EvalType, kind: str) -> None:
    def wrong(rows):
        import pandas as pd
        import pyarrow as pa

        frame = pd.DataFrame({"other": [1]})
        return frame if isinstance(rows, pd.DataFrame) else pa.Table.from_pandas(frame)

    runner = Runner(eval_type, [[wrong]], return_type="k long", env=shared_env)
    with (
        runner,
        pytest.raises(udfrunner.PythonException, match=r"(?s)column.*\bk\b.*other|\bk\b"),
        runner.compute(TABLE, keys=1) as out,
    ):
        list(out)


def test_exception_in_the_function(shared_env: Env) -> None:
    def fail(frame):
        raise ValueError(f"no good: {len(frame)}")

    runner = Runner(EvalType.GROUPED_MAP_PANDAS, [[fail]], return_type="k long", env=shared_env)
    with (
        runner,
        pytest.raises(udfrunner.PythonException, match="no good: 3") as caught,
        runner.compute_groups([TABLE], keys=1) as out,
    ):
        list(out)
    assert "in fail" in caught.value.traceback


@pytest.mark.parametrize("return_type", ["long", pa.int64()])
def test_return_type_that_is_no_struct(shared_env: Env, return_type: object) -> None:
    with pytest.raises(udfrunner.InvalidArgument, match="must be a struct"):
        Runner(
            EvalType.GROUPED_MAP_ARROW, [[g.arrow_span]], return_type=return_type, env=shared_env
        )
