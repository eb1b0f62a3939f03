"""Large containers in closures: sent once, and never out of date."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest

import udfrunner
from udfrunner import Env, _shared
from udfrunner._functions import Chain

SIZE = _shared.LEAST
TABLE = pa.table({"x": [0, 1]})
GLOBAL = {i: i for i in range(SIZE)}


@pytest.fixture(autouse=True)
def nothing_kept() -> Iterator[None]:
    """Files in memory go with what is kept of them."""
    yield
    _shared._kept.clear()


def look_up(table: Any) -> Callable[[pd.Series], pd.Series]:
    def function(x: pd.Series) -> pd.Series:
        import os

        return x.map(lambda key: repr((os.getpid(), table[key], len(table))))

    return function


def results(function: Any, env: Env, **options: Any) -> list[Any]:
    found = udfrunner.apply(function, TABLE, "x", return_type="string", env=env, **options)
    return [eval(each) for each in found.to_pylist()]


def test_sent_once(shared_env: Env) -> None:
    table = {i: f"value {i}" for i in range(SIZE)}
    function = look_up(table)
    first = Chain(200, [function], [0], None, share=True)
    again = Chain(200, [look_up(table)], [0], None, share=True)
    for chain in (first, again):
        assert len(chain.shared) == 1
        assert all(len(pickle) < 5_000 for pickle, _ in chain._specs if pickle)
    assert first.shared[0] is again.shared[0]

    def kept(x: pd.Series) -> pd.Series:
        import sys

        assert len(table) == SIZE
        values = sys.modules["udfrunner_daemon.shared"]._values  # type: ignore[attr-defined]
        return x.map(lambda _: repr([(key, id(value)) for key, value in values.items()]))

    before, after = results(kept, shared_env), results(kept, shared_env)
    assert before == after  # Read once: the same object, of the same key.
    assert [key for key, _ in before[0]] == [first.shared[0].key]


def test_never_out_of_date(shared_env: Env) -> None:
    table: dict[int, Any] = {i: i for i in range(SIZE)}
    function = look_up(table)
    (pid, zero, size), (_, one, _) = results(function, shared_env)
    assert (zero, one, size) == (0, 1, SIZE)

    def becomes(expected: tuple[Any, Any, int]) -> None:
        (now, zero, size), (_, one, _) = results(function, shared_env)
        assert (repr((zero, one, size)), now) == (repr(expected), pid)

    becomes((0, 1, SIZE))
    table[0] = -5  # another value
    becomes((-5, 1, SIZE))
    table[1] = True  # an equal one of another type
    becomes((-5, True, SIZE))
    del table[SIZE - 1]  # fewer: less than what is shared
    becomes((-5, True, SIZE - 1))
    table[SIZE] = table[-1] = 7
    becomes((-5, True, SIZE + 1))
    table[0] = [1]  # one that may change, and does
    becomes(([1], True, SIZE + 1))
    table[0].append(2)
    becomes(([1, 2], True, SIZE + 1))
    table[0] = 0
    becomes((0, True, SIZE + 1))
    first = table.pop(0)  # the order of a dict is seen, too
    table[0] = first

    def last_key(x: pd.Series) -> pd.Series:
        return x.map(lambda _: repr(list(table)[-1]))

    assert results(last_key, shared_env) == [0, 0]


def test_each_task_has_a_copy(shared_env: Env) -> None:
    table = {i: i for i in range(SIZE)}

    def changes(x: pd.Series) -> pd.Series:
        table[-1] = table.get(-1, 0) + 1
        return x.map(lambda _: repr(table[-1]))

    for _ in range(3):
        assert results(changes, shared_env) == [1, 1]


def test_wherever_a_function_has_it(shared_env: Env) -> None:
    items = list(range(SIZE))
    names = frozenset(map(str, items))

    def uses(x: pd.Series, default: Any = tuple(items)) -> pd.Series:
        same = items is local()
        seen = (GLOBAL[7], items[7], default[7], "7" in names, same, type(default), type(names))
        return x.map(lambda _: repr([repr(each) for each in seen]))

    def local() -> list[int]:
        return items

    expected = ["7", "7", "7", "True", "True", "<class 'tuple'>", "<class 'frozenset'>"]
    chain = Chain(200, [uses], [0], None, share=True)
    assert len(chain.shared) == 4
    assert results(uses, shared_env, includes=[]) == [expected, expected]


def test_more_than_are_kept(shared_env: Env) -> None:
    tables = [{i: i + n for i in range(SIZE)} for n in range(_shared.KEPT + 2)]
    a, b, c, d, e, f = tables

    def uses(x: pd.Series) -> pd.Series:
        return x.map(lambda _: repr([each[0] for each in (a, b, c, d, e, f)]))

    for _ in range(2):
        assert results(uses, shared_env, workers=2) == [[0, 1, 2, 3, 4, 5]] * 2


@pytest.mark.parametrize("key", ["udfrunner.worker.launcher", "spark.python.daemon.module"])
def test_workers_that_cannot_read_it(key: str) -> None:
    value = {"udfrunner.worker.launcher": "env", "spark.python.daemon.module": "pyspark.daemon"}
    with Env({key: value[key]}) as env:
        assert results(look_up(GLOBAL), env)[1][1:] == (1, SIZE)
    assert not _shared._kept


def test_host_that_is_not_dumpable() -> None:
    """Its descriptors are root's to see: workers of another user could read no file of it."""
    program = """
import ctypes, os
from udfrunner import _shared
os.setuid(65534)
libc = ctypes.CDLL(None)
libc.prctl(4, 1, 0, 0, 0)  # PR_SET_DUMPABLE: a change of the user has taken it
print(_shared.may_share(None, {"some.key": "1"}))
libc.prctl(4, 0, 0, 0, 0)
print(_shared.may_share())
"""
    if os.geteuid() != 0:
        program = program.replace("os.setuid(65534)", "")
    run = [sys.executable, "-c", program]
    found = subprocess.run(run, capture_output=True, text=True, check=False, timeout=60)
    assert (found.stdout.split(), found.stderr) == (["True", "False"], "")


def test_row_functions(shared_env: Env) -> None:
    table = {i: str(i) for i in range(SIZE)}
    for kind in ("batched", "arrow-batched"):
        found = udfrunner.apply(
            lambda x: table[x], TABLE, "x", kind=kind, return_type="string", env=shared_env
        )
        assert found.to_pylist() == ["0", "1"]
