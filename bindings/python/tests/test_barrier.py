"""Barrier tasks: barrier() and allGather() of several tasks, served by the host."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pyarrow as pa
import pytest
from conftest import TESTS, is_older
from servers import SECRET, BarrierServer, serve

import udfrunner
from udfrunner import Barrier, Env, EvalType, Runner, TaskContext

TASKS = 3
TABLE = pa.table({"a": [1, 2]})


def gathered(env: Env, barrier: Barrier) -> list[list[str]]:
    """What each of three tasks was told by all."""
    runner = Runner(
        EvalType.MAP_ARROW,
        [["group_functions:gather"]],
        return_type="told string",
        env=env,
        includes=[TESTS],
    )

    def run(partition: int) -> list[str]:
        context = TaskContext(partition=partition, barrier=barrier)
        with runner.compute(TABLE, context=context, deadline=30) as out:
            told: list[str] = out.read_all()["told"].to_pylist()
            return told

    with runner, ThreadPoolExecutor(TASKS) as pool:
        return list(pool.map(run, range(TASKS)))


def test_over_tcp(version_env: Env) -> None:
    with serve(BarrierServer(TASKS)) as server:
        told = gathered(version_env, Barrier(server.port, SECRET))
    assert told == [[f"partition {i}" for i in range(TASKS)]] * TASKS
    assert server.connections == 2 * TASKS


def test_over_a_unix_socket(version_env: Env, minor: str, tmp_path: Path) -> None:
    path = tmp_path / "barrier"
    with serve(BarrierServer(TASKS), path) as server:
        if is_older(minor, "4.1"):
            with pytest.raises(
                udfrunner.NotSupported, match=rf"Unix socket.*\b{minor}|\b{minor}.*\b4\.1"
            ):
                gathered(version_env, Barrier(path=path))
            return
        told = gathered(version_env, Barrier(path=path))
    assert told == [[f"partition {i}" for i in range(TASKS)]] * TASKS
    assert server.connections == 2 * TASKS


def test_no_barrier_task(version_env: Env) -> None:
    runner = Runner(
        EvalType.MAP_ARROW,
        [["group_functions:gather"]],
        return_type="told string",
        env=version_env,
        includes=[TESTS],
    )
    with runner, pytest.raises(udfrunner.PythonException, match=r"NOT_IN_BARRIER_STAGE|barrier"):
        runner.compute(TABLE).read_all()


def test_secret_is_not_shown() -> None:
    assert SECRET not in repr(TaskContext(barrier=Barrier(1, SECRET)))


def test_bad_barriers(shared_env: Env) -> None:
    runner = Runner(
        EvalType.MAP_ARROW, [["group_functions:gather"]], return_type="told string", env=shared_env
    )
    with runner, pytest.raises(udfrunner.InvalidArgument, match="barrier port"):
        runner.compute(TABLE, context=TaskContext(barrier=Barrier(2**31)))
