"""What functions print, log and warn, where the host sees it."""

from __future__ import annotations

import io
import json
import logging
import os
import socket
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest
from conftest import is_older

import udfrunner
from udfrunner import Env, EvalType, LogLine, Runner

TABLE = pa.table({"a": [1, 2, 3]})

#: How workers come about; the last two are PySpark's own ways.
WAYS = {
    "reused": {},
    "ended after each task": {"spark.python.worker.reuse": "false"},
    "made by pyspark.daemon": {"spark.python.daemon.module": "pyspark.daemon"},
    "without a daemon": {"spark.python.use.daemon": "false"},
}


def run(env: Env | None, function: object, partition: int = 0) -> None:
    with (
        Runner(EvalType.SCALAR_PANDAS, [[function]], [[0]], "long", env=env) as runner,
        runner.compute(TABLE, partition=partition) as out,
    ):
        assert out.read_all().num_rows == 3


def count(x):
    for number in range(500):
        print(number)
    return x


def say_all(x):
    import logging
    import sys
    import warnings

    print("printed")
    logging.getLogger("mine").warning("logged")
    warnings.warn("warned", stacklevel=1)
    sys.stderr.write("without an end")
    return x


def crash(x):
    import os
    import sys

    print("printed")
    sys.stdout.write("half a li")
    sys.stdout.flush()
    os._exit(3)


@pytest.mark.parametrize("way", WAYS)
def test_each_line_once_and_all_with_the_end(capsys: pytest.CaptureFixture[str], way: str) -> None:
    with Env(WAYS[way]) as env:
        for _ in range(2):
            run(env, count)
            assert capsys.readouterr().err.split() == [str(number) for number in range(500)]


def test_whatever_writes_a_line(capsys: pytest.CaptureFixture[str], env: Env) -> None:
    for _ in range(2):
        run(env, say_all)
        err = capsys.readouterr().err
        assert err.count("printed\n") == 1
        assert err.count("logged\n") == 1
        assert err.count("UserWarning: warned\n") <= 1  # once per process
        assert err.endswith("without an end\n")


def test_lines_of_a_crash_come_before_its_error(
    capsys: pytest.CaptureFixture[str], env: Env
) -> None:
    with pytest.raises(udfrunner.WorkerExited):
        udfrunner.apply(crash, TABLE, "a", kind="scalar-pandas", return_type="long", env=env)
    assert capsys.readouterr().err == "printed\nhalf a li\n"


def test_lines_come_while_the_function_runs(tmp_path: Path) -> None:
    path = str(tmp_path / "seen")
    os.mkfifo(path)

    def waits(x):
        print("waiting")
        Path(path).read_text()  # until the host has seen the line
        return x

    def see(line: LogLine) -> None:
        assert line.text == "waiting"
        Path(path).write_text("seen")

    with Env(logs=see) as env:
        run(env, waits)


def test_several_tasks_mark_their_lines(capsys: pytest.CaptureFixture[str], env: Env) -> None:
    udfrunner.apply(
        meet(), TABLE, "a", kind="scalar-pandas", return_type="long", workers=3, env=env
    )
    pids = set()
    lines = capsys.readouterr().err.splitlines()
    for partition, line in enumerate(sorted(lines)):
        mark, _, text = line.partition("] ")
        start, _, pid = mark.rpartition(" ")
        assert (start, text) == (f"[partition {partition}, pid", "here")
        pids.add(pid)
    assert len(pids) == len(lines) == 3
    run(env, count)
    assert capsys.readouterr().err.startswith("0\n1\n")


def meet() -> Callable[[object], object]:
    """A function whose three calls wait for each other."""
    port = meeting(3)

    def function(x):
        import socket

        with socket.create_connection(("127.0.0.1", port)) as connection:
            connection.recv(1)
        print("here")
        return x

    return function


def meeting(count: int) -> int:
    """A port where connections wait until so many have come."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        with listener:
            for connection in [listener.accept()[0] for _ in range(count)]:
                connection.close()

    threading.Thread(target=serve).start()
    return int(listener.getsockname()[1])


def test_logger(caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]) -> None:
    logger = logging.getLogger("udfs")
    with caplog.at_level(logging.INFO, "udfs"), Env(logs=logger) as env:
        run(env, say_all)
    found = {record.getMessage(): record for record in caplog.records}
    assert found["printed"].levelno == logging.INFO
    assert found["logged"].levelno == logging.WARNING
    assert found["printed"].line.partition == 0  # type: ignore[attr-defined]
    assert capsys.readouterr().err == ""


def test_callable_of_a_call() -> None:
    lines: list[LogLine] = []
    udfrunner.apply(
        say_all, TABLE, "a", kind="scalar-pandas", return_type="long", logs=lines.append
    )
    assert [line.text for line in lines if line.stream == "stdout"] == ["printed"]


def test_callable_that_raises_loses_neither_lines_nor_results() -> None:
    seen: list[str] = []

    def refuse_first(line: LogLine) -> None:
        seen.append(line.text)
        if len(seen) == 1:
            raise LookupError("not this one")

    with (
        Env(logs=refuse_first) as env,
        Runner(EvalType.SCALAR_PANDAS, [[count]], [[0]], "long", env=env) as runner,
        runner.compute(TABLE) as out,
    ):
        rows = 0
        raised = 0
        while True:
            try:
                rows += out.read_next_batch().num_rows
            except LookupError:
                raised += 1
            except StopIteration:
                break
    assert (rows, raised) == (3, 1)
    assert seen == [str(number) for number in range(500)]


def test_none_keeps_all_for_read_log(capsys: pytest.CaptureFixture[str]) -> None:
    with Env(logs=None) as env:
        run(env, count)
        lines = env.read_log()
        while more := env.read_log():
            lines += more
    assert [line.text for line in lines] == [str(number) for number in range(500)]
    assert capsys.readouterr().err == ""


def test_lines_have_one_reader(env: Env) -> None:
    with pytest.raises(udfrunner.InvalidState, match="'stderr': logs=None is needed"):
        env.read_log()
    with pytest.raises(udfrunner.InvalidArgument, match="logs None and an env"):
        udfrunner.apply(
            count, TABLE, "a", kind="scalar-pandas", return_type="long", env=env, logs=None
        )
    for wrong in ("stdout", 2):
        with pytest.raises(udfrunner.InvalidArgument, match=f"logs {wrong!r}: 'stderr', a logging"):
            Env(logs=wrong)  # type: ignore[arg-type]


def test_two_envs_in_threads() -> None:
    seen: dict[str, list[str]] = {"left": [], "right": []}

    def work(name: str) -> None:
        with Env(logs=lambda line: seen[name].append(line.text)) as env:
            for _ in range(3):
                run(env, lambda x: [print(name), x][1])

    threads = [threading.Thread(target=work, args=(name,)) for name in seen]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for name, texts in seen.items():
        assert texts == [name] * 3


def test_exported_stream(capsys: pytest.CaptureFixture[str], env: Env) -> None:
    runner = Runner(EvalType.SCALAR_PANDAS, [[count]], [[0]], "long", env=env)
    assert pa.table(runner.compute(TABLE)).num_rows == 3
    assert capsys.readouterr().err.split()[-1] == "499"


class Ascii(io.TextIOWrapper):
    def __init__(self) -> None:
        super().__init__(io.BytesIO(), "ascii")


def test_stderr_of_any_kind(monkeypatch: pytest.MonkeyPatch, env: Env) -> None:
    def umlaut(x):
        print("gr\u00fcn")
        return x

    stream = Ascii()
    closed = Ascii()
    closed.close()
    for stderr in (stream, closed, None):
        monkeypatch.setattr(sys, "stderr", stderr)
        run(env, umlaut)
    assert stream.buffer.getvalue() == b"gr\\xfcn\n"  # type: ignore[attr-defined]


def test_long_line_is_one(capsys: pytest.CaptureFixture[str], env: Env) -> None:
    def long(x):
        print("x" * 100_000)
        print("next")
        return x

    run(env, long)
    assert capsys.readouterr().err == "x" * 100_000 + "\nnext\n"


def test_lines_that_were_dropped(capsys: pytest.CaptureFixture[str]) -> None:
    with Env({"udfrunner.log.buffer": "4k"}) as env:
        run(env, count)
        lines = capsys.readouterr().err.splitlines()
    # Lines are taken several times in a task, and each time it is said how many are missing.
    notices = [line for line in lines if line.startswith("udfrunner: ")]
    others = [line for line in lines if line not in notices]
    assert notices
    assert all(line.endswith(" lines were dropped: nobody took them in time") for line in notices)
    assert sum(int(line.split()[1]) for line in notices) + len(others) == 500
    assert others[-1] == "499"


def test_file_has_the_lines_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "workers.log"
    with Env({"udfrunner.log.file": path}) as env:
        run(env, count)
    assert capsys.readouterr().err == ""


def test_forked_child_leaves_lines_to_its_parent(capfd: pytest.CaptureFixture[str]) -> None:
    with (
        Env() as env,
        Runner(EvalType.SCALAR_PANDAS, [[count]], [[0]], "long", env=env) as runner,
    ):
        out = runner.compute(TABLE)
        child = os.fork()
        if child == 0:
            env._output.show()
            os._exit(7)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
        out.read_all()
    assert len(capfd.readouterr().err.split()) == 500


def test_captured_logging_stays_as_it_is(
    minor: str, version_env: Env, capsys: pytest.CaptureFixture[str]
) -> None:
    with Runner(
        EvalType.SCALAR_PANDAS,
        [["functions:chat"]],
        [[0]],
        "long",
        env=version_env,
        conf={"udfrunner.session.id": "s"},
    ) as runner:
        assert runner.compute(TABLE).read_all().num_rows == 3
    lines = capsys.readouterr().err.splitlines()
    captured = [line for line in lines if line.startswith("PYTHON_WORKER_LOGGING:")]
    # Streams of their own have an order of their own.
    assert [line for line in lines if line not in captured] == ["rows: 3"]
    said = [json.loads(text)["msg"] for line in captured if (text := line.split(":", 2)[2])]
    assert said == ([] if is_older(minor, "4.1") else ["rows:", "3"])
