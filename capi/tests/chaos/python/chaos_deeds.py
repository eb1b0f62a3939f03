"""What a function of chaos does to its worker. Each deed takes the task's id, and may return."""

import ctypes
import os
import resource
import signal
import stat
import sys
import threading
import time
from collections.abc import Callable, Iterator

from pyspark.accumulators import INT_ACCUMULATOR_PARAM, Accumulator, _accumulatorRegistry

LINGER = 0.05  # seconds that what is left behind lives on


def nothing(task: int) -> bool:
    return False


# --------------------------------------------------------------------------- Exceptions


def raises(task: int) -> bool:
    raise ValueError(f"chaos {task}")


def raises_much(task: int) -> bool:
    raise ValueError(f"chaos {task} " + "ü€\n" * (task % 1_000_000))


def recurses(task: int) -> bool:
    return recurses(task) or recurses(task + 1)


def asks_for_memory(task: int) -> bool:
    return len(bytearray(1 << 62)) == task


def exits_by_exception(task: int) -> bool:
    sys.exit(task % 7)


def interrupts(task: int) -> bool:
    os.kill(os.getpid(), signal.SIGINT)
    time.sleep(600)
    return False


def gives_less(task: int) -> bool:
    return True


# --------------------------------------------------------------------------------- Ends


def exits(task: int) -> bool:
    os._exit(task % 100)


def executes(task: int) -> bool:
    os.execv("/bin/true", ["true"])


def aborts(task: int) -> bool:
    os.abort()


def crashes(task: int) -> bool:
    ctypes.string_at(8)
    return False


def kills_itself(task: int) -> bool:
    os.kill(os.getpid(), signal.SIGKILL)
    return False


def kills_daemon(task: int) -> bool:
    os.kill(os.getppid(), signal.SIGKILL)
    time.sleep(600)
    return False


def stops_daemon(task: int) -> bool:
    os.kill(os.getppid(), signal.SIGSTOP)
    return False


# -------------------------------------------------------------------------------- Hangs


def sleeps(task: int) -> bool:
    time.sleep(600)
    return False


def stops(task: int) -> bool:
    os.kill(os.getpid(), signal.SIGSTOP)
    time.sleep(600)
    return False


def floods_for_ever(task: int) -> bool:
    while True:
        os.write(1 + task % 2, bytes([task % 251]) * 8000)


# -------------------------------------------------------------------------- Left behind


def forks(task: int) -> bool:
    """A child that lives on and answers: by a value, an exception, an exit."""
    if os.fork() == 0:
        time.sleep(LINGER)
        if task % 3 == 1:
            raise ValueError("of a child")
        if task % 3 == 2:
            sys.exit(0)
    return False


def forks_in_c(task: int) -> bool:
    """The same behind Python's back."""
    if ctypes.CDLL(None).fork() == 0:
        time.sleep(LINGER)
    return False


def forks_session(task: int) -> bool:
    """A child in a session of its own."""
    if os.fork() == 0:
        os.setsid()
        time.sleep(LINGER)
        os._exit(0)
    return False


def leaves_thread(task: int) -> bool:
    threading.Thread(target=lambda: time.sleep(LINGER)).start()
    return False


def leaves_state(task: int) -> bool:
    for channel in channels():
        os.set_inheritable(channel, True)
    os.chdir("/proc")
    os.umask(0o777)
    os.environ.clear()
    os.environ["TZ"] = "Asia/Tokyo"
    time.tzset()
    sys.setrecursionlimit(200)
    sys.stdout = sys.stderr = sys.stdin = None
    for number in (signal.SIGALRM, signal.SIGUSR1, signal.SIGUSR2, signal.SIGPROF, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
    signal.setitimer(signal.ITIMER_REAL, 3600)
    resource.setrlimit(resource.RLIMIT_NOFILE, (3, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
    return False


def leaves_no_streams(task: int) -> bool:
    for fd in range(3):
        os.close(fd)
    return False


# ------------------------------------------------------------------- Floods and garbage


def floods(task: int) -> bool:
    for i in range(task % 500):
        os.write(1 + i % 2, os.urandom(4000))
    return False


def accumulates(task: int) -> bool:
    """Accumulators whose ids and values are the task's."""
    for i in range(1 + task % 300):
        update = Accumulator(task % (1 << 20) * 1000 + i, 0, INT_ACCUMULATOR_PARAM)
        update.add(task)
        _accumulatorRegistry[update.aid] = update
    return False


def garbles(task: int) -> bool:
    """Bytes between those of the answer; the first four are no length and no word of the protocol."""
    for channel in channels():
        word = -100 - task % (1 << 30)
        os.write(channel, word.to_bytes(4, "big", signed=True) + os.urandom(task % 4000))
    return False


def closes_all(task: int) -> bool:
    os.closerange(3, 1000)
    time.sleep(600)
    return False


def channels() -> Iterator[int]:
    """The sockets of this process: its channel is among them."""
    for name in os.listdir("/proc/self/fd"):
        try:
            if stat.S_ISSOCK(os.fstat(int(name)).st_mode):
                yield int(name)
        except OSError:
            continue  # The descriptor that lists.


# The order is that of capi/tests/chaos/deeds.c.
DEEDS: tuple[Callable[[int], bool], ...] = (
    nothing,
    raises,
    raises_much,
    recurses,
    asks_for_memory,
    exits_by_exception,
    interrupts,
    gives_less,
    exits,
    executes,
    aborts,
    crashes,
    kills_itself,
    kills_daemon,
    sleeps,
    stops,
    floods_for_ever,
    forks,
    forks_in_c,
    forks_session,
    leaves_thread,
    leaves_state,
    leaves_no_streams,
    floods,
    accumulates,
    garbles,
    closes_all,
    stops_daemon,
)
