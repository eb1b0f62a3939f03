"""Real library, real workers; after each test no process and no descriptor is left."""

from __future__ import annotations

import gc
import io
import os
import re
import select
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.csv
import pytest

TESTS = Path(__file__).resolve().parent
PACKAGE = TESTS.parent
REPOSITORY = PACKAGE.parents[1]
LIBRARY = REPOSITORY / "build" / "libudfrunner.so"


def interpreter(minor: str) -> Path:
    """The test environment's Python with this PySpark."""
    return REPOSITORY / "build" / "venv" / minor / "bin" / "python"


#: The workers' interpreter; UDFRUNNER_TEST_PYTHON names another, with another PySpark.
PYTHON = Path(os.environ.get("UDFRUNNER_TEST_PYTHON") or interpreter("4.2"))

# A background job of a shell ignores Ctrl-C, and so would the programs that tests interrupt.
signal.signal(signal.SIGINT, signal.default_int_handler)

os.environ.setdefault("UDFRUNNER_LIBRARY", str(LIBRARY))
os.environ["PYSPARK_PYTHON"] = str(PYTHON)
# Programs that tests start find the package and the test functions as this process does.
os.environ["PYTHONPATH"] = os.pathsep.join(
    [str(PACKAGE / "src"), str(TESTS), *filter(None, [os.environ.get("PYTHONPATH")])]
)
sys.path.insert(0, str(PACKAGE / "src"))

import udfrunner  # noqa: E402
from udfrunner._pyspark import SUPPORTED  # noqa: E402

#: Seconds within which an event that must happen has to happen.
PATIENCE = 20


def eventually(condition: Callable[[], bool], seconds: float = PATIENCE) -> bool:
    """Whether the condition comes true before the deadline."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        select.select([], [], [], 0.005)
    return True


def children(pid: int | None = None) -> set[int]:
    """The child processes of a process, all threads' together."""
    found: set[int] = set()
    for task in Path(f"/proc/{pid or os.getpid()}/task").iterdir():
        try:
            found.update(map(int, (task / "children").read_text().split()))
        except FileNotFoundError:
            continue  # The thread ended.
    return found


def descriptors() -> dict[int, str]:
    """The open descriptors of this process and what they are."""
    found = {}
    for entry in Path("/proc/self/fd").iterdir():
        try:
            found[int(entry.name)] = str(entry.readlink())
        except FileNotFoundError:
            continue  # The one that lists.
    return found


class Leaks:
    """What was there before, to compare with afterwards."""

    def __init__(self) -> None:
        gc.collect()
        self.children = children()
        self.descriptors = descriptors()

    def check(self) -> None:
        gc.collect()
        assert eventually(lambda: children() <= self.children), (
            f"child processes left: {children() - self.children}"
        )
        assert eventually(lambda: len(descriptors()) <= len(self.descriptors)), (
            "descriptors left: "
            f"{ {k: v for k, v in descriptors().items() if k not in self.descriptors} }"
        )


@pytest.fixture(scope="session", autouse=True)
def warm() -> Iterator[None]:
    """Does once what is allowed to stay: the library's own threads and descriptors."""
    if not Path(os.environ["UDFRUNNER_LIBRARY"]).is_file():
        pytest.exit("libudfrunner.so is missing: run `make lib`", 3)
    if not PYTHON.is_file():
        pytest.exit(f"{PYTHON} is missing: run `make venv`", 3)
    # Arrow's CSV reader makes a pipe for Ctrl-C once.
    pa.csv.read_csv(io.BytesIO(b"a\n1\n"))
    with udfrunner.Env() as env:
        runner = udfrunner.Runner(
            udfrunner.EvalType.SCALAR_PANDAS,
            [["functions:pandas_plus_one"]],
            [[0]],
            "long",
            env=env,
        )
        with runner, runner.compute(pa.table({"a": [1]})) as out:
            out.read_all()
    # The collections around each test need not look at what was imported.
    gc.collect()
    gc.freeze()
    yield
    assert udfrunner.shutdown(timeout=PATIENCE)


@pytest.fixture(autouse=True)
def leaks(request: pytest.FixtureRequest, warm: None) -> Iterator[None]:
    """Nothing may be left after a test; workers of the module's shared env may."""
    if {"shared_env", "version_env"} & set(request.fixturenames):
        yield
        return
    before = Leaks()
    yield
    before.check()


@pytest.fixture(scope="module")
def shared_env(warm: None) -> Iterator[udfrunner.Env]:
    """One env for the tests of a module that do not harm it; nothing is left after the module."""
    before = Leaks()
    with udfrunner.Env() as env:
        yield env
    before.check()


@pytest.fixture(scope="module", params=SUPPORTED)
def minor(request: pytest.FixtureRequest) -> str:
    """A version of PySpark, one after the other."""
    return str(request.param)


@pytest.fixture(scope="module")
def version_env(minor: str, warm: None) -> Iterator[udfrunner.Env]:
    """An env with workers of that PySpark, for the tests of a module that do not harm it."""
    before = Leaks()
    with udfrunner.Env({"spark.pyspark.python": str(interpreter(minor))}) as env:
        yield env
    before.check()


def is_older(minor: str, other: str) -> bool:
    return SUPPORTED.index(minor) < SUPPORTED.index(other)


@pytest.fixture
def env(leaks: None) -> Iterator[udfrunner.Env]:
    """An env of the test's own."""
    with udfrunner.Env() as env:
        yield env


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Iterator[None]:
    """Skips what workers of an older PySpark do not have; test_versions holds that they say so."""
    try:
        return (yield)
    except udfrunner.NotSupported as error:
        if not re.search(r"needs PySpark|of PySpark \S+ takes none", error.message):
            raise
        pytest.skip(error.message)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """How many combinations of values were checked against those of real Spark."""
    module = sys.modules.get("recorded_values")
    if module is not None and module.TOTAL.compared:
        terminalreporter.write_line(str(module.TOTAL))


@pytest.fixture(autouse=True)
def hang_guard() -> Iterator[None]:
    """A test that hangs is a failure with a stack, not a stuck suite."""

    def fail(*_: object) -> None:
        raise TimeoutError("the test hangs")

    previous = signal.signal(signal.SIGALRM, fail)
    signal.alarm(120)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, previous)
