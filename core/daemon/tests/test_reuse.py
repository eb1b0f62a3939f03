"""Each row of the table of what a function can leave behind in a reused worker."""

from __future__ import annotations

import os
import re
from collections.abc import Callable

import client
import leftovers
import pytest
import tasks
from leftovers import ENDS, RESTORED, ROWS, Row

DOCUMENT = client.SOURCES.parents[1] / "docs" / "reuse.md"


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_what_a_function_leaves(worker: client.Worker, row: Row) -> None:
    if row.name == "user and group" and os.geteuid() != 0:
        pytest.skip("only root becomes another user")
    before = worker.probe(row.look)
    result = worker.run(tasks.encode_probe(lambda: [row.leave(), None][1]))
    assert result.error is None
    assert result.reusable == (row.kind != ENDS)
    if row.kind == ENDS:
        assert worker.stream.read() == b""
        return
    assert (worker.probe(row.look) == before) == (row.kind == RESTORED)


@pytest.mark.parametrize(
    "row", [row for row in ROWS if row.kind == RESTORED], ids=lambda row: row.name
)
def test_what_is_restored_was_left(worker: client.Worker, row: Row) -> None:
    assert worker.probe(lambda: row.look() != (row.leave(), row.look())[1])


def default_stack_signal() -> None:
    """Python cannot tell faulthandler's handler from the default."""
    import signal

    signal.signal(signal.SIGRTMAX - 1, signal.SIG_DFL)


@pytest.mark.parametrize("leave", [leftovers._default_signals, default_stack_signal])
def test_stack_signal_after_a_function_that_reset_handlers(
    worker: client.Worker, leave: Callable[[], None]
) -> None:
    worker.probe(leave)
    assert worker.probe(os.getpid) == worker.pid  # by then all is back
    os.kill(worker.pid, client.load("taskstate").STACK_SIGNAL)
    assert worker.read_stacks("Current thread")
    assert worker.probe(os.getpid) == worker.pid


def test_the_table_is_the_documents() -> None:
    rows = re.findall(r"^\| ([^|]+?) +\| ([^|]+?) +\|", DOCUMENT.read_text(), re.MULTILINE)
    told = {name: kind for name, kind in rows if kind in (RESTORED, ENDS, leftovers.STAYS)}
    assert told == {row.name: row.kind for row in ROWS}
