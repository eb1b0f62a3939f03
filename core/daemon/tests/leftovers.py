"""What a function can leave behind in a worker: how it is left, and how it shows."""

from __future__ import annotations

import contextlib
import ctypes
import decimal
import faulthandler
import gc
import io
import locale
import os
import random
import resource
import signal
import subprocess
import sys
import threading
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

RESTORED, ENDS, STAYS = "restored", "ends the worker", "stays"
"""It is put back; the worker is not used again; it stays, as with PySpark's own workers."""


@dataclass(frozen=True)
class Row:
    """A row of the table in docs/reuse.md. look's answer is JSON, and differs after leave."""

    name: str
    kind: str
    leave: Callable[[], Any]
    look: Callable[[], Any]


def _default_signals() -> None:
    for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}:
        signal.signal(number, signal.SIG_DFL)


def _handlers() -> Any:
    return [str(signal.getsignal(number)) for number in sorted(signal.valid_signals())]


def _own_handler() -> None:
    signal.signal(signal.SIGRTMAX - 1, lambda *_: None)
    signal.signal(signal.SIGSEGV, signal.SIG_IGN)


def _pending_signal() -> None:
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR1, signal.SIGALRM})
    signal.raise_signal(signal.SIGUSR1)
    signal.raise_signal(signal.SIGALRM)


def _mask() -> Any:
    return sorted(map(int, signal.pthread_sigmask(signal.SIG_BLOCK, ())))


def _timers() -> None:
    signal.signal(signal.SIGALRM, signal.SIG_IGN)
    signal.alarm(3600)
    signal.setitimer(signal.ITIMER_VIRTUAL, 3600)
    signal.setitimer(signal.ITIMER_PROF, 3600)


def _timers_left() -> Any:
    return [signal.getitimer(which)[0] > 0 for which in range(3)]


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _environment() -> None:
    os.environ["LEFT"] = "behind"
    os.environ["OMP_NUM_THREADS"] = "9"
    os.environ.pop("PATH")


def _zone() -> None:
    os.environ["TZ"] = "XYZ-5"
    time.tzset()


def _soft_limit() -> None:
    resource.setrlimit(resource.RLIMIT_NOFILE, (0, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))


def _hard_limit() -> None:
    hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
    assert hard == resource.RLIM_INFINITY
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 40, 1 << 40))
    drop_privileges()


def drop_privileges() -> None:
    """Of root, that what was lowered cannot be raised again: the capabilities go."""
    if os.geteuid() == 0:
        header = (ctypes.c_uint32 * 2)(0x20080522, 0)
        ctypes.CDLL(None).capset(header, (ctypes.c_uint32 * 6)())


def _nice() -> None:
    os.nice(1)
    drop_privileges()


def _become_another() -> None:
    os.setegid(1)


def _leave_group() -> None:
    os.setpgid(0, os.getpgid(os.getppid()))


def _standard_descriptors() -> None:
    null = os.open(os.devnull, os.O_RDWR)
    for descriptor in (1, 2):
        os.dup2(null, descriptor)
    os.close(null)
    os.close(0)


def _standard_links() -> Any:
    return [
        os.path.lexists(f"/proc/self/fd/{fd}") and os.readlink(f"/proc/self/fd/{fd}")
        for fd in range(3)
    ]


def _non_blocking() -> None:
    os.set_blocking(1, False)


def _streams() -> None:
    sys.stdin = sys.stdout = sys.stderr = io.StringIO()


def _hooks() -> None:
    sys.excepthook = sys.displayhook = print  # type: ignore[assignment]
    sys.unraisablehook = sys.breakpointhook = print  # type: ignore[assignment]
    threading.excepthook = print  # type: ignore[assignment]


def _hook_names() -> Any:
    hooks = (sys.excepthook, sys.displayhook, sys.unraisablehook, sys.breakpointhook)
    return [hook is print for hook in (*hooks, threading.excepthook)]


def _tracing() -> None:
    threading.settrace(lambda *_: None)
    threading.setprofile(lambda *_: None)
    sys.setprofile(lambda *_: None)
    sys.settrace(lambda *_: None)


def _tracing_left() -> Any:
    found = (sys.gettrace(), sys.getprofile(), threading.gettrace(), threading.getprofile())
    return [function is not None for function in found]


def _collector() -> None:
    gc.disable()
    gc.set_threshold(7, 7, 7)
    gc.set_debug(gc.DEBUG_UNCOLLECTABLE)


def _thread() -> None:
    threading.Thread(target=time.sleep, args=(60,), daemon=True).start()


def _child() -> None:
    subprocess.Popen(["sleep", "60"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def _audit_hook() -> None:
    sys.addaudithook(
        lambda event, _: os.environ.update(SEEN="1") if event == "of the test" else None
    )


def _audited() -> Any:
    sys.audit("of the test")
    return os.environ.pop("SEEN", None)


def _modules() -> None:
    sys.modules["left_behind"] = sys


def _descriptor() -> None:
    os.dup2(os.open(os.devnull, os.O_RDWR), 99)


def _decimals() -> None:
    decimal.getcontext().prec = 5


def _numpy() -> None:
    import numpy

    numpy.seterr(all="raise")


def _numpy_left() -> Any:
    import numpy

    return numpy.geterr()


def _numpy_random() -> None:
    import numpy

    numpy.random.seed(7)
    random.seed(7)


def _random_left() -> Any:
    import numpy

    return [random.getstate()[1][0], int(numpy.random.get_state()[1][0])]


def _arrow_threads() -> None:
    import pyarrow

    pyarrow.set_cpu_count(3)


def _arrow_threads_left() -> Any:
    import pyarrow

    return pyarrow.cpu_count()


def _loop() -> None:
    import asyncio

    asyncio.set_event_loop(asyncio.new_event_loop())


def _loop_left() -> Any:
    import asyncio

    with contextlib.suppress(RuntimeError), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return asyncio.get_event_loop_policy()._local._loop is not None  # type: ignore[attr-defined]
    return False


def _exit_handler() -> None:
    import atexit

    atexit.register(print, "at exit")


def _exit_handlers() -> Any:
    import atexit

    return atexit._ncallbacks()


def _restored(name: str, leave: Callable[[], Any], look: Callable[[], Any]) -> Row:
    return Row(name, RESTORED, leave, look)


def _ends(name: str, leave: Callable[[], Any]) -> Row:
    return Row(name, ENDS, leave, lambda: None)


def _stays(name: str, leave: Callable[[], Any], look: Callable[[], Any]) -> Row:
    return Row(name, STAYS, leave, look)


ROWS = [
    _restored("signal handlers", _default_signals, _handlers),
    _restored("signal handlers of Python on fatal signals", _own_handler, _handlers),
    _restored(
        "signal mask", lambda: signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR1}), _mask
    ),
    _restored("pending signals", _pending_signal, _mask),
    _restored("timers", _timers, _timers_left),
    _restored("working directory", lambda: os.chdir("/proc"), os.getcwd),
    _restored("umask", lambda: os.umask(0o777), _umask),
    _restored("environment", _environment, lambda: sorted(os.environ.items())),
    _restored("time zone", _zone, lambda: [time.tzname, os.environ.get("TZ")]),
    _restored(
        "locale",
        lambda: locale.setlocale(locale.LC_ALL, "C"),
        lambda: locale.setlocale(locale.LC_ALL),
    ),
    _restored(
        "soft resource limits", _soft_limit, lambda: resource.getrlimit(resource.RLIMIT_NOFILE)
    ),
    _restored("descriptors 0 to 2", _standard_descriptors, _standard_links),
    _restored("flags of descriptors 0 to 2", _non_blocking, lambda: os.get_blocking(1)),
    _restored(
        "standard streams",
        _streams,
        lambda: [type(stream).__name__ for stream in (sys.stdin, sys.stdout, sys.stderr)],
    ),
    _restored("hooks", _hooks, _hook_names),
    _restored("trace and profile functions", _tracing, _tracing_left),
    _restored("recursion limit", lambda: sys.setrecursionlimit(12345), sys.getrecursionlimit),
    _restored("switch interval", lambda: sys.setswitchinterval(0.5), sys.getswitchinterval),
    _restored("limit of digits", lambda: sys.set_int_max_str_digits(0), sys.get_int_max_str_digits),
    _restored(
        "garbage collector",
        _collector,
        lambda: [gc.isenabled(), gc.get_threshold(), gc.get_debug()],
    ),
    _restored("faulthandler", faulthandler.disable, faulthandler.is_enabled),
    _restored("stack size of threads", lambda: threading.stack_size(1 << 20), threading.stack_size),
    _ends("threads of Python", _thread),
    _ends("child processes", _child),
    _ends("hard resource limits", _hard_limit),
    _ends("user and group", _become_another),
    _ends("process group", _leave_group),
    _ends("priority", _nice),
    _stays("audit hooks", _audit_hook, _audited),
    _stays("sys.path", lambda: sys.path.append("/left"), lambda: "/left" in sys.path),
    _stays("sys.modules", _modules, lambda: "left_behind" in sys.modules),
    _stays("open descriptors", _descriptor, lambda: os.path.lexists("/proc/self/fd/99")),
    _stays(
        "warnings filters",
        lambda: warnings.simplefilter("error", BytesWarning),
        lambda: len(warnings.filters),
    ),
    _stays("decimal context", _decimals, lambda: decimal.getcontext().prec),
    _stays("error state of numpy", _numpy, _numpy_left),
    _stays("random generators", _numpy_random, _random_left),
    _stays("thread pools of Arrow, BLAS, OpenMP", _arrow_threads, _arrow_threads_left),
    _stays("event loop of asyncio", _loop, _loop_left),
    _stays("atexit handlers", _exit_handler, _exit_handlers),
]
