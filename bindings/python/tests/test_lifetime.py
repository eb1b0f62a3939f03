"""What outlives what: closing in any order, garbage collection, exported streams, threads."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
import threading
import weakref
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pyarrow as pa
import pytest
from conftest import children, eventually

import udfrunner
from udfrunner import Env, EvalType, Runner

TABLE = pa.table({"a": list(range(1000))})


def plus_one(env: Env | None) -> Runner:
    return Runner(EvalType.SCALAR_ARROW, [["functions:arrow_plus_one"]], [[0]], "long", env=env)


def endless() -> Iterator[pa.RecordBatch]:
    while True:
        yield from TABLE.to_batches()


def test_batches_outlive_everything() -> None:
    with Env() as env, plus_one(env) as runner, runner.compute(TABLE) as out:
        batches = list(out)
    assert udfrunner.shutdown(timeout=20)
    assert pa.Table.from_batches(batches)["_0"].to_pylist() == list(range(1, 1001))


def test_shutdown_ends_running_tasks_and_new_envs_work() -> None:
    with (
        Env() as env,
        plus_one(env) as runner,
        runner.compute(endless(), schema=TABLE.schema) as out,
    ):
        next(out)
        assert udfrunner.shutdown(timeout=20)
        with pytest.raises(udfrunner.Cancelled):
            list(out)
    with Env() as env, plus_one(env) as runner, runner.compute(TABLE) as out:
        assert out.read_all().num_rows == 1000


def test_default_env() -> None:
    with plus_one(None) as runner, runner.compute(TABLE) as out:
        assert out.read_all().num_rows == 1000
    assert udfrunner.shutdown(timeout=20)


def test_env_closed_before_its_iterators(env: Env) -> None:
    runner = plus_one(env)
    out = runner.compute(endless(), schema=TABLE.schema)
    next(out)
    env.close()
    with pytest.raises(udfrunner.Cancelled):
        list(out)
    runner.close()
    out.close()
    assert out.closed


def test_early_end_of_the_consumer(env: Env) -> None:
    closed = threading.Event()

    def batches() -> Iterator[pa.RecordBatch]:
        try:
            yield from endless()
        finally:
            closed.set()

    with plus_one(env).compute(batches(), schema=TABLE.schema) as out:
        for _ in out:
            break
    gc.collect()
    assert closed.is_set()


def test_closed_iterator(env: Env) -> None:
    out = plus_one(env).compute(TABLE)
    out.close()
    out.close()
    out.cancel()
    with pytest.raises(udfrunner.InvalidState):
        next(out)


def test_iterators_that_are_never_closed(env: Env) -> None:
    runner = plus_one(env)
    out = runner.compute(endless(), schema=TABLE.schema)
    next(out)
    gone = weakref.ref(out)
    del out, runner
    gc.collect()
    assert gone() is None


def test_temporaries_stay_alive_while_they_are_needed() -> None:
    with plus_one(Env()).compute(TABLE) as out:
        gc.collect()
        assert out.read_all().num_rows == 1000


def test_arrow_stream(env: Env) -> None:
    runner = plus_one(env)
    out = runner.compute(TABLE)
    assert pa.table(out)["_0"].to_pylist() == list(range(1, 1001))
    with pytest.raises(udfrunner.InvalidState):
        next(out)
    assert out.error is None
    assert out.accumulators == []
    out.close()


def test_arrow_stream_outlives_its_iterator(env: Env) -> None:
    reader = pa.RecordBatchReader.from_stream(plus_one(env).compute(TABLE))
    gc.collect()
    assert reader.read_all()["_0"].to_pylist() == list(range(1, 1001))
    del reader
    # The next compute closes what the reader has left.
    with plus_one(env).compute(TABLE) as out:
        out.read_all()


def test_error_of_an_arrow_stream(env: Env) -> None:
    runner = Runner(EvalType.SCALAR_ARROW, [["functions:fail"]], [[0]], "long", env=env)
    with runner.compute(TABLE) as out:
        with pytest.raises((pa.ArrowException, OSError), match="no good"):
            pa.table(out)
        assert isinstance(out.error, udfrunner.PythonException)


def test_chained_tasks(env: Env) -> None:
    runner = plus_one(env)
    with runner.compute(TABLE) as first, runner.compute(first) as second:
        assert second.read_all()["_0"].to_pylist() == list(range(2, 1002))


def test_many_tasks_from_many_threads(env: Env) -> None:
    runner = plus_one(env)

    def task(start: int) -> bool:
        data = pa.table({"a": list(range(start, start + 100))})
        with runner.compute(data, partition=start) as out:
            return out.read_all()["_0"].to_pylist() == list(range(start + 1, start + 101))

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(task, range(40)))


def test_concurrent_use_is_refused(env: Env) -> None:
    inside, release = threading.Event(), threading.Event()

    def batches() -> Iterator[pa.RecordBatch]:
        inside.set()
        release.wait(20)
        yield from TABLE.to_batches()

    out = plus_one(env).compute(batches(), schema=TABLE.schema)
    with ThreadPoolExecutor(1) as pool:
        reading = pool.submit(out.read_all)
        assert inside.wait(20)
        with pytest.raises(udfrunner.InvalidState):
            next(out)
        release.set()
        assert reading.result().num_rows == 1000


def test_timeout_loses_nothing(env: Env, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    os.mkfifo(gate)

    def waits(x):
        with gate.open("rb", buffering=0) as file:
            file.read(1)
        return x

    runner = Runner(EvalType.SCALAR_ARROW, [[waits]], [[0]], "long", env=env)
    # Open for both, so that the byte waits in the pipe for a worker that comes later.
    with gate.open("r+b", buffering=0) as file, runner.compute(TABLE) as out:
        for timeout in (0, 0.05):
            with pytest.raises(TimeoutError):
                out.read_next_batch(timeout=timeout)
        file.write(b".")
        assert out.read_next_batch(timeout=20).num_rows == 1000
        with pytest.raises(StopIteration):
            out.read_next_batch()


@pytest.mark.parametrize("unclosed", ["out", "reader"])
def test_exit_with_everything_open_is_quiet(unclosed: str) -> None:
    program = (
        "import pyarrow as pa, udfrunner, os\n"
        "t = pa.table({'a': list(range(1000))})\n"
        "def batches():\n"
        "    while True: yield from t.to_batches()\n"
        "r = udfrunner.Runner(250, [['functions:arrow_plus_one']], [[0]], 'long',"
        " env=udfrunner.Env())\n"
        "out = r.compute(batches(), schema=t.schema)\n"
        f"reader = pa.RecordBatchReader.from_stream(out) if {unclosed == 'reader'} else out\n"
        "if reader is not out: del out\n"
        "next(iter(reader))\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


def test_workers_end_with_the_env() -> None:
    before = children()
    env = Env()
    with plus_one(env).compute(TABLE) as out:
        out.read_all()
    assert children() > before
    env.close()
    assert eventually(lambda: children() <= before)
