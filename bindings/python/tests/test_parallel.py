"""Results in the input's order as they come, and how much of them is held meanwhile."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Generator, Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from conftest import PATIENCE, eventually

from udfrunner import _parallel
from udfrunner._parallel import Partition, in_order, split


def empty_partitions(count: int) -> Iterator[Partition]:
    reader = pa.table({"n": [0]}).to_reader()
    return (Partition(index, reader) for index in range(count))


def nothing() -> None:
    pass


@pytest.mark.parametrize("workers", [1, 2, 3])
def test_order_is_kept(workers: int) -> None:
    def run(partition: Partition) -> Generator[tuple[int, int]]:
        for n in range(partition.index % 3):
            yield partition.index, n

    found = list(in_order(run, empty_partitions(20), workers, nothing))
    assert found == [(index, n) for index in range(20) for n in range(index % 3)]


@pytest.mark.parametrize("workers", [1, 2])
def test_results_come_before_their_partition_ends(workers: int) -> None:
    taken = threading.Event()

    def run(partition: Partition) -> Generator[int]:
        yield 1
        assert taken.wait(PATIENCE)
        yield 2

    results = in_order(run, empty_partitions(2), workers, nothing)
    assert next(results) == 1
    taken.set()
    assert list(results) == [2, 1, 2]


def test_look_ahead_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_parallel, "LOOK_AHEAD_BYTES", 100)
    made = [0] * 8
    release = threading.Event()

    def run(partition: Partition) -> Generator[int]:
        if partition.index == 0:
            assert release.wait(PATIENCE)
        for _ in range(50):
            made[partition.index] += 1
            yield partition.index

    opened: list[int] = []

    def partitions() -> Iterator[Partition]:
        for partition in empty_partitions(8):
            opened.append(partition.index)
            yield partition

    with_first: list[int] = []
    results = in_order(run, partitions(), 2, nothing, lambda _: 10)
    consumer = threading.Thread(target=lambda: with_first.extend(results))
    consumer.start()
    # The second worker makes what may wait and one more, then it waits; nobody runs the others.
    assert eventually(lambda: made[1] == 11 and len(opened) == 4)
    assert made[2:] == [0] * 6
    release.set()
    consumer.join(PATIENCE)
    assert with_first == [index for index in range(8) for _ in range(50)]


@pytest.mark.parametrize("how", ["close", "failure"])
def test_waiting_workers_end_with_the_consumer(monkeypatch: pytest.MonkeyPatch, how: str) -> None:
    monkeypatch.setattr(_parallel, "LOOK_AHEAD_BYTES", 1)
    stopped = threading.Event()
    waiting = threading.Event()
    ended: list[int] = []

    def run(partition: Partition) -> Generator[int]:
        try:
            yield partition.index
            if partition.index == 1:
                waiting.set()
            elif how == "failure":
                assert waiting.wait(PATIENCE)
                raise KeyError("of the first partition")
            for _ in range(10):
                yield partition.index
        finally:
            ended.append(partition.index)

    before = threading.active_count()
    results = in_order(run, empty_partitions(9), 2, stopped.set, lambda _: 1)
    assert next(results) == 0
    assert waiting.wait(PATIENCE)
    if how == "close":
        results.close()
    else:
        with pytest.raises(KeyError, match="of the first partition"):
            list(results)
    assert stopped.is_set()
    assert threading.active_count() == before
    assert sorted(set(ended)) == sorted(ended)
    assert {0, 1} <= set(ended)


def test_wide_streams_are_cut_by_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_parallel, "PARTITION_BYTES", 1000)
    table = pa.table({"text": ["x" * 400] * 10})
    sizes = [p.reader.read_all().num_rows for p in split(table.to_reader(1), 2).partitions]
    assert sizes == [3, 3, 3, 1]
    cut_by_rows = split(table.to_reader(1), 2, partition_rows=5).partitions
    assert [p.reader.read_all().num_rows for p in cut_by_rows] == [5, 5]


ROWS = 32_000_000
#: Peak memory in bytes that a run over 256 MB in and 256 MB out may need over that of a small one.
ALLOWANCE = 160 << 20

PROGRAM = """
import resource, sys
from udfrunner import EvalType
from udfrunner._run import RunOptions, run_file

def peak(file, workers):
    rows = run_file(RunOptions(
        "functions:arrow_plus_one", EvalType.SCALAR_ARROW, file, "out.arrow", ["n"], "long",
        workers=workers,
    )).rows_out
    return rows, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << 10

_, small = peak("small.parquet", 2)
for workers in (1, 2):
    rows, large = peak("large.parquet", workers)
    print(rows, large - small)
"""


def test_memory_of_a_run_is_bounded(tmp_path: Path) -> None:
    step = 1_000_000
    block = pa.table({"n": pa.array([7] * step, pa.int64())})
    pq.write_table(block.slice(0, 1000), tmp_path / "small.parquet")
    with pq.ParquetWriter(tmp_path / "large.parquet", block.schema) as writer:
        for _ in range(ROWS // step):
            writer.write_table(block)
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], cwd=tmp_path, capture_output=True, text=True, timeout=110
    )
    assert done.returncode == 0, done.stderr
    lines = [[int(word) for word in line.split()] for line in done.stdout.splitlines()]
    assert [rows for rows, _ in lines] == [ROWS, ROWS]
    assert max(growth for _, growth in lines) < ALLOWANCE, lines
    with pa.memory_map(str(tmp_path / "out.arrow")) as file:
        written = pa.ipc.open_file(file).read_all().column(0)
        assert pc.min_max(written).as_py() == {"min": 8, "max": 8}
