"""Functions that end their workers, or try to, in the ways that core/crashes has in its table."""

import ctypes
import mmap
import os
import resource
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import numpy as np


def double(x):
    return x * 2


def begun() -> None:
    """Tell the test that the function runs, and in which process."""
    path = Path(os.environ["CRASHES_DIR"], "begun")
    path.with_suffix(".new").write_text(str(os.getpid()))
    path.with_suffix(".new").rename(path)


def first(x) -> bool:
    """Whether these are the first rows of the task."""
    return x[0] == 1


def wait(x):
    begun()
    while True:
        time.sleep(3600)


# Signals.


def segfault(x):
    ctypes.string_at(0)


def abort(x):
    os.abort()


def bus_error(x):
    """Reads a page of a file that has become shorter."""
    with tempfile.TemporaryFile() as file:
        file.truncate(4096)
        with mmap.mmap(file.fileno(), 4096) as pages:
            file.truncate(0)
            return x + pages[0]


def division_by_zero(x):
    """The signal of the processor's trap: C code may divide integers by zero, Python cannot."""
    os.kill(os.getpid(), signal.SIGFPE)


def kill(x):
    os.kill(os.getpid(), signal.SIGKILL)


def terminate(x):
    os.kill(os.getpid(), signal.SIGTERM)


def overflow_c_stack(x):
    """Each level of this recursion goes through C."""
    sys.setrecursionlimit(1 << 30)

    def down(n):
        return max(map(down, [n + 1]))

    return down(0)


def overflow_file_limit(x):
    """As CPython ignores SIGXFSZ, this is an exception."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, resource.RLIM_INFINITY))
    with tempfile.TemporaryFile() as file:
        file.write(bytes(1 << 20))


def overflow_cpu_limit(x):
    resource.setrlimit(resource.RLIMIT_CPU, (1, resource.RLIM_INFINITY))
    while True:
        pass


def killed_in_the_second_batch(x):
    return x if first(x) else kill(x)


# Exits.


def exit_three(x):
    sys.stderr.write("about to leave\n")
    sys.stderr.flush()
    os._exit(3)


def exit_well(x):
    os._exit(0)


def become_another_program(x):
    os.execv("/bin/sh", ["sh", "-c", "exit 9"])


def raise_system_exit(x):
    sys.exit(5)


def raise_keyboard_interrupt(x):
    signal.raise_signal(signal.SIGINT)


def exit_with_an_orphan_on_the_channel(x):
    """Ends with a child in a session of its own that holds the channel until the host closes it."""
    channel = channels()[0]
    if os.fork() == 0:
        os.setsid()
        while os.read(channel, 1 << 16):
            pass
        os._exit(0)
    os._exit(4)


# Exceptions.


def fail(x):
    raise ValueError("a deliberate error")


def fail_unspeakably(x):
    raise ValueError("half a pair: \ud800")


def recurse(x):
    return recurse(x)


def allocate_too_much(x):
    return x + len(bytearray(1 << 60))


def allocate_by_numpy(x):
    return x + np.ones(1 << 57).sum()


def allocate_beyond_the_limit(x):
    return x + len(bytearray(16 << 30))


def import_nothing(x):
    import no_such_module

    return no_such_module.f(x)


def fill_the_disk(x):
    """PySpark's own spill, into files that the kernel has no room for."""
    from pyspark.serializers import CPickleSerializer
    from pyspark.shuffle import Aggregator, ExternalMerger

    merger = ExternalMerger(Aggregator(list, None, None), 1, CPickleSerializer(), partitions=2)
    directory = Path(merger._get_spill_dir(0))
    directory.mkdir(parents=True)
    for i in range(2):
        (directory / str(i)).symlink_to("/dev/full")
    merger.mergeValues((i, bytes(1 << 16)) for i in range(100))
    merger._spill()


# The channel and other descriptors.


def channels() -> list[int]:
    """The descriptors of sockets, of which the channel is the first."""
    return [
        fd
        for fd in range(3, 256)
        if os.path.realpath(f"/proc/self/fd/{fd}").partition(":")[0].endswith("socket")
    ]


def close_descriptors_and_stay(x):
    os.closerange(0, 256)
    while True:
        time.sleep(3600)


def close_standard_streams(x):
    if first(x):
        os.closerange(0, 3)
    return x * 2


def write_garbage_to_the_channel(x):
    os.write(channels()[0], b"\x7f" * 64)
    return x


def write_a_huge_length_to_the_channel(x):
    """An exception whose text has 2 GiB, most of which never comes."""
    os.write(channels()[0], b"\xff\xff\xff\xfe\x7f\xff\xff\xff")
    return x


def write_garbage_to_stdout(x):
    for fd in (1, 2):
        os.write(fd, b"\x00\xff\xfe garbage")
        for _ in range(64):
            os.write(fd, b"\x80" * 65536)
    return x * 2


# Processes and threads.


def stop(x):
    begun()
    os.kill(os.getpid(), signal.SIGSTOP)
    return x


def fork_many(x):
    """Fifty children that outlive their parent, some of them in pipes' ends and in other states."""
    for i in range(50):
        if os.fork() == 0:
            if i % 10 == 0:
                signal.pthread_sigmask(signal.SIG_SETMASK, signal.valid_signals())
            while True:
                time.sleep(3600)
    begun()
    os._exit(7)


def fork_until_refused(x):
    """The system gives no more processes. What limits them is the user's count, which counts for no root."""
    if os.getuid() == 0:
        os.setgid(65534)
        os.setuid(65534)
    resource.setrlimit(resource.RLIMIT_NPROC, (40, 40))
    while True:
        if os.fork() == 0:
            while True:
                time.sleep(3600)


def leave_a_child(x):
    subprocess.Popen(["sleep", "3600"])
    return x * 2


def leave_threads(x):
    for _ in range(20):
        threading.Thread(target=time.sleep, args=(3600,)).start()
    return x * 2


def change_directory(x):
    if first(x) and os.getcwd() == "/proc":
        raise RuntimeError("the last task's directory")
    os.chdir("/proc")
    return x * 2


def remove_the_directory(x):
    with tempfile.TemporaryDirectory() as directory:
        os.chdir(directory)
    return x * 2


def change_the_process(x):
    """What a task may leave in its process that the next one must not meet."""
    changed = signal.getsignal(signal.SIGTERM) is signal.SIG_IGN or "LEFT_BEHIND" in os.environ
    if first(x) and changed:
        raise RuntimeError("the last task's settings")
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_SETMASK, signal.valid_signals())
    signal.setitimer(signal.ITIMER_REAL, 0.2)
    os.environ["LEFT_BEHIND"] = "1"
    sys.stdout = sys.stderr = None
    sys.setrecursionlimit(100)
    return x * 2


def take_memory(x):
    begun()
    blocks = []
    while True:
        blocks.append(b"x" * (8 << 20))


def exit_while_the_daemon_is_stopped(x):
    begun()
    os.kill(os.getppid(), signal.SIGSTOP)
    os._exit(3)


def kill_the_daemon(x):
    begun()
    os.kill(os.getppid(), signal.SIGKILL)
    time.sleep(3600)


def hang_in_c(x):
    """Stuck in C code, with all signals blocked that can be."""
    signal.pthread_sigmask(signal.SIG_SETMASK, signal.valid_signals())
    begun()
    ctypes.PyDLL(None).sleep(3600)  # holds the GIL
