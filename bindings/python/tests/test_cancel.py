"""Cancel, deadline, Ctrl-C: bounded, and nothing is left behind."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pytest
from conftest import children, eventually

import udfrunner
from udfrunner import Env, EvalType, Runner

TABLE = pa.table({"a": [1, 2, 3]})
#: Seconds that ending a task may take on a busy machine; the function sleeps an hour.
BOUND = 5


def sleeper(env: Env) -> Runner:
    return Runner(EvalType.SCALAR_PANDAS, [["functions:sleep"]], [[0]], "long", env=env)


def ended_fast(start: float) -> bool:
    return time.monotonic() - start < BOUND


@pytest.mark.parametrize("of", ["iterator", "runner"])
def test_cancel_from_another_thread(env: Env, of: str) -> None:
    runner = sleeper(env)
    with runner.compute(TABLE) as out:
        target = out if of == "iterator" else runner
        start: list[float] = []

        def cancel() -> None:
            start.append(time.monotonic())
            target.cancel("enough")

        threading.Timer(0.5, cancel).start()
        with pytest.raises(udfrunner.Cancelled, match="enough"):
            next(out)
        assert ended_fast(start[0])
        with pytest.raises(udfrunner.Cancelled):
            next(out)


def test_close_from_another_thread(env: Env) -> None:
    out = sleeper(env).compute(TABLE)
    threading.Timer(0.5, out.close).start()
    with pytest.raises((udfrunner.Cancelled, udfrunner.InvalidState)):
        next(out)


def test_cancel_from_the_input(env: Env) -> None:
    def batches() -> Iterator[pa.RecordBatch]:
        for _ in range(10):
            yield from TABLE.to_batches()
        out.cancel("by the input")
        while True:
            yield from TABLE.to_batches()

    runner = Runner(EvalType.SCALAR_ARROW, [["functions:arrow_plus_one"]], [[0]], "long", env=env)
    out = runner.compute(batches(), schema=TABLE.schema)
    with out, pytest.raises(udfrunner.Cancelled, match="by the input"):
        list(out)


def test_cancel_after_the_end_changes_nothing(env: Env) -> None:
    runner = Runner(EvalType.SCALAR_ARROW, [["functions:arrow_plus_one"]], [[0]], "long", env=env)
    with runner.compute(TABLE) as out:
        assert len(list(out)) == 1
        out.cancel("too late")
        assert list(out) == []


def test_deadline(env: Env) -> None:
    start = time.monotonic()
    with (
        sleeper(env).compute(TABLE, deadline=1.0) as out,
        pytest.raises(udfrunner.DeadlineExceeded),
    ):
        next(out)
    assert ended_fast(start)


@pytest.mark.parametrize("deadline", [0, -1, float("nan"), 2.0**60])
def test_bad_deadline(env: Env, deadline: float) -> None:
    with pytest.raises(udfrunner.InvalidArgument, match="deadline"):
        sleeper(env).compute(TABLE, deadline=deadline)


PROGRAM = """
import sys, threading
import pyarrow as pa, udfrunner
from conftest import children
t = pa.table({"a": list(range(1000))})
env = udfrunner.Env()
runner = udfrunner.Runner(200, [["functions:sleep"]], [[0]], "long", env=env)
try:
    if sys.argv[1] == "batches":
        with runner.compute(t) as out:
            print("ready", flush=True)
            list(out)
    elif sys.argv[1] == "rows":
        rows = udfrunner.Runner(100, [["functions:sleep"]], [[0]], "long", env=env)
        with rows.compute_rows([(1,)]) as out:
            print("ready", flush=True)
            list(out)
    else:
        print("ready", flush=True)
        udfrunner.apply("functions:sleep", t, "a", kind="scalar-pandas", return_type="long",
                        workers=2, env=env)
except KeyboardInterrupt:
    print("interrupted", flush=True)
runner.close()
env.close()
from conftest import eventually
assert eventually(lambda: not children()), children()
print("clean", flush=True)
"""


@pytest.mark.parametrize("what", ["batches", "rows", "apply"])
def test_ctrl_c(tmp_path: Path, what: str) -> None:
    program = tmp_path / "program.py"
    program.write_text(PROGRAM)
    with subprocess.Popen(
        [sys.executable, program, what], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        assert eventually(lambda: len(children(process.pid)) > 0)
        start = time.monotonic()
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=30)
    assert out.split() == ["interrupted", "clean"], err
    assert process.returncode == 0
    assert ended_fast(start)


def test_interrupt_inside_the_input(env: Env) -> None:
    def batches() -> Iterator[pa.RecordBatch]:
        yield from TABLE.to_batches()
        raise KeyboardInterrupt

    runner = Runner(EvalType.SCALAR_ARROW, [["functions:arrow_plus_one"]], [[0]], "long", env=env)
    out = runner.compute(batches(), schema=TABLE.schema)
    with pytest.raises(KeyboardInterrupt):
        list(out)
    assert out.closed
