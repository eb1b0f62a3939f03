"""Forked children: they may drop what the parent made, and never hang or end its tasks."""

from __future__ import annotations

import gc
import multiprocessing
import os
from collections.abc import Callable, Iterator
from typing import Any

import pyarrow as pa

import udfrunner
from udfrunner import Env, EvalType, Runner

TABLE = pa.table({"a": list(range(1000))})
#: Seconds after which a child counts as hung.
PATIENCE = 30


def endless() -> Iterator[pa.RecordBatch]:
    while True:
        yield from TABLE.to_batches()


def in_child(work: Callable[[], Any]) -> Any:
    """What `work` returns in a forked child."""
    context = multiprocessing.get_context("fork")
    receiver, sender = context.Pipe(duplex=False)

    def main() -> None:
        sender.send(work())

    process = context.Process(target=main)
    process.start()
    sender.close()
    try:
        assert receiver.poll(PATIENCE), "the child hangs or died"
        result = receiver.recv()
    finally:
        process.kill()
        process.join()
        process.close()
        receiver.close()
    return result


def test_child_drops_the_parents_objects(env: Env) -> None:
    runner = Runner(EvalType.SCALAR_ARROW, [["functions:arrow_plus_one"]], [[0]], "long", env=env)
    out = runner.compute(endless(), schema=TABLE.schema)
    objects: list[Any] = [next(out), next(out), out, runner]
    del out, runner

    def drop() -> str:
        objects.clear()
        gc.collect()
        return "dropped"

    for _ in range(5):
        assert in_child(drop) == "dropped"
    # The parent's task goes on.
    assert next(objects[2]).num_rows == 1000
    objects[2].close()
    objects.clear()


def test_child_reads_the_parents_batches(env: Env) -> None:
    runner = Runner(EvalType.SCALAR_ARROW, [["functions:arrow_plus_one"]], [[0]], "long", env=env)
    with runner.compute(TABLE) as out:
        batch = next(out)
        assert in_child(lambda: batch.column(0).to_pylist()) == list(range(1, 1001))


def test_calls_in_a_child_are_refused(env: Env) -> None:
    runner = Runner(EvalType.SCALAR_ARROW, [["functions:arrow_plus_one"]], [[0]], "long", env=env)
    out = runner.compute(endless(), schema=TABLE.schema)

    def use() -> list[str]:
        found = []
        for call in (
            lambda: next(out),
            lambda: runner.compute(TABLE),
            Env,
            env.stats,
            udfrunner.shutdown,
        ):
            try:
                call()
                found.append("worked")
            except udfrunner.Error as error:
                found.append(type(error).__name__)
        out.cancel()
        out.close()
        runner.close()
        env.close()
        return found

    assert in_child(use) == ["Forked"] * 5
    assert next(out).num_rows == 1000
    out.close()


def test_child_that_exits_normally_leaves_the_parent_alone(env: Env) -> None:
    runner = Runner(EvalType.SCALAR_ARROW, [["functions:arrow_plus_one"]], [[0]], "long", env=env)
    with runner.compute(endless(), schema=TABLE.schema) as out:
        next(out)
        pid = os.fork()
        if pid == 0:
            import atexit

            try:
                atexit._run_exitfuncs()
            finally:
                os._exit(0)
        _, status = os.waitpid(pid, 0)
        assert os.waitstatus_to_exitcode(status) == 0
        assert next(out).num_rows == 1000
