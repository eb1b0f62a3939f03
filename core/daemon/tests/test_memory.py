"""What a limit of memory buys a worker: as much as it buys one of PySpark's own daemon."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import client
import executor
import pytest
import tasks
from conftest import warm_inputs

VARIABLE = "PYSPARK_EXECUTOR_MEMORY_MB"
TOLERANCE = 64
"""MiB."""

# Of a module that maps a lot when it is imported.
MODULE = "import mmap\nkept = mmap.mmap(-1, 2 << 30, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS, 0)\n"


def largest() -> int:
    """The largest piece of memory that can be had, in MiB."""
    import mmap

    low, high = 0, 1 << 14
    while high - low > 4:
        middle = (low + high) // 2
        try:
            mmap.mmap(-1, middle << 20).close()
            low = middle
        except OSError:
            high = middle
    return low


Run = Callable[[bytes], tasks.Result]


@contextmanager
def spark(module: str, limit: int, path: str) -> Iterator[Run]:
    """A worker under stock Spark."""
    variables = {VARIABLE: str(limit), "OMP_NUM_THREADS": "1"}
    modules = {"PYTHONPATH": path, "UDFRUNNER_ZYGOTE_MODULES": "takes_space"} if path else {}
    with executor.SparkDaemon(module, {**variables, **modules}) as daemon:
        yield daemon.worker().run
        daemon.discard_workers()


@contextmanager
def embedded(limit: int, path: str) -> Iterator[Run]:
    """A worker of the embedded daemon."""
    modules = ["takes_space"] if path else []
    environment = {"OMP_NUM_THREADS": "1", **({"PYTHONPATH": path} if path else {})}
    with client.running(environment=environment) as daemon:
        daemon.start(modules=[*client.MODULES, *modules])
        daemon.warm(warm_inputs())
        yield daemon.fork(env={VARIABLE: str(limit)}).run


@pytest.mark.parametrize("limit", [256, 512, 1024, 2048])
@pytest.mark.parametrize(
    "kind",
    [
        *(pytest.param(kind, marks=pytest.mark.essential) for kind in ("embedded", "spark")),
        "embedded, modules",
        "spark, modules",
    ],
)
def test_a_limit_buys_what_it_buys_stock(kind: str, limit: int, tmp_path: Path) -> None:
    (tmp_path / "takes_space.py").write_text(MODULE)
    path = f"{executor.PACKAGES}:{tmp_path}" if "modules" in kind else ""
    own = embedded(limit, path) if "embedded" in kind else spark(executor.OURS, limit, path)
    rows, arrow = tasks.encode_row_probe(largest), tasks.encode_probe(largest)
    with spark(executor.STOCK, limit, "") as run:
        stock = run(rows).value
    with own as run:
        assert abs(run(rows).value - stock) <= TOLERANCE
        # A stock worker imports PyArrow now. Here it is there, and allowed for: nothing changes.
        assert stock - TOLERANCE <= run(arrow).value <= limit
        assert stock - TOLERANCE <= run(rows).value <= limit
