"""Each kind of failure is its own exception, says what was wrong, and harms nothing else."""

from __future__ import annotations

import ctypes
import functools
import os
import shutil
import signal
import subprocess
import sys
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from conftest import PYTHON

import udfrunner
from udfrunner import Env, EvalType, Runner

TABLE = pa.table({"a": [1, 2, 3]})


def works(env: Env) -> bool:
    """Whether the env still runs tasks."""
    runner = Runner(EvalType.SCALAR_ARROW, [["functions:arrow_plus_one"]], [[0]], "long", env=env)
    with runner.compute(TABLE) as out:
        return out.read_all()["_0"].to_pylist() == [2, 3, 4]


def run(env: Env, function: Any, eval_type: EvalType = EvalType.SCALAR_PANDAS) -> list[Any]:
    runner = Runner(eval_type, [[function]], [[0]], "long", env=env)
    with runner.compute(TABLE) as out:
        return out.read_all()["_0"].to_pylist()


def test_exception_of_the_function(shared_env: Env) -> None:
    with pytest.raises(udfrunner.PythonException, match="no good: 3") as caught:
        run(shared_env, "functions:fail")
    assert "functions.py" in caught.value.traceback
    assert "Traceback (most recent call last)" in caught.value.traceback
    assert isinstance(caught.value.__cause__, udfrunner.RemoteTraceback)
    assert "functions.py" in "".join(traceback.format_exception(caught.value))
    assert "\n" not in caught.value.message
    assert works(shared_env)


def test_exception_of_a_row_function(shared_env: Env) -> None:
    runner = Runner(EvalType.BATCHED, [["functions:fail_row"]], [[0]], "long", env=shared_env)
    with (
        pytest.raises(udfrunner.PythonException, match="no good: 1"),
        runner.compute_rows([(1,)]) as out,
    ):
        next(out)


@pytest.mark.parametrize(
    ("function", "status", "number"),
    [
        ("functions:exit_three", 3, None),
        ("functions:kill_self", None, signal.SIGKILL),
        ("functions:segfault", None, signal.SIGSEGV),
    ],
)
def test_death_of_the_worker(
    shared_env: Env, function: str, status: int | None, number: int | None
) -> None:
    with pytest.raises(udfrunner.WorkerExited) as caught:
        run(shared_env, function)
    error = caught.value
    assert (error.exit_status, error.signal) == (status, number)
    assert error.pid is not None
    assert not Path(f"/proc/{error.pid}").exists()
    if status == 3:
        assert "last words" in error.stderr_tail
    assert works(shared_env)


BAD_RUNNERS: dict[str, tuple[type[udfrunner.Error], str, Callable[[Env], object]]] = {
    "no eval type": (
        udfrunner.InvalidArgument,
        "12345",
        lambda env: Runner(12345, [["a:b"]], [[0]], "long", env=env),
    ),
    "bad DDL of a reference": (
        udfrunner.InvalidArgument,
        "lnog",
        lambda env: Runner(EvalType.SCALAR_ARROW, [["a:b"]], [[0]], "lnog", env=env),
    ),
    "bad DDL of a callable": (
        udfrunner.InvalidArgument,
        "lnog",
        lambda env: Runner(EvalType.SCALAR_ARROW, [[len]], [[0]], "lnog", env=env),
    ),
    "no return type": (
        udfrunner.InvalidArgument,
        "return type",
        lambda env: Runner(EvalType.SCALAR_ARROW, [[len]], [[0]], env=env),
    ),
    "bad reference": (
        udfrunner.InvalidArgument,
        "no-colon",
        lambda env: Runner(EvalType.SCALAR_ARROW, [["no-colon"]], [[0]], "long", env=env),
    ),
    "negative offset": (
        udfrunner.InvalidArgument,
        "-1",
        lambda env: Runner(EvalType.SCALAR_ARROW, [["a:b"]], [[-1]], "long", env=env),
    ),
    "offset beyond 32 bits": (
        udfrunner.InvalidArgument,
        str(2**40),
        lambda env: Runner(EvalType.SCALAR_ARROW, [["a:b"]], [[2**40]], "long", env=env),
    ),
    "repeated keyword": (
        udfrunner.InvalidArgument,
        "x",
        lambda env: Runner(
            EvalType.SCALAR_ARROW, [["a:b"]], [[(0, "x"), (1, "x")]], "long", env=env
        ),
    ),
    "unequal counts": (
        udfrunner.InvalidArgument,
        "2 chains of functions but 1 lists",
        lambda env: Runner(EvalType.SCALAR_ARROW, [[len], [len]], [[0]], "long", env=env),
    ),
    "unequal counts of types": (
        udfrunner.InvalidArgument,
        "1 chains of functions but 2 return types",
        lambda env: Runner(EvalType.SCALAR_ARROW, [[len]], [[0]], ["long", "int"], env=env),
    ),
    "empty chain": (
        udfrunner.InvalidArgument,
        "at least one function",
        lambda env: Runner(EvalType.SCALAR_ARROW, [[]], [[0]], "long", env=env),
    ),
    "no function": (
        udfrunner.InvalidArgument,
        "function 7",
        lambda env: Runner(EvalType.SCALAR_ARROW, [[7]], [[0]], "long", env=env),
    ),
    "function that does not pickle": (
        udfrunner.InvalidArgument,
        "not picklable",
        lambda env: Runner(
            EvalType.SCALAR_ARROW,
            [[functools.partial(print, sys._getframe())]],
            [[0]],
            "long",
            env=env,
        ),
    ),
    "unknown key of the runner": (
        udfrunner.InvalidArgument,
        "udfrunner.nothing",
        lambda env: Runner(
            EvalType.SCALAR_ARROW, [["a:b"]], [[0]], "long", env=env, conf={"udfrunner.nothing": 1}
        ),
    ),
    "unknown key of the env": (
        udfrunner.InvalidArgument,
        "udfrunner.nothing",
        lambda env: Env({"udfrunner.nothing": 1}),
    ),
    "bad value": (
        udfrunner.InvalidArgument,
        "spark.python.worker.reuse",
        lambda env: Env({"spark.python.worker.reuse": "perhaps"}),
    ),
    "broadcast without a file": (
        udfrunner.InvalidArgument,
        "/no/such/file",
        lambda env: Runner(
            EvalType.SCALAR_ARROW,
            [["a:b"]],
            [[0]],
            "long",
            env=env,
            broadcasts={1: "/no/such/file"},
        ),
    ),
}


@pytest.mark.parametrize("name", BAD_RUNNERS)
def test_bad_arguments_are_refused_at_once(shared_env: Env, name: str) -> None:
    kind, text, make = BAD_RUNNERS[name]
    with pytest.raises(kind) as caught:
        make(shared_env)
    assert text in str(caught.value)


@pytest.mark.parametrize(
    ("reference", "text"),
    [
        ("no_such_module:f", "no_such_module"),
        ("functions:no_such_function", "no_such_function"),
        ("functions:not_callable", "not_callable"),
    ],
)
def test_reference_to_nothing(shared_env: Env, reference: str, text: str) -> None:
    with pytest.raises(udfrunner.PythonException, match=text):
        run(shared_env, reference)
    assert works(shared_env)


def test_bytes_that_are_no_pickle(shared_env: Env) -> None:
    with pytest.raises(udfrunner.InvalidArgument, match="pickle"):
        run(shared_env, b"no pickle")


def test_pickle_that_does_not_load(shared_env: Env) -> None:
    with pytest.raises(udfrunner.PythonException, match="no_such_module"):
        run(shared_env, b"\x80\x02cno_such_module\nf\nN\x86.")
    assert works(shared_env)


def test_wrong_columns_of_a_map_function(shared_env: Env) -> None:
    runner = Runner(
        EvalType.MAP_ARROW,
        [["functions:two_columns_as_one"]],
        return_type="a long, b long",
        env=shared_env,
    )
    data = pa.table({"a": [1], "b": [2]})
    with (
        pytest.raises((udfrunner.PythonException, udfrunner.ProtocolError)),
        runner.compute(data) as out,
    ):
        out.read_all()
    assert works(shared_env)


@pytest.mark.parametrize("offset", [1, 100])
def test_offset_beyond_the_input(shared_env: Env, offset: int) -> None:
    runner = Runner(
        EvalType.SCALAR_ARROW, [["functions:plus_one"]], [[offset]], "long", env=shared_env
    )
    with pytest.raises(udfrunner.Error), runner.compute(TABLE) as out:
        out.read_all()
    assert works(shared_env)


def no_python(tmp_path: Path) -> str:
    return "/bin/true"


def no_file(tmp_path: Path) -> str:
    return "/no/such/python"


def no_executable(tmp_path: Path) -> str:
    (tmp_path / "python").write_text("")
    return str(tmp_path / "python")


def no_pyspark(tmp_path: Path) -> str:
    subprocess.run([PYTHON, "-m", "venv", "--without-pip", tmp_path / "venv"], check=True)
    return str(tmp_path / "venv" / "bin" / "python")


@pytest.mark.parametrize("make", [no_python, no_file, no_executable, no_pyspark])
def test_interpreter_that_serves_no_worker(
    tmp_path: Path, make: Callable[[Path], str], leaks: None
) -> None:
    python = make(tmp_path)
    with Env({"spark.pyspark.python": python}) as env:
        with pytest.raises(udfrunner.SpawnError) as caught:
            run(env, "functions:plus_one")
        assert python in str(caught.value) or "pyspark" in str(caught.value).lower()


class Trouble(Exception):
    """What a host's generator raises."""


def failing_batches(after: int) -> Iterator[pa.RecordBatch]:
    for _ in range(after):
        yield from TABLE.to_batches()
    raise Trouble("the host's own")


@pytest.mark.parametrize("after", [0, 1, 50])
@pytest.mark.parametrize("with_schema", [True, False])
def test_input_that_raises(shared_env: Env, after: int, with_schema: bool) -> None:
    runner = Runner(
        EvalType.SCALAR_ARROW, [["functions:arrow_plus_one"]], [[0]], "long", env=shared_env
    )
    schema = TABLE.schema if with_schema else None
    with pytest.raises(udfrunner.HostError, match="the host's own") as caught:  # noqa: SIM117
        with runner.compute(failing_batches(after), schema=schema) as out:
            out.read_all()
    assert isinstance(caught.value.__cause__, Trouble)
    assert works(shared_env)


def test_rows_that_raise(shared_env: Env) -> None:
    def rows() -> Iterator[tuple[int]]:
        yield (1,)
        raise Trouble("the host's own")

    runner = Runner(EvalType.BATCHED, [["functions:plus_one"]], [[0]], "long", env=shared_env)
    with (
        pytest.raises(udfrunner.HostError, match="the host's own") as caught,
        runner.compute_rows(rows()) as out,
    ):
        list(out)
    assert isinstance(caught.value.__cause__, Trouble)
    assert works(shared_env)


def test_batches_of_another_schema(shared_env: Env) -> None:
    batches = [*TABLE.to_batches(), pa.record_batch({"a": ["text"]})]
    runner = Runner(
        EvalType.SCALAR_ARROW, [["functions:arrow_plus_one"]], [[0]], "long", env=shared_env
    )
    with pytest.raises(udfrunner.HostError), runner.compute(batches) as out:
        out.read_all()
    assert works(shared_env)


@pytest.mark.parametrize("data", [7, "text", {"a": 1}, [1, 2], []], ids=repr)
def test_input_that_is_no_arrow_data(shared_env: Env, data: object) -> None:
    runner = Runner(
        EvalType.SCALAR_ARROW, [["functions:arrow_plus_one"]], [[0]], "long", env=shared_env
    )
    with pytest.raises(udfrunner.InvalidArgument, match="file text" if data == "text" else "input"):
        runner.compute(data)


def test_input_of_the_other_kind(shared_env: Env) -> None:
    arrow = Runner(EvalType.SCALAR_ARROW, [["a:b"]], [[0]], "long", env=shared_env)
    rows = Runner(EvalType.BATCHED, [["a:b"]], [[0]], "long", env=shared_env)
    with pytest.raises(udfrunner.NotSupported, match="compute instead of compute_rows"):
        arrow.compute_rows([(1,)])
    with pytest.raises(udfrunner.NotSupported, match="compute_rows instead of compute"):
        rows.compute(TABLE)
    with pytest.raises(udfrunner.NotSupported):
        arrow.compute(None)


def test_refused_compute_releases_its_input(env: Env) -> None:
    runner = Runner(EvalType.SCALAR_ARROW, [["a:b"]], [[0]], "long", env=env)
    env.close()
    buffer = ctypes.create_string_buffer(8)
    before = sys.getrefcount(buffer)
    column = pa.Array.from_buffers(pa.int64(), 1, [None, pa.py_buffer(buffer)])
    with pytest.raises(udfrunner.Cancelled):
        runner.compute(pa.record_batch([column], names=["a"]))
    del column
    assert sys.getrefcount(buffer) == before


def test_closed_runner(shared_env: Env) -> None:
    runner = Runner(EvalType.SCALAR_ARROW, [["a:b"]], [[0]], "long", env=shared_env)
    runner.close()
    runner.close()
    runner.cancel()
    with pytest.raises(udfrunner.InvalidState):
        runner.compute(TABLE)


def test_missing_pyspark_names_the_remedy(tmp_path: Path) -> None:
    """A host without PySpark runs references, and is told what pickling needs."""
    program = (
        "import sys; sys.modules['pyspark'] = None\n"
        "import udfrunner\n"
        "try:\n"
        "    udfrunner.Runner(250, [[len]], [[0]], 'long')\n"
        "except udfrunner.NotSupported as e:\n"
        "    print(e)\n"
    )
    done = subprocess.run(
        [shutil.which("python", path=os.fspath(Path(sys.executable).parent)), "-c", program],
        capture_output=True,
        text=True,
        check=True,
    )
    assert "pyspark-client" in done.stdout
    assert "module:qualname" in done.stdout
