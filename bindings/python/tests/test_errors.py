"""The tree of errors, and finding the library."""

from __future__ import annotations

import linecache
import os
import pickle
import re
import subprocess
import sys
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

import udfrunner
from udfrunner import _abi, _library, errors
from udfrunner.errors import make_error


def test_errors_are_also_pythons() -> None:
    assert issubclass(udfrunner.InvalidArgument, ValueError)
    assert issubclass(udfrunner.DeadlineExceeded, TimeoutError)
    assert issubclass(udfrunner.SystemFailure, OSError)
    assert issubclass(udfrunner.NoMemory, MemoryError)
    assert issubclass(udfrunner.LibraryNotFound, ImportError)


@pytest.mark.parametrize("code", range(-16, 0))
def test_errors_survive_pickling(code: int) -> None:
    error = make_error(code, "some text", {"worker.pid": "12"})
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is type(error)
    assert (again.code, again.message, again.details) == (code, "some text", {"worker.pid": "12"})
    assert str(again) == "some text"


def test_python_exception_shows_the_workers_traceback() -> None:
    error = make_error(
        _abi.UDFRUNNER_PYTHON_EXCEPTION, "ValueError: x", {"python.traceback": "line 1\nline 2"}
    )
    shown = "".join(traceback.format_exception(error))
    assert "line 1\nline 2" in shown
    assert shown.rstrip().endswith("ValueError: x")


def test_worker_exited_has_numbers() -> None:
    error = make_error(
        _abi.UDFRUNNER_WORKER_EXITED, "gone", {"worker.pid": "12", "worker.signal": "9"}
    )
    assert isinstance(error, udfrunner.WorkerExited)
    assert (error.pid, error.signal, error.exit_status) == (12, 9, None)


DEATH = {
    "cause": "signal",
    "worker.pid": "12",
    "worker.signal": "11",
    "worker.peak_rss": str(213 << 20),
    "worker.stderr_tail": "\n".join(f"line {number}" for number in range(50)) + "\n",
    "worker.python_stack": """Fatal Python error: Segmentation fault

Current thread 0x00007ffa4e68fb80 (most recent call first):
  File "/home/me/job.py", line 15 in deref
  File "<string>", line 3 in typed
  File "/opt/lib/python3.11/site-packages/pyspark/worker.py", line 411 in <lambda>
  File "<udfrunner>/udfrunner_daemon/worker.py", line 139 in run_task
  File "<string>", line 77 in <module>

Extension modules: numpy._core._multiarray_umath (total: 1)
""",
}
NOTES = [
    "worker 12: cause signal, signal 11 (SIGSEGV), peak memory 213 MiB",
    "last lines of its stderr:\n" + "\n".join(f"  line {number}" for number in range(30, 50)),
    """its Python stack:
  Fatal Python error: Segmentation fault
  Current thread 0x00007ffa4e68fb80 (most recent call first):
    File "/home/me/job.py", line 15 in deref
    File "<string>", line 3 in typed
    ... 3 frames of PySpark and udfrunner""",
]


@pytest.mark.parametrize(
    ("code", "noted"),
    [
        (_abi.UDFRUNNER_WORKER_EXITED, True),
        (_abi.UDFRUNNER_NO_MEMORY, True),
        (_abi.UDFRUNNER_DEADLINE, True),
        (_abi.UDFRUNNER_CANCELLED, False),
        (_abi.UDFRUNNER_INVALID_ARGUMENT, False),
    ],
)
def test_notes_of_a_worker(code: int, noted: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    error = make_error(code, "gone", DEATH)
    for each in (error, pickle.loads(pickle.dumps(error))):
        assert getattr(each, "__notes__", []) == (NOTES if noted else [])
        shown = "".join(traceback.format_exception(each))
        assert ("\n".join(["gone", *NOTES]) in shown) == noted
        assert str(each) == "gone"
    monkeypatch.setattr(errors, "SHOWS_NOTES", False)
    assert str(error) == ("\n".join(["gone", *NOTES]) if noted else "gone")


def test_long_stack_is_cut_in_notes() -> None:
    stack = "".join(f'  File "/home/me/job.py", line {number} in f\n' for number in range(100))
    error = make_error(_abi.UDFRUNNER_DEADLINE, "late", {"worker.python_stack": stack})
    assert len(error.__notes__[-1].splitlines()) == 42
    assert error.__notes__[-1].endswith("  ... 60 more lines")


def test_source_of_cells(monkeypatch: pytest.MonkeyPatch) -> None:
    source = "def f(x):\n    return g(x)\n"
    entry = (len(source), None, source.splitlines(True), "<cell 3>")
    monkeypatch.setitem(linecache.cache, "<cell 3>", entry)
    monkeypatch.setitem(linecache.cache, "<stdin>", entry)
    text = """Traceback (most recent call last):
  File "<cell 3>", line 2, in f
  File "<stdin>", line 2, in g
  File "/home/me/job.py", line 2, in h
    known()
ValueError: x
"""
    error = make_error(_abi.UDFRUNNER_PYTHON_EXCEPTION, "ValueError: x", {"python.traceback": text})
    assert isinstance(error, udfrunner.PythonException)
    assert error.traceback == text
    for each in (error, pickle.loads(pickle.dumps(error))):
        shown = "".join(traceback.format_exception(each))
        assert text.replace("in f\n", "in f\n    return g(x)\n") in shown


def batches() -> Iterator[pa.RecordBatch]:
    yield pa.record_batch({"a": [1]})
    raise ArithmeticError("no more of these")


def reader() -> pa.RecordBatchReader:
    return pa.RecordBatchReader.from_batches(pa.schema({"a": pa.int64()}), batches())


INPUTS: dict[str, Callable[[], Any]] = {"an iterable": batches, "a reader": reader}


@pytest.mark.parametrize("given", INPUTS)
@pytest.mark.parametrize("workers", [1, 2])
def test_what_an_input_raised_is_the_cause(
    given: str, workers: int, shared_env: udfrunner.Env
) -> None:
    function = "functions:pandas_plus_one"
    common: dict[str, Any] = {"workers": workers, "env": shared_env}
    made = INPUTS[given]
    calls: list[Callable[[], object]] = [
        lambda: udfrunner.apply(
            function, made(), "a", kind="scalar-pandas", return_type="long", **common
        ),
        lambda: udfrunner.map_batches(function, made(), "a long", kind="arrow", **common),
        lambda: udfrunner.map_groups(function, made(), "a", "a long", kind="arrow", **common),
        lambda: udfrunner.aggregate(
            function, made(), "a", "a", return_type="long", kind="pandas", **common
        ),
        lambda: udfrunner.map_cogroups(
            function, made(), reader(), "a", "a long", kind="arrow", **common
        ),
    ]
    for call in calls:
        with pytest.raises(udfrunner.HostError, match="ArithmeticError: no more") as caught:
            call()
        assert isinstance(caught.value.__cause__, ArithmeticError)


def test_what_a_task_s_input_raised_is_the_cause(shared_env: udfrunner.Env) -> None:
    scalar = udfrunner.Runner(
        udfrunner.EvalType.SCALAR_PANDAS,
        [["functions:pandas_plus_one"]],
        [[0]],
        "long",
        env=shared_env,
    )
    grouped = udfrunner.Runner(
        udfrunner.EvalType.GROUPED_MAP_ARROW,
        [["functions:pandas_plus_one"]],
        return_type="a long",
        env=shared_env,
    )
    rows = udfrunner.Runner(
        udfrunner.EvalType.BATCHED, [["functions:plus_one"]], [[0]], "long", env=shared_env
    )
    tasks: list[Callable[[], Any]] = [
        lambda: scalar.compute(batches()),
        lambda: scalar.compute(reader()),
        lambda: grouped.compute_groups([reader()], keys=1),
        lambda: rows.compute_rows(reader()),
    ]
    for start in tasks:
        with pytest.raises(udfrunner.HostError) as caught, start() as out:
            list(out)
        assert isinstance(caught.value.__cause__, ArithmeticError)


def test_error_of_the_task_before_is_the_cause(shared_env: udfrunner.Env) -> None:
    first, second = (
        udfrunner.Runner(
            udfrunner.EvalType.SCALAR_PANDAS, [[f"functions:{name}"]], [[0]], "long", env=shared_env
        )
        for name in ("fail", "pandas_plus_one")
    )
    with pytest.raises(udfrunner.HostError) as caught:
        second.compute(first.compute(pa.table({"a": [1]}))).read_all()
    assert isinstance(caught.value.__cause__, udfrunner.PythonException)


def test_named_library_is_taken_without_fallback(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    missing = tmp_path / "nothing.so"
    monkeypatch.setenv("UDFRUNNER_LIBRARY", str(missing))
    with pytest.raises(udfrunner.LibraryNotFound, match=f"UDFRUNNER_LIBRARY={missing}"):
        _library.find_library()


def test_without_variable_the_packages_copy_is_taken(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("UDFRUNNER_LIBRARY")
    monkeypatch.setattr(_library, "__file__", str(tmp_path / "_library.py"))
    with pytest.raises(udfrunner.LibraryNotFound, match=str(tmp_path / "libudfrunner.so")):
        _library.find_library()
    (tmp_path / "libudfrunner.so").touch()
    assert _library.find_library() == str(tmp_path / "libudfrunner.so")


def test_file_that_is_no_library_is_refused(tmp_path: Path) -> None:
    (tmp_path / "text.so").write_text("text")
    with pytest.raises(udfrunner.LibraryNotFound, match=r"text\.so"):
        _library.Library(str(tmp_path / "text.so"))


def test_library_of_another_kind_is_refused() -> None:
    with pytest.raises(udfrunner.LibraryNotFound, match="has no function udfrunner_abi_version"):
        _library.Library("libc.so.6")


@pytest.mark.parametrize("musl", [False, True])
def test_another_c_library_is_named(
    musl: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    library = tmp_path / "libudfrunner.so"
    library.write_text("no library")
    if musl:  # which does not know the name

        def confstr(_: str) -> str:
            raise ValueError("unrecognized configuration name")

        monkeypatch.setattr(os, "confstr", confstr)
    with pytest.raises(udfrunner.LibraryNotFound) as raised:
        _library.Library(str(library))
    assert ("glibc 2.28 or later is needed; musl will not do" in str(raised.value)) == musl
    assert "libudfrunner.so" in str(raised.value)


LOADS_WITHIN = """
import resource
import sys

import udfrunner
from udfrunner import _library

held = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (held + (int(sys.argv[1]) << 20),) * 2)
try:
    print(_library.library().version)
except udfrunner.LibraryNotFound as error:
    print(str(error).partition(": ")[2])
"""


@pytest.mark.parametrize(
    ("megabytes", "said"),
    [
        (300, r"\d+ MiB of address space are left \(RLIMIT_AS, ulimit -v\): 800 MiB are needed"),
        (900, r"\d+\.\d+\.\d+.*"),
    ],
)
def test_a_limit_of_address_space_does_not_abort_the_host(megabytes: int, said: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", LOADS_WITHIN, str(megabytes)], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert re.fullmatch(said, done.stdout.strip())


@pytest.mark.parametrize(("found", "fits"), [(0x10001, True), (0x10003, True), (0x20000, False)])
def test_abi_version(found: int, fits: bool) -> None:
    if fits:
        _library.check_abi_version("x.so", found)
        return
    with pytest.raises(udfrunner.LibraryNotFound, match=r"ABI version 2\.0"):
        _library.check_abi_version("x.so", found)


def test_later_minor_version_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_abi, "UDFRUNNER_ABI_VERSION", 0x10002)
    with pytest.raises(udfrunner.LibraryNotFound, match=r"1\.1, 1\.2 or a later"):
        _library.check_abi_version("x.so", 0x10001)
