"""Values that functions return, by declared type: what real Spark makes of them."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import pyarrow as pa
import pytest
import recorded_values as rv
from recorded_values import ROOM, Count, conf_of, recorded

import udfrunner
from udfrunner import Env, EvalType, Runner
from udfrunner._pyspark import SUPPORTED
from udfrunner._types import return_type

import canonical  # isort: skip - both of the room that recorded_values found
import returned  # isort: skip

#: Minors and titles that are recorded, with the job that recorded them.
RECORDED = {
    (minor, title): job
    for minor in SUPPORTED
    for job in ("returned", "converted")
    for title in recorded(job, minor)
    if rv.is_asked(title)
}

#: Of the values that fail, each a task and mostly a worker of its own, one in so many is asked, of
#: the newest PySpark and of those before it.
SAMPLES = (1, 1) if rv.ALL else (4, 16)

udfrunner.allow_ddl_without_session()


@pytest.fixture(autouse=True)
def utc(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The host's zone, in which values of datetime come back."""
    with monkeypatch.context() as patch:
        patch.setenv("TZ", "UTC")
        time.tzset()
        yield
    time.tzset()


def answers_of(
    env: Env, kind: str, declared: str, values: Sequence[str], conf: dict[str, str]
) -> dict[str, str]:
    """The answers to values, those together that real Spark answers together."""

    def run(part: Sequence[str]) -> list[str]:
        expressions = [returned.wrapped(declared, value) for value in part]
        run_kind = {"100": rows, "101": batches, "200": batches, "300": table}[kind]
        return run_kind(env, kind, declared, expressions, conf)

    return rv.each(values, run)


def rows(env: Env, kind: str, declared: str, values: list[str], conf: dict[str, str]) -> list[str]:
    column = udfrunner.apply(
        returned.evaluate,
        pa.table({"x": values}),
        "x",
        kind=EvalType(int(kind)),
        return_type=declared,
        env=env,
        conf=conf,
        includes=[ROOM],
    )
    return canonical.texts(column)


def batches(
    env: Env, kind: str, declared: str, values: list[str], conf: dict[str, str]
) -> list[str]:
    """A batch a value."""
    function = returned.evaluate if kind == "101" else returned.evaluated
    runner = Runner(
        EvalType(int(kind)),
        [[function]],
        [[0]],
        declared,
        env=env,
        conf={"spark.sql.execution.arrow.maxRecordsPerBatch": 1, **conf},
        includes=[ROOM],
    )
    with runner, runner.compute(pa.table({"x": values}).to_reader(max_chunksize=1)) as out:
        column = out.read_all().column(0)
    if pa.types.is_time64(column.type):
        # The recorded values are those of datetime, which has no nanoseconds.
        column = column.cast(pa.time64("us"), safe=False).cast(column.type)
    return canonical.texts(column)


def table(env: Env, kind: str, declared: str, values: list[str], conf: dict[str, str]) -> list[str]:
    runner = Runner(
        EvalType(int(kind)),
        [[returned.Evaluated]],
        [[0]],
        f"x: {declared}",
        env=env,
        conf=conf,
        includes=[ROOM],
    )
    pyspark_type = return_type(declared).pyspark()
    with runner, runner.compute_rows([(value,) for value in values]) as out:
        return [canonical.python_value(row[0], pyspark_type) for found in out for row in found]


def hold(
    env: Env,
    minor: str,
    title: str,
    expected: dict[str, Any],
    conf: dict[str, str],
    side_by_side: ThreadPoolExecutor,
) -> None:
    count = Count()
    step = SAMPLES[minor != SUPPORTED[-1]]
    if minor == SUPPORTED[-1] and title.startswith("100"):
        step = 1  # table functions fail as these do, and the others in the worker
    for i, (declared, answers) in enumerate(expected.items()):
        good = [value for value, answer in answers.items() if not answer.startswith("!")]
        bad = [value for value in answers if value not in good][i % step :: step]
        answers = {value: answers[value] for value in [*good, *bad]}
        ask = partial(answers_of, env, title.split()[0], declared, conf=conf)
        found = ask(good)
        for answer in side_by_side.map(ask, ([value] for value in bad)):
            found |= answer
        if conf and title.startswith(rv.PICKLED):
            worker = conf["spark.executorEnv.TZ"]
            found, answers = rv.repeated_hour(found, worker), rv.repeated_hour(answers, worker)
        count.compare(f"{title} {declared}", found, answers)
    count.check()


@pytest.mark.parametrize(("minor", "title"), RECORDED, indirect=["minor"], scope="module")
def test_returned(version_env: Env, minor: str, title: str) -> None:
    """Each title is a kind, with the zones of workers and session where values depend on them."""
    _, *zones = title.replace(" foreign", "").split()
    conf = conf_of(*zones) if zones else {}
    answers = recorded(RECORDED[minor, title], minor, title)
    with ThreadPoolExecutor(os.cpu_count()) as side_by_side:
        hold(version_env, minor, title, answers, conf, side_by_side)
