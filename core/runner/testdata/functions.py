"""Functions that the tests of core/runner refer to."""

import ctypes
import multiprocessing
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from pyspark import TaskContext
from pyspark.sql.functions import pandas_udf
from pyspark.sql.types import LongType


def add(x, y):
    return x + y


def seven():
    return 7


def double(x):
    return x * 2


def negate_arrow(x: pa.Array) -> pa.Array:
    return pc.negate(x)


def iter_double(batches: Iterator[pd.Series]) -> Iterator[pd.Series]:
    for x in batches:
        yield x * 2


def iter_negate(batches: Iterator[pa.Array]) -> Iterator[pa.Array]:
    for x in batches:
        yield pc.negate(x)


def map_pandas(frames: Iterator[pd.DataFrame]) -> Iterator[pd.DataFrame]:
    for frame in frames:
        yield frame[frame.a % 2 == 0]


def map_arrow(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    for batch in batches:
        yield batch.filter(pc.greater(batch["a"], 1))


def sum_pandas(frame: pd.DataFrame) -> pd.DataFrame:
    return pd.DataFrame({"k": [frame.k.iloc[0]], "n": [len(frame)], "s": [frame.v.sum()]})


def count_rows(frame: pd.DataFrame) -> pd.DataFrame:
    return pd.DataFrame({"n": [len(frame)]})


def sum_keyed(key: tuple, frame: pd.DataFrame) -> pd.DataFrame:
    return pd.DataFrame({"k": [key[0]], "n": [len(frame)], "s": [frame.v.sum()]})


def sum_arrow(table: pa.Table) -> pa.Table:
    return pa.table({"k": table["k"][:1], "n": [table.num_rows], "s": [pc.sum(table["v"]).as_py()]})


def sum_batches(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    yield sum_arrow(pa.Table.from_batches(list(batches))).to_batches()[0]


def sum_frames(frames: Iterator[pd.DataFrame]) -> Iterator[pd.DataFrame]:
    yield sum_pandas(pd.concat(list(frames)))


def both_pandas(left: pd.DataFrame, right: pd.DataFrame) -> pd.DataFrame:
    return pd.DataFrame({"n": [len(left)], "m": [len(right)], "s": [left.v.sum() + right.v.sum()]})


def both_arrow(left: pa.Table, right: pa.Table) -> pa.Table:
    total = (pc.sum(left["v"]).as_py() or 0) + (pc.sum(right["v"]).as_py() or 0)
    return pa.table({"n": [left.num_rows], "m": [right.num_rows], "s": [total]})


def total_pandas(v: pd.Series) -> int:
    return int(v.sum())


@pandas_udf(LongType())
def decorated_total(v: pd.Series) -> int:
    return int(v.sum())


def total_arrow(v: pa.Array) -> int:
    return pc.sum(v).as_py()


def total_iter(batches: Iterator[pd.Series]) -> int:
    return int(sum(v.sum() for v in batches))


def total_iter_arrow(batches: Iterator[pa.Array]) -> int:
    return sum(pc.sum(v).as_py() or 0 for v in batches)


def fails_on_three(frame: pd.DataFrame) -> pd.DataFrame:
    if frame.k.iloc[0] == 3:
        raise ValueError("three")
    return sum_pandas(frame)


class Twice:
    """A table function."""

    def eval(self, x: int) -> Iterator[tuple[int]]:
        yield (x,)
        yield (x * 10,)

    def terminate(self) -> Iterator[tuple[int]]:
        yield (-1,)


def take_one(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    yield next(iter(batches))


@pandas_udf(LongType())
def decorated(x: pd.Series) -> pd.Series:
    return x + 100


def partition(x: pd.Series) -> pd.Series:
    context = TaskContext.get()
    return x * 0 + context.partitionId() * 1000 + context.attemptNumber()


def process_id(x: pd.Series) -> pd.Series:
    return x * 0 + os.getpid()


def add_broadcast(x: pd.Series) -> pd.Series:
    """Adds the broadcast variable 7, 100 where there is none, and a thousand times its process id."""
    try:
        from pyspark.core.broadcast import _broadcastRegistry
    except ImportError:  # PySpark 3.5
        from pyspark.broadcast import _broadcastRegistry

    found = _broadcastRegistry.get(7)
    return x + (100 if found is None else found.value) + 1000 * os.getpid()


def fail(x):
    raise ValueError("a deliberate error")


def fail_at_length(x):
    raise ValueError("x" * (20 << 20))


def fail_unspeakably(x):
    raise ValueError("half a pair: \ud800")


def exit_three(x):
    sys.stderr.write("about to leave\n")
    sys.stderr.flush()
    os._exit(3)


def leave_a_daemon_behind(x):
    """Ends with a child in a session of its own that holds the channel until the host closes it."""
    (channel,) = (
        fd for fd in range(3, 100) if os.path.realpath(f"/proc/self/fd/{fd}").find("socket:") >= 0
    )
    if os.fork() == 0:
        os.setsid()
        while os.read(channel, 1 << 16):
            pass
        os._exit(0)
    os._exit(4)


def kill_itself(x):
    os.kill(os.getpid(), signal.SIGKILL)


def segfault(x):
    ctypes.string_at(0)


def sleep_forever(x):
    while True:
        time.sleep(3600)


def wrong_type(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    for batch in batches:
        yield batch.select([0]).cast(pa.schema([("a", pa.int32())]))


def describe(batches: Iterator[pa.RecordBatch], cast: str) -> Iterator[pa.RecordBatch]:
    """Rows of a text and a list of texts, in the Arrow types that a cast asks for."""
    text, tags = {
        "plain": (pa.string(), pa.list_(pa.string())),
        "large": (pa.large_string(), pa.large_list(pa.large_string())),
        "views": (pa.string_view(), pa.list_view(pa.string_view())),
        "coded": (pa.dictionary(pa.int8(), pa.string()), pa.list_(pa.large_string())),
    }[cast]
    for batch in batches:
        numbers = batch["a"].to_pylist()
        names = [None if n == 2 else f"the name of number {n}" for n in numbers]
        lists = [[name, None, "x"][: n % 4] for n, name in zip(numbers, names)]
        yield pa.record_batch([pa.array(names, text), pa.array(lists, tags)], ["name", "tags"])


def describe_plain(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    return describe(batches, "plain")


def describe_large(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    return describe(batches, "large")


def describe_views(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    return describe(batches, "views")


def describe_coded(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    return describe(batches, "coded")


def outlive_the_daemon(x, session=False):
    """Ask the kernel not to end this process with its parent, and start another."""
    pr_set_pdeathsig = 1
    ctypes.CDLL(None).prctl(pr_set_pdeathsig, 0, 0, 0, 0)
    subprocess.Popen(["sleep", "3600"], start_new_session=session)
    return sleep_forever(x)


def outlive_in_a_session(x):
    return outlive_the_daemon(x, session=True)


def flood(x):
    """Send without end what is no result: streams without batches."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, pa.schema([("_0", pa.int64())])):
        pass
    start_arrow_stream = (-6).to_bytes(4, "big", signed=True)
    data = memoryview((start_arrow_stream + sink.getvalue().to_pybytes()) * 1000)
    channel = next(fd for fd in map(int, os.listdir("/proc/self/fd")) if fd > 2 and is_socket(fd))
    os.set_blocking(channel, True)
    while True:
        sent = 0
        while sent < len(data):
            sent += os.write(channel, data[sent:])


def is_socket(fd):
    try:
        return os.readlink(f"/proc/self/fd/{fd}").startswith("socket:")
    except OSError:  # the one that the listing used
        return False


def spin_in_c(x):
    """Never comes back from one call of C code, which no Python code can interrupt."""
    return re.match(r"(a+)+$", "a" * 64 + "b")


def keep_calling(x):
    """Enters Python functions from C code without end."""
    while True:
        sorted(range(1000), key=lambda n: -n)


def take_memory(x):
    """Uses 400 MB more than before, and keeps it."""
    held = bytearray(os.urandom(4096)) * (100 << 10)
    while held:
        time.sleep(3600)


def take_memory_in_a_child(x):
    """The same in a process whose parent has ended."""
    if os.fork() == 0:
        if os.fork() == 0:
            take_memory(x)
        os._exit(0)
    sleep_forever(x)


def take_memory_for_a_while(x):
    """200 MB that are given back before it returns."""
    held = bytearray(os.urandom(4096)) * (50 << 10)
    return x + len(held) - len(held)


def say(x):
    print("partition", TaskContext.get().partitionId(), "ends here")
    print("to stderr", file=sys.stderr)
    return x


def shout(x):
    """Prints 40 MB."""
    line = "x" * 999
    for _ in range(40_000):
        print(line)
    return x


def long_line(x):
    sys.stdout.write("y" * 40_000 + "\nwithout an end")
    return x


def owner(x):
    import operators

    return x * 0 + operators.OWNER


def leave_behind(how: str):
    """A function that answers with its input, and leaves something that answers later.

    That is when the file $LEFT_HELD is gone.
    """

    def late(x):
        while os.path.exists(os.environ["LEFT_HELD"]):
            time.sleep(0.01)
        return x * 0 + 666

    def function(x):
        outfile = task_file("outfile")
        if how == "os.fork" and os.fork() == 0:
            return late(x)
        if how == "ctypes fork" and ctypes.CDLL(None).fork() == 0:
            return late(x)
        if how == "exit" and os.fork() == 0:
            sys.exit(late(0) - 666)
        if how == "multiprocessing":
            multiprocessing.get_context("fork").Process(target=answer, args=(late, outfile)).start()
        if how == "thread":
            threading.Thread(target=answer, args=(late, outfile), daemon=True).start()
        return x

    return function


def answer(late, outfile):
    """What a child or a thread may do with the file of the task it came from."""
    outfile.write(bytes([late(0) % 256]) * 1000)
    outfile.flush()


def task_file(name: str):
    """A file of the task that runs, found in PySpark's frames."""
    frame = sys._getframe()
    while name not in frame.f_locals:
        frame = frame.f_back
    return frame.f_locals[name]


leave_fork = leave_behind("os.fork")
leave_c_fork = leave_behind("ctypes fork")
leave_exit = leave_behind("exit")
leave_process = leave_behind("multiprocessing")
leave_thread = leave_behind("thread")


def double_slowly(x):
    time.sleep(0.2)
    return x * 2


def wait_for_child(x):
    process = multiprocessing.get_context("fork").Process(target=abs, args=(1,))
    process.start()
    process.join()
    return x


def wait_for_thread(x):
    thread = threading.Thread(target=abs, args=(1,))
    thread.start()
    thread.join()
    return x
