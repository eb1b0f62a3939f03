"""What pytest shows of a failing test: its functions' output, and lines of its own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

MODULE = """
import os
import pyarrow as pa
import udfrunner

TABLE = pa.table({"a": [1]})


def talks(x):
    print("three words here")
    return x + 1


def crashes(x):
    os._exit(9)


def raises(x):
    return 1 / 0


def call(function, **more):
    return udfrunner.apply(function, TABLE, "a", kind="scalar-pandas", return_type="long", **more)


def test_result():
    assert call(talks).to_pylist() == [1]


def test_crash():
    call(crashes)


def test_crash_of_one_of_two():
    call(crashes, workers=2)


def test_exception():
    call(raises)


def test_input():
    def batches():
        yield from TABLE.to_batches()
        raise LookupError("no more")

    list(udfrunner.map_batches(lambda it: it, batches(), "a long", kind="arrow", workers=2))


def test_wrong_use():
    udfrunner.apply(talks, TABLE, "b", kind="scalar-pandas", return_type="long")
"""


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What pytest says of each failed test."""
    directory = tmp_path_factory.mktemp("project")
    (directory / "test_mine.py").write_text(MODULE)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "test_mine.py"],
        cwd=directory,
        capture_output=True,
        text=True,
        timeout=110,
    )
    assert "6 failed" in done.stdout, done.stdout + done.stderr
    failures = done.stdout.partition(" FAILURES ")[2].partition(" short test summary ")[0]
    parts = failures.split("\n____")[1:]
    return {part.strip("_ ").split()[0]: part for part in parts}


def test_output_is_with_the_test_that_failed(report: dict[str, str]) -> None:
    assert "Captured stderr call" in report["test_result"]
    assert [name for name, text in report.items() if "three words here" in text] == ["test_result"]


def test_death_tells_all(report: dict[str, str]) -> None:
    for name in ("test_crash", "test_crash_of_one_of_two"):
        assert "exited with status 9 in mid-task" in report[name]
        assert ": cause exit, exit status 9, peak memory " in report[name]


def test_frames_are_the_users(report: dict[str, str]) -> None:
    package = str(Path("src", "udfrunner"))
    for name, text in report.items():
        assert package not in text, name
        assert "test_mine.py:" in text, name


def test_exceptions_have_the_users_lines(report: dict[str, str]) -> None:
    assert "return 1 / 0" in report["test_exception"]
    assert 'raise LookupError("no more")' in report["test_input"]
    assert "HostError: input failed: LookupError: no more" in report["test_input"]
    assert "InvalidArgument: no column 'b'" in report["test_wrong_use"]
