"""Each kind of bad input is refused at once with its own exception, and harms no other task."""

from __future__ import annotations

import contextlib
import ctypes
import errno
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from conftest import PYTHON
from test_failures import works

import udfrunner
from udfrunner import Env, EvalType, Runner, _abi, _rows

#: Seconds within which an error has to come, the configured limits aside.
LIMIT = 1.0
#: Bytes of a message that can still be read: what is longer belongs into details.
MESSAGE_LIMIT = 500
TABLE = pa.table({"n": [0, 1, 2], "s": ["a", "bb", "c"]})

Kind = type[udfrunner.Error]


@contextlib.contextmanager
def refused(env: Env, kind: Kind, *parts: str, limit: float = LIMIT) -> Iterator[None]:
    """Expects exactly this exception, naming the parts, in time; afterwards the env works."""
    assert works(env), "the env's workers are started"
    start = time.monotonic()
    with pytest.raises(kind) as caught:
        yield
    took = time.monotonic() - start
    assert type(caught.value) is kind
    assert [part for part in parts if part not in caught.value.message] == [], caught.value.message
    assert "\n" not in caught.value.message
    assert len(caught.value.message) < MESSAGE_LIMIT, caught.value.message
    assert took < limit
    assert works(env)


def run(
    env: Env,
    reference: str = "functions:arrow_plus_one",
    *,
    eval_type: int = EvalType.SCALAR_ARROW,
    offset: int = 0,
    return_type: str = "long",
    conf: dict[str, Any] | None = None,
    data: Any = TABLE,
) -> None:
    """Makes a runner and runs a task; with the defaults that works."""
    offsets = None if eval_type == EvalType.MAP_ARROW else [[offset]]
    runner = Runner(eval_type, [[reference]], offsets, return_type, env=env, conf=conf)
    with runner, runner.compute(data) as out:
        out.read_all()


# ------------------------------------------------------- runners and functions


@pytest.mark.parametrize("eval_type", [-1, 31, 12345])
def test_eval_type_of_none(shared_env: Env, eval_type: int) -> None:
    with refused(shared_env, udfrunner.InvalidArgument, f"eval type {eval_type}"):
        run(shared_env, eval_type=eval_type)


@pytest.mark.parametrize(
    ("key", "value", "parts"),
    [
        ("udfrunner.window.bonds", "bounded", ["did you mean udfrunner.window.bounds?"]),
        ("spark.buffer.size", "abc", ['"abc"', "expected a size"]),
        ("spark.executor.cores", 2, ["for envs only"]),
    ],
)
def test_configuration_of_a_runner(
    shared_env: Env, key: str, value: object, parts: list[str]
) -> None:
    with refused(shared_env, udfrunner.InvalidArgument, key, *parts):
        run(shared_env, conf={key: value})


@pytest.mark.parametrize(
    ("key", "value", "part"),
    [
        ("udfrunner.zygot.enabled", True, "did you mean udfrunner.zygote.enabled?"),
        ("udfrunner.nothing.like.it", 1, "docs/configuration.md"),
        ("spark.buffer.size", "abc", '"abc"'),
        ("udfrunner.eval.input_type", "{}", "for runners only"),
    ],
)
def test_configuration_of_an_env(shared_env: Env, key: str, value: object, part: str) -> None:
    with refused(shared_env, udfrunner.InvalidArgument, key, part):
        Env({key: value})


@pytest.mark.parametrize(
    ("reference", "part"),
    [
        ("no_such_module:f", "No module named 'no_such_module'"),
        ("functions:no_such_function", "no attribute 'no_such_function'"),
        ("functions:not_callable", "functions:not_callable': expected something callable"),
    ],
)
def test_reference_to_nothing(shared_env: Env, reference: str, part: str) -> None:
    with refused(shared_env, udfrunner.PythonException, reference, part):
        run(shared_env, reference)


@pytest.mark.parametrize("return_type", ["lnog", "array<int", "a long,"])
def test_bad_ddl(shared_env: Env, return_type: str) -> None:
    with refused(shared_env, udfrunner.InvalidArgument, "type", return_type):
        run(shared_env, return_type=return_type)


def test_unequal_counts(shared_env: Env) -> None:
    with refused(shared_env, udfrunner.InvalidArgument, "2 chains of functions but 1 lists"):
        Runner(EvalType.SCALAR_ARROW, [["a:b"], ["a:b"]], [[0]], "long", env=shared_env)


@pytest.mark.parametrize("offset", [2, 2**31 - 1])
def test_offset_beyond_the_input(shared_env: Env, offset: int) -> None:
    with refused(shared_env, udfrunner.InvalidArgument, f"offset {offset}", "2 columns"):
        run(shared_env, offset=offset)


def test_more_columns_declared_than_yielded(shared_env: Env) -> None:
    with refused(shared_env, udfrunner.PythonException, "1 columns", "declared 3"):
        run(
            shared_env,
            "functions:two_columns_as_one",
            eval_type=EvalType.MAP_ARROW,
            return_type="n long, s string, t string",
        )


# ---------------------------------------------------------------- interpreters


def script(folder: Path, text: str) -> str:
    path = folder / "interpreter"
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return str(path)


def without_pyspark(folder: Path) -> str:
    return script(folder, f"exec '{PYTHON}' -S \"$@\"")


def with_old_pyspark(folder: Path) -> str:
    metadata = "Metadata-Version: 2.1\nName: pyspark\nVersion: 3.4.1\n"
    for name, text in {
        "pyspark/__init__.py": "__version__ = '3.4.1'\n",
        "pyspark/version.py": "__version__: str = '3.4.1'\n",
        "pyspark-3.4.1.dist-info/METADATA": metadata,
    }.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text)
    return script(folder, f"PYTHONPATH='{folder}' exec '{PYTHON}' -S \"$@\"")


@pytest.mark.parametrize(
    ("make", "part"),
    [
        pytest.param(lambda _: "/no/such/python", "no such file", id="missing"),
        pytest.param(lambda _: "no-such-python", "PATH", id="not on PATH"),
        pytest.param(lambda _: "/bin/ls", "before it could start", id="no Python"),
        pytest.param(without_pyspark, "has no PySpark", id="without PySpark"),
        pytest.param(with_old_pyspark, "PySpark 3.4.1", id="old PySpark"),
    ],
)
def test_interpreter_that_cannot_serve(
    shared_env: Env, tmp_path: Path, make: Callable[[Path], str], part: str
) -> None:
    python = make(tmp_path)
    with refused(shared_env, udfrunner.SpawnError, f'"{python}"', part):
        run(shared_env, conf={"spark.pyspark.python": python})


def test_silent_interpreter(shared_env: Env, tmp_path: Path) -> None:
    python = script(tmp_path, "exec sleep 1000")
    conf = {"spark.pyspark.python": python, "udfrunner.worker.startTimeout": "300ms"}
    parts = (f'"{python}"', "udfrunner.worker.startTimeout")
    with refused(shared_env, udfrunner.SpawnError, *parts, limit=0.3 + LIMIT):
        run(shared_env, conf=conf)


# ----------------------------------------------------------------------- input


def word(struct: ctypes.Structure, field: str) -> int:
    """The address of a field; all that tests change are 8 bytes wide."""
    return ctypes.addressof(struct) + int(getattr(type(struct), field).offset)


def entry(pointers: Any, i: int) -> int:
    """The address of an entry of an array of pointers."""
    return ctypes.addressof(pointers.contents) + 8 * i


def column(array: Any, i: int) -> Any:
    return array.children[i].contents


LastError = ctypes.CFUNCTYPE(ctypes.c_void_p, ctypes.c_void_p)
#: What is wrong with a batch or schema: the address of eight bytes and their new value.
Fault = tuple[int, int]

BAD_ARRAYS: dict[str, tuple[Callable[[Any], Fault], list[str]]] = {
    "negative length": (lambda a: (word(a, "length"), -1), ["length -1"]),
    "too few columns": (lambda a: (word(a, "n_children"), 1), ["n_children is 1, must be 2"]),
    "too many columns": (lambda a: (word(a, "n_children"), 3), ["n_children is 3, must be 2"]),
    "no columns": (lambda a: (word(a, "children"), 0), ["children is NULL"]),
    "no column": (lambda a: (entry(a.children, 1), 0), ['column "s"', "NULL"]),
    "no data": (
        lambda a: (entry(column(a, 0).buffers, 1), 0),
        ['column "n"', "buffer 1", "NULL"],
    ),
    "no text": (
        lambda a: (entry(column(a, 1).buffers, 2), 0),
        ['column "s"', "buffer 2", "NULL"],
    ),
    "short column": (lambda a: (word(column(a, 0), "length"), 2), ['column "n"', "length is 2"]),
    # Of the offsets 0, 1, 3, 4 the third becomes 0.
    "falling offsets": (
        lambda a: (column(a, 1).buffers[1] + 8, 4 << 32),
        ['column "s"', "offset 2 is 0"],
    ),
    "released column": (lambda a: (word(column(a, 1), "release"), 0), ['column "s"', "released"]),
}

BAD_SCHEMAS: dict[str, tuple[Callable[[Any], Fault], list[str]]] = {
    "column without format": (
        lambda s: (word(column(s, 1), "format"), 0),
        ['column "s"', "format is NULL"],
    ),
    "no column": (lambda s: (entry(s.children, 1), 0), ["child 1 is NULL"]),
    "released column": (lambda s: (word(column(s, 1), "release"), 0), ['column "s"', "released"]),
}


class Spoiled:
    """pyarrow's stream of TABLE with one fault, which is mended before pyarrow's own release."""

    def __init__(
        self,
        array: Callable[[Any], Fault] | None = None,
        schema: Callable[[Any], Fault] | None = None,
        schema_error: bool = False,
    ) -> None:
        self.given = self.released = self.streams_released = 0
        self._faults = {"get_next": array, "get_schema": schema}
        self._schema_error = schema_error
        # ctypes' functions live as long as the library may call them: until the test's end.
        self._keep: list[Any] = []

    def _export_to_c(self, address: int) -> None:
        # A copy of the text's offsets of its own: they are changed in place.
        batch = pa.RecordBatch.from_arrays(
            [pa.array([0, 1, 2]), pa.array(["a", "bb", "c"])], names=["n", "s"]
        )
        pa.RecordBatchReader.from_batches(batch.schema, [batch])._export_to_c(address)
        stream = _abi.ArrowArrayStream.from_address(address)
        stream.get_next = self._spoiling(stream, "get_next", _abi.ArrowArray)
        stream.get_schema = self._spoiling(stream, "get_schema", _abi.ArrowSchema)
        if self._schema_error:
            # The text's address: ctypes would keep bytes that a callback returns forever.
            text = self._kept(ctypes.create_string_buffer(b"no ink"))
            last_error = self._kept(LastError(lambda _: ctypes.addressof(text)))
            stream.get_last_error = ctypes.cast(last_error, _abi.ArrowStreamGetLastError)
        release = self._original(stream, "release", _abi.ArrowStreamRelease)

        def count(address: Any) -> None:
            self.streams_released += 1
            release(address)

        stream.release = self._kept(_abi.ArrowStreamRelease(count))

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        raise AssertionError("the address is used")

    def _kept(self, function: Any) -> Any:
        self._keep.append(function)
        return function

    def _original(self, struct: Any, field: str, kind: Any) -> Any:
        return kind(ctypes.c_void_p.from_address(word(struct, field)).value)

    def _spoiling(self, stream: Any, field: str, kind: Any) -> Any:
        function = type(getattr(stream, field))
        original = self._original(stream, field, function)

        def call(address: Any, out: Any) -> int:
            if self._schema_error and field == "get_schema":
                return errno.EIO
            answer: int = original(address, out)
            fault = self._faults[field]
            if answer == 0 and fault is not None and out.contents.release:
                self._spoil(out.contents, fault)
            return answer

        return self._kept(function(call))

    def _spoil(self, struct: Any, fault: Callable[[Any], Fault]) -> None:
        place, value = fault(struct)
        broken = ctypes.c_int64.from_address(place)
        good = broken.value
        kind = type(struct.release)
        release = self._original(struct, "release", kind)

        def mend(address: Any) -> None:
            broken.value = good
            self.released += 1
            release(address)

        struct.release = self._kept(kind(mend))
        broken.value = value
        self.given += 1


@pytest.mark.parametrize("name", BAD_ARRAYS)
def test_array_of_a_wrong_structure(shared_env: Env, name: str) -> None:
    fault, parts = BAD_ARRAYS[name]
    stream = Spoiled(array=fault)
    with refused(shared_env, udfrunner.HostError, "input array", *parts):
        run(shared_env, data=stream)
    assert (stream.given, stream.released, stream.streams_released) == (1, 1, 1)


@pytest.mark.parametrize("name", BAD_SCHEMAS)
def test_schema_of_a_wrong_structure(shared_env: Env, name: str) -> None:
    fault, parts = BAD_SCHEMAS[name]
    stream = Spoiled(schema=fault)
    with refused(shared_env, udfrunner.HostError, *parts):
        run(shared_env, data=stream)
    assert stream.given == stream.released >= 1
    assert stream.streams_released == 1


def test_get_schema_fails(shared_env: Env) -> None:
    stream = Spoiled(schema_error=True)
    with refused(shared_env, udfrunner.HostError, "get_schema", "no ink"):
        run(shared_env, data=stream)
    assert stream.streams_released == 1


def test_unspoiled_stream_works(shared_env: Env) -> None:
    run(shared_env, data=Spoiled())


def test_records_callback_that_answers_ok_with_nothing(
    shared_env: Env, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_rows.RecordInput, "_fill", lambda *_: _abi.UDFRUNNER_OK)
    runner = Runner(EvalType.BATCHED, [["functions:plus_one"]], [[0]], "long", env=shared_env)
    with (
        refused(shared_env, udfrunner.HostError, "input callback", "OK with no data"),
        runner.compute_rows([(1,)]) as out,
    ):
        next(out)
