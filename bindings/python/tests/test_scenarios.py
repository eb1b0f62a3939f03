"""The scenarios of capi/tests/scenarios.txt, which C, Python and Java have in common."""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from conftest import REPOSITORY, TESTS

import udfrunner
from udfrunner import Env, EvalType, Runner, _abi
from udfrunner._library import library

TABLE = pa.table({"a": [1, 2, 3]})
LIST = REPOSITORY / "capi" / "tests" / "scenarios.txt"
PANIC_LIBRARY = REPOSITORY / "build" / "tests" / "libudfrunner-panichook.so"

#: In which folder, with which ending and by which text a test of a language is found.
LANGUAGES = (
    (REPOSITORY / "capi" / "tests", ".c", "TEST({})"),
    (TESTS, ".py", "def {}("),
    (REPOSITORY / "bindings/java/src/test/java/org/udfrunner", ".java", "  void {}()"),
)


def scenarios() -> list[list[str]]:
    """The list: for each scenario its name and the tests of the languages."""
    lines = LIST.read_text().splitlines()
    return [line.split() for line in lines if line and not line.startswith("#")]


@pytest.mark.parametrize("scenario", scenarios(), ids=lambda scenario: scenario[0])
def test_each_language_has_it(scenario: list[str]) -> None:
    _, *tests = scenario
    for test, (folder, ending, pattern) in zip(tests, LANGUAGES, strict=True):
        file, name = test.split(":")
        source = (folder / file).with_suffix(ending).read_text()
        assert pattern.format(name) in source, f"{test} is not there"


def test_each_is_there_once() -> None:
    names = [name for name, *_ in scenarios()]
    assert len(names) == len(set(names))


def plus_one(env: Env) -> Runner:
    return Runner(EvalType.SCALAR_PANDAS, [["functions:pandas_plus_one"]], [[0]], "long", env=env)


def works(env: Env) -> bool:
    with plus_one(env).compute(TABLE) as out:
        return bool(out.read_all()["_0"].to_pylist() == [2, 3, 4])


def test_create(env: Env) -> None:
    assert env.stats()["tasks"]["started"] == 0
    with plus_one(env) as runner:
        assert runner.eval_type == EvalType.SCALAR_PANDAS
    with pytest.raises(udfrunner.InvalidArgument, match=r"udfrunner\.no\.such"):
        Env({"udfrunner.no.such": "1"})


def test_compute(env: Env) -> None:
    assert works(env)
    assert works(env)
    assert env.stats()["tasks"]["done"] == 2


def test_pickled_rows(env: Env) -> None:
    runner = Runner(EvalType.BATCHED, [["functions:plus_one"]], [[0]], "long", env=env)
    with runner.compute_rows([(1,), (2,)]) as out:
        assert list(out) == [2, 3]


def test_protocol_garbage(env: Env) -> None:
    function = [["functions:write_garbage"]]
    runner = Runner(EvalType.SCALAR_PANDAS, function, [[0]], "long", env=env)
    with pytest.raises(udfrunner.ProtocolError) as caught, runner.compute(TABLE) as out:
        next(out)
    assert caught.value.cause == "protocol"
    assert works(env)


def test_double_close(env: Env) -> None:
    runner = plus_one(env)
    out = runner.compute(TABLE)
    other = Env()
    for _ in range(2):
        out.close()
        runner.close()
        other.close()
    assert works(env)


def stats_of(handle: Any) -> None:
    data = _abi.Bytes()
    library().call("udfrunner_env_stats", handle, ctypes.byref(data))


def test_stale_handle(env: Env) -> None:
    other = Env()
    stale = ctypes.c_void_p(other._handle.value)
    runner = plus_one(other)
    out = runner.compute(TABLE)
    other.close()
    with pytest.raises(udfrunner.InvalidHandle):
        stats_of(stale)
    with pytest.raises(udfrunner.Cancelled):
        runner.compute(TABLE)
    with pytest.raises(udfrunner.Cancelled):
        next(out)
    out.close()
    with pytest.raises(udfrunner.InvalidState):
        next(out)
    assert works(env)


def test_wrong_kind(env: Env) -> None:
    runner = plus_one(env)
    for handle in (runner._handle, ctypes.c_void_p(1234567)):
        with pytest.raises(udfrunner.InvalidHandle):
            stats_of(handle)
    # A runner's handle is no iterator's: nothing is closed by it.
    copy = ctypes.c_void_p(runner._handle.value)
    assert library().plain("iterator_close", ctypes.byref(copy)) == _abi.UDFRUNNER_INVALID_HANDLE
    assert not copy.value
    with runner.compute(TABLE) as out:
        assert out.read_all().num_rows == 3


def test_absent_arguments(env: Env) -> None:
    out = ctypes.c_void_p()
    with pytest.raises(udfrunner.InvalidArgument):
        library().call("udfrunner_env_create", None, 1, ctypes.byref(out))
    with pytest.raises(udfrunner.InvalidArgument):
        library().call("udfrunner_env_create", None, 0, None)
    with pytest.raises(udfrunner.InvalidHandle):
        library().call("iterator_event_fd", None, ctypes.byref(ctypes.c_int32()))
    with pytest.raises(udfrunner.InvalidArgument, match=r"chains \[\]"):
        Runner(EvalType.SCALAR_PANDAS, [], [], "long", env=env)
    assert works(env)


PANICS = """
import ctypes
import pyarrow as pa
import udfrunner
from udfrunner import Env, EvalType, Runner
from udfrunner._library import library

panic_in = ctypes.CDLL(library().path).udfrunner_test_panic
table = pa.table({"a": [1, 2, 3]})


def caught(call):
    try:
        call()
    except udfrunner.InternalError as error:
        return error
    raise AssertionError("no panic")


with Env() as env:
    runner = Runner(
        EvalType.SCALAR_PANDAS, [["functions:pandas_plus_one"]], [[0]], "long", env=env
    )
    out, beside = runner.compute(table), runner.compute(table)
    panic_in(b"iterator_next_arrow")
    assert "goroutine" in caught(lambda: next(out)).details["go.panic"]
    caught(lambda: next(out))
    assert beside.read_all()["_0"].to_pylist() == [2, 3, 4]
    out.close()
    panic_in(b"runner_compute")
    caught(lambda: runner.compute(table))
    caught(lambda: runner.compute(table))
panic_in(b"udfrunner_env_create")
caught(Env)
Env().close()
print("survived 3 panics")
"""


def test_panic_hook(tmp_path: Path) -> None:
    if not PANIC_LIBRARY.is_file():
        pytest.fail(f"{PANIC_LIBRARY} is missing: run `make test-python`")
    run = subprocess.run(
        [sys.executable, "-c", PANICS],
        env={**os.environ, "UDFRUNNER_LIBRARY": str(PANIC_LIBRARY)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (run.returncode, run.stdout) == (0, "survived 3 panics\n"), run.stderr
