"""What happens before the fork: interpreter checks, imports, warm-up, freezing.

A zygote is a process that has imported all that a worker needs, so that a worker costs a fork.
It must have one thread; a process with more cannot become safe again and starts again without
the imports.
"""

from __future__ import annotations

import gc
import importlib
import importlib.metadata
import importlib.util
import io
import os
import pkgutil
import platform
import sys
import traceback
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from importlib.machinery import ModuleSpec, PathFinder
from typing import Any, BinaryIO

from . import process, sessionless, sources, threads

Main = Callable[[BinaryIO, BinaryIO], None]

WORKER_MODULE = "pyspark.worker"

_MEMORY_LIMIT = "PYSPARK_EXECUTOR_MEMORY_MB"
_OPTIONAL = ("pyarrow", "pandas", "numpy")
# Set for real tasks only: a limit that cannot be raised again, and what starts threads.
_NOT_WARM = (
    _MEMORY_LIMIT,
    "PYTHON_FAULTHANDLER_DIR",
    "PYTHON_TRACEBACK_DUMP_INTERVAL_SECONDS",
    "PYSPARK_SPARK_SESSION_UUID",
    "SPARK_PIPELINED_UDF",
)


# KiB. Arrow's allocator else reserves a GiB of address space, which workers inherit, and which
# counts for the limit that spark.executor.pyspark.memory sets.
_ARENA_RESERVE = ("MIMALLOC_ARENA_RESERVE", "65536")


class StartError(Exception):
    """Why this interpreter makes no worker: reason is a word, the message one line."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


class Zygote:
    """The process as workers are forked from it; they run the main function of worker_module."""

    def __init__(self, worker_module: str = WORKER_MODULE) -> None:
        self._worker_module = worker_module
        self.notes: list[str] = []
        self.imported = False
        self.pools: list[threads.Pool] = []
        self.descriptors: list[int] = []
        """Descriptors that imported modules opened; workers keep them."""
        self.threaded: str | None = None
        """The module that started a thread when it was imported; no further one was imported."""
        self._plain_size = 0  # of the address space, once the worker is imported
        self._warmup_inputs: list[bytes] = []
        self._stock: set[str] = set()
        self._own: set[str] = set()
        self.sources = sources.Sources()
        """Files of modules that were imported before the fork; a worker adds its own."""

    def check(self, minimum_pyspark: str) -> str:
        """PySpark's version, found without importing it. Raises StartError."""
        spec = pyspark_spec()
        version = pyspark_version(spec)
        if _numbers(version) < _numbers(minimum_pyspark):
            raise StartError(
                "pyspark-too-old",
                f"PySpark {version} of {sys.executable} is too old; "
                f"{minimum_pyspark} is the oldest supported",
            )
        # Workers are what `python -m pyspark.daemon` forks: PySpark and multiprocessing ask the
        # main module for its origin. The package is not imported for that: 3.5's imports numpy.
        locations = spec.submodule_search_locations
        sys.modules["__main__"].__spec__ = PathFinder.find_spec("pyspark.daemon", locations)
        return version

    def import_modules(self, modules: Iterable[str]) -> int:
        """Import the worker and these modules; returns the number of threads it left.

        The first module that leaves more than one thread ends it. Raises StartError when the
        worker itself cannot be imported; another module that cannot is noted, except for an
        optional one that is not installed.
        """
        before = set(process.open_descriptors())
        begin = sources.now()
        gc.disable()
        name, value = _ARENA_RESERVE
        reserve = {name: os.environ.get(name, value)}
        with threads.environment({**threads.IMPORT_ENVIRONMENT, **reserve}):
            try:
                self.worker_main()
            except (Exception, SystemExit) as error:
                name = self._worker_module
                raise StartError(
                    "import", f"{name} of {sys.executable} cannot be imported: {error!r}"
                ) from error
            self._stock = _top_level()
            self._plain_size = process.address_space()
            for name in modules:
                if threads.count_threads() != 1:
                    break
                self._import_extra(name)
                if threads.count_threads() != 1:
                    self.threaded = name
        self._own = _top_level() - self._stock
        self.pools = threads.find_pools()
        self.imported = True
        self.sources.note(begin)
        self.descriptors = [fd for fd in process.open_descriptors() if fd not in before]
        gc.freeze()
        return threads.count_threads()

    def _import_extra(self, name: str) -> None:
        try:
            importlib.import_module(name)
        except (Exception, SystemExit) as error:  # noqa: BLE001 - foreign code
            absent = isinstance(error, ModuleNotFoundError) and error.name == name
            if not (absent and name in _OPTIONAL):
                self.notes.append(f"module {name} was not imported: {error!r}")

    def warm(self, inputs: Iterable[bytes]) -> int:
        """Run complete worker inputs through the worker; returns the number of threads left.

        What first use costs is then paid once, before the fork. Outputs are thrown away, an
        input that failed is noted. Afterwards garbage is collected and the rest of the heap
        frozen: no worker's collector looks at it again (gc.freeze).
        """

        def run() -> None:
            for index, data in enumerate(inputs):
                error = self._run_discarded(data)
                if error is None:
                    self._warmup_inputs.append(data)
                else:
                    self.notes.append(f"warm-up {index} failed: {error}")

        return self.warm_by(run)

    def warm_by(self, run: Callable[[], object]) -> int:
        """As warm, by a function in the place of worker inputs."""
        before = set(process.open_descriptors())
        begin = sources.now()
        with _warming():
            self.reset_after_fork()
            run()
        self.sources.note(begin)
        # Of each folder that was imported from; a task has all of them write to their memory
        # (importlib.invalidate_caches).
        sys.path_importer_cache.clear()
        self._own = _top_level() - self._stock
        self.descriptors += [fd for fd in process.open_descriptors() if fd not in before]
        gc.collect()
        gc.freeze()
        return threads.count_threads()

    def shadowed(self, paths: Sequence[str]) -> str | None:
        """A module that was imported before the fork and of which these paths have another copy.

        A task that puts the paths on sys.path would get that copy from a stock worker, which has
        only imported PySpark by then. None where there is none.
        """
        for name in sorted(self._own & _names(paths)) if paths else ():
            spec = PathFinder.find_spec(name, paths)
            known = getattr(sys.modules.get(name), "__spec__", None)
            # A namespace package has no location: any other copy wins over it, wherever it is.
            if (
                spec is not None
                and spec.has_location
                and spec.origin != getattr(known, "origin", None)
            ):
                return name
        for path in paths:  # a finder of now would miss what is put there until the task begins
            sys.path_importer_cache.pop(path, None)
        return None

    def warm_worker(self, run: Callable[[bytes], object]) -> None:
        """In a worker that waits for its first task: have it run each input of the warm-up again.

        Its first task then finds the memory it writes to already copied from the zygote's.
        """
        with _warming():
            for data in self._warmup_inputs:
                run(data)
            _load_a_module()

    def reset_after_fork(self) -> None:
        """In a forked child: what a fork must not share or inherit, random states and pool sizes.

        Python's own generator is reseeded after a fork; numpy's global one does not. Done once
        before any fork it costs the children less.
        """
        if not self.imported:
            return
        _reseed_numpy()
        threads.resize_pools(self.pools)

    def raise_memory_limit(self) -> None:
        """In a forked child: have a limit of its memory buy what it buys a stock worker.

        PySpark limits the address space, of which the zygote has used some for modules that a
        stock worker imports only where a task needs them.
        """
        limit = os.environ.get(_MEMORY_LIMIT, "")
        if self.imported and limit.isdigit() and int(limit) > 0:
            inherited = max(0, process.address_space() - self._plain_size)
            os.environ[_MEMORY_LIMIT] = str(int(limit) + -(-inherited >> 20))

    def worker_main(self) -> Main:
        """The worker module's function for a task; imports it where the zygote did not.

        From then on modules with decorators like @udf("long") can be imported, although there is
        no Spark session.
        """
        main: Main = importlib.import_module(self._worker_module).main
        sessionless.install(_parse_type)
        return main

    def _run_discarded(self, data: bytes) -> str | None:
        """Run one worker input; returns what went wrong, None for nothing."""
        output = io.BytesIO()
        try:
            self.worker_main()(io.BytesIO(data), output)
        except SystemExit:
            lines = output.getvalue().decode("utf-8", "replace").strip().splitlines()
            return lines[-1] if lines else "no output"
        except Exception as error:  # noqa: BLE001 - foreign code
            return repr(error)
        return None


def _reseed_numpy() -> None:
    """Give numpy's global generator a state of its own, where it is imported.

    As good as seed(), which runs so much code that a worker would start half a millisecond later.
    """
    numpy = sys.modules.get("numpy")
    random = sys.modules.get("numpy.random")
    if numpy is None or random is None:
        return
    words = 624  # of the state of a MT19937
    key = numpy.frombuffer(os.urandom(4 * words), numpy.uint32)
    try:
        random.set_state(("MT19937", key, words))
    except ValueError:  # an imported module has put a generator of another kind there
        random.set_bit_generator(type(random.get_bit_generator())())


def _load_a_module() -> None:
    """Look for a module everywhere, then read and run a small one of Python's own.

    The first task will do both for the module with its function.
    """
    importlib.util.find_spec("_udfrunner_absent")
    spec = PathFinder.find_spec("colorsys", [os.path.dirname(os.__file__)])
    if spec is not None and spec.loader is not None:
        spec.loader.exec_module(importlib.util.module_from_spec(spec))


def _names(paths: Iterable[str]) -> set[str]:
    """The modules and packages that may be in these folders and archives, by their names there."""
    names: set[str] = set()
    for path in paths:
        try:
            names.update(entry.partition(".")[0] for entry in os.listdir(path))
        except NotADirectoryError:  # an archive
            names.update(module.name for module in pkgutil.iter_modules([path]))
        except OSError:
            continue
    return names


def _top_level() -> set[str]:
    """The imported modules and packages that could have come from sys.path."""
    names = {name.partition(".")[0] for name in list(sys.modules)}
    return names - set(sys.builtin_module_names) - {__name__.partition(".")[0]}


@contextmanager
def _warming() -> Iterator[None]:
    path = list(sys.path)
    with threads.environment(threads.IMPORT_ENVIRONMENT, _NOT_WARM):
        yield
    sys.path[:] = path


def _parse_type(text: str) -> Any:
    from . import ddl  # few workers need it

    return ddl.parse_type(text)


def pyspark_spec() -> ModuleSpec:
    """Where PySpark is. Raises StartError where there is none, or something else is in its place."""
    spec = importlib.util.find_spec("pyspark")
    if spec is not None and spec.origin is None:  # folders that nothing else of the name hides
        folders = ", ".join(spec.submodule_search_locations or ())
        raise StartError("pyspark-missing", f"{_no_pyspark()}; {folders} has no __init__.py")
    if spec is None:
        raise StartError("pyspark-missing", _no_pyspark())
    if not spec.submodule_search_locations:
        raise _in_the_way(spec)
    return spec


def _no_pyspark() -> str:
    return (
        f"{sys.executable} has no PySpark; install it there (pip install pyspark) "
        "or name another interpreter (spark.pyspark.python)"
    )


def _in_the_way(spec: ModuleSpec) -> StartError:
    return StartError(
        "pyspark-missing",
        f"{sys.executable} finds {spec.origin} in place of PySpark: rename it, or take its folder "
        "off PYTHONPATH (the working directory is searched, too)",
    )


def pyspark_version(spec: ModuleSpec) -> str:
    """PySpark's version from its version.py, in a folder or a zip, without importing it."""
    for folder in spec.submodule_search_locations or ():
        path = os.path.join(folder, "version.py")
        loader: Any = spec.loader  # of a folder or a zip: both have get_data
        try:
            text: str = loader.get_data(path).decode()
        except (AttributeError, OSError):
            continue
        for line in text.splitlines():
            name, _, value = line.partition("=")
            if name.split(":")[0].strip() == "__version__":
                return value.strip().strip("\"'")
    raise _in_the_way(spec)


def versions() -> dict[str, str | None]:
    """Versions of Python and of the optional packages, None for those not installed."""
    found: dict[str, str | None] = {"python": platform.python_version()}
    for name in _OPTIONAL:
        module = sys.modules.get(name)
        found[name] = getattr(module, "__version__", None)
        if found[name] is None:
            try:
                found[name] = importlib.metadata.version(name)
            except importlib.metadata.PackageNotFoundError:
                pass
    return found


def explain(error: BaseException) -> str:
    """The traceback of an error as text."""
    return "".join(traceback.format_exception(type(error), error, error.__traceback__))


def _numbers(version: str) -> tuple[int, ...]:
    """The numeric parts of a version, so that 4.0.0.dev2 compares as 4.0.0."""
    numbers = []
    for part in version.split("."):
        digits = part[: len(part) - len(part.lstrip("0123456789"))]
        if not digits:
            break
        numbers.append(int(digits))
    return tuple(numbers)
