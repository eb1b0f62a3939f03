"""What a host can see of its workers: stacks, log lines, what a task used."""

from __future__ import annotations

import datetime
import threading
import time
from collections.abc import Iterator

import pyarrow as pa
import pytest
from conftest import eventually

import udfrunner
from udfrunner import Env, EvalType, LogLine, Runner

TABLE = pa.table({"a": [1, 2, 3]})


def runner(env: Env, function: str) -> Runner:
    return Runner(EvalType.SCALAR_PANDAS, [[f"functions:{function}"]], [[0]], "long", env=env)


def test_stack_of_a_function_that_hangs(env: Env) -> None:
    runner(env, "pandas_plus_one").compute(TABLE).read_all()  # a worker is there
    with runner(env, "sleep").compute(TABLE) as out:
        with pytest.raises(TimeoutError):  # data moves only while somebody reads
            out.read_next_batch(timeout=0.1)
        assert eventually(lambda: "in sleep" in out.stack(10))
        assert out.stack(datetime.timedelta(seconds=10)).count("most recent call first") == 1
    with pytest.raises(udfrunner.InvalidState):
        out.stack()


def test_stack_of_a_worker_that_is_being_made() -> None:
    with (
        Env() as env,
        runner(env, "sleep").compute(TABLE) as out,
        pytest.raises(TimeoutError, match="no stack within 0 ms"),
    ):
        out.stack(0)


def test_deadline_shows_the_stack(env: Env) -> None:
    runner(env, "pandas_plus_one").compute(TABLE).read_all()  # a worker is there
    with pytest.raises(udfrunner.DeadlineExceeded) as caught:
        next(runner(env, "sleep").compute(TABLE, deadline=0.5))
    assert "in sleep" in caught.value.details["worker.python_stack"]
    assert caught.value.cause == "deadline"


@pytest.fixture
def silent_env(leaks: None) -> Iterator[Env]:
    """An env whose lines wait for read_log."""
    with Env(logs=None) as env:
        yield env


def test_lines_that_functions_print(silent_env: Env) -> None:
    env = silent_env
    lines: list[LogLine] = []
    context = udfrunner.TaskContext(stage=4, task_attempt_id=9)
    # The process id of a new worker may come after a quick task's end: the second has its worker.
    for partition in (1, 2):
        with runner(env, "chat").compute(TABLE, partition=partition, context=context) as out:
            assert out.read_all().num_rows == 3
    while sum(line.text.startswith("rows:") for line in lines) < 2:
        read = env.read_log(20)
        assert read, lines
        lines += read
    said = [line for line in lines if line.text.startswith("rows:")][-1]
    assert (said.text, said.stream) == ("rows: 3", "stdout")
    assert (said.stage, said.partition, said.attempt, said.task) == (4, 2, 0, 9)
    assert said.pid == out.metrics["worker_pid"]
    assert abs(datetime.datetime.now(datetime.timezone.utc) - said.time).total_seconds() < 60
    assert env.stats()["log"]["lines"] >= len(lines)


def test_waiting_for_lines() -> None:
    with Env(logs=None) as env:
        assert env.read_log() == []
        start = time.monotonic()
        assert env.read_log(0.3) == []
        assert 0.3 <= time.monotonic() - start < 20
        got: list[list[LogLine]] = []
        reader = threading.Thread(target=lambda: got.append(env.read_log(None)))
        reader.start()
        env.close()
        reader.join(20)
        assert not reader.is_alive()


def test_lines_in_a_file(tmp_path) -> None:
    path = tmp_path / "workers.log"
    with Env({"udfrunner.log.file": path}, logs=None) as env:
        with runner(env, "chat").compute(TABLE) as out:
            out.read_all()
        with pytest.raises(udfrunner.InvalidState, match=r"workers\.log"):
            env.read_log()
        assert eventually(lambda: '"text":"rows: 3"' in path.read_text())


def test_memory_limit(env: Env) -> None:
    with Env({"udfrunner.worker.memory.limit": "150m"}) as limited:
        with pytest.raises(udfrunner.NoMemory, match=r"udfrunner\.worker\.memory\.limit") as caught:
            next(runner(limited, "hoard").compute(TABLE))
        assert caught.value.cause == "memory_limit"
        assert "in hoard" in caught.value.details["worker.python_stack"]
        assert runner(limited, "pandas_plus_one").compute(TABLE).read_all().num_rows == 3


def test_what_a_task_used(env: Env) -> None:
    with runner(env, "pandas_plus_one").compute(TABLE) as out:
        out.read_all()
    assert out.metrics["worker_cpu_ms"] > 0
    assert out.metrics["worker_peak_rss"] > 10 << 20
