"""Arrow C streams of other producers: no data for now, failures, and a broken schema."""

from __future__ import annotations

import ctypes
import errno

import pyarrow as pa
import pytest

import udfrunner
from udfrunner import Env, EvalType, Runner, _abi

TABLE = pa.table({"a": list(range(300))})


class ForeignStream:
    """pyarrow's stream with a get_next of our own in front of it."""

    def __init__(self, answers: list[int], message: bytes | None = None) -> None:
        self.calls = 0
        self._answers = answers
        self._message = message
        self._get_next = _abi.ArrowStreamGetNext(self._next)
        self._get_last_error = _abi.ArrowStreamGetLastError(lambda _: self._message)

    def _export_to_c(self, address: int) -> None:
        TABLE.to_reader(100)._export_to_c(address)
        stream = _abi.ArrowArrayStream.from_address(address)
        self._original = _abi.ArrowStreamGetNext(
            ctypes.cast(stream.get_next, ctypes.c_void_p).value or 0
        )
        stream.get_next = self._get_next
        if self._message is not None:
            stream.get_last_error = self._get_last_error

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        raise AssertionError("the address is used")

    def _next(self, stream: object, out: object) -> int:
        answer = self._answers[self.calls] if self.calls < len(self._answers) else 0
        self.calls += 1
        return answer or self._original(stream, out)


def runner(env: Env) -> Runner:
    return Runner(EvalType.SCALAR_ARROW, [["functions:arrow_plus_one"]], [[0]], "long", env=env)


def test_stream_without_data_for_now(shared_env: Env) -> None:
    stream = ForeignStream([errno.EAGAIN, 0, errno.EAGAIN, errno.EAGAIN])
    with runner(shared_env).compute(stream) as out:
        assert out.read_all()["_0"].to_pylist() == list(range(1, 301))
    assert stream.calls >= 6


def test_waiting_for_input_is_bounded(shared_env: Env) -> None:
    stream = ForeignStream([errno.EAGAIN] * 10_000)
    with runner(shared_env).compute(stream) as out, pytest.raises(TimeoutError):
        out.read_next_batch(timeout=0.2)


@pytest.mark.parametrize("after", [0, 2])
def test_stream_that_fails(shared_env: Env, after: int) -> None:
    stream = ForeignStream([0] * after + [errno.EIO], b"the disk is gone")
    with (
        pytest.raises(udfrunner.HostError, match="the disk is gone"),
        runner(shared_env).compute(stream) as out,
    ):
        out.read_all()
    assert stream.calls == after + 1


def test_stream_is_released_once_at_the_close(shared_env: Env) -> None:
    released = []
    original = _abi.ArrowArrayStream()
    TABLE.to_reader()._export_to_c(ctypes.addressof(original))
    release = _abi.ArrowStreamRelease(ctypes.cast(original.release, ctypes.c_void_p).value or 0)

    @_abi.ArrowStreamRelease
    def counting(stream: object) -> None:
        released.append(1)
        release(stream)

    class Source(ForeignStream):
        def _export_to_c(self, address: int) -> None:
            ctypes.memmove(address, ctypes.addressof(original), ctypes.sizeof(original))
            _abi.ArrowArrayStream.from_address(address).release = counting

    out = runner(shared_env).compute(Source([]))
    next(out)
    out.cancel()
    assert released == []
    out.close()
    out.close()
    assert released == [1]
