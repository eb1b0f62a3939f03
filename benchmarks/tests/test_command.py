"""The command, with little data: what it writes, not how fast anything is."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks import jvm_host
from benchmarks.job import ROOT

ROWS = {"A": 3, "B": 2, "D": 6, "E": 3, "G": 5, "memory": 1}
ROWS |= {"Python A": 2, "closure": 2, "workers": 1, "start": 2}
if jvm_host.available():
    ROWS |= {"JVM A": 2, "JVM B": 2, "JVM D": 2, "H": 1}


def _run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "benchmarks", *arguments]
    return subprocess.run(
        command, check=False, cwd=ROOT, capture_output=True, text=True, timeout=240
    )


def test_quick_run_writes_all_rows(tmp_path: Path) -> None:
    done = _run("--quick", "--output", str(tmp_path))
    assert done.returncode == 0, done.stderr
    (file,) = tmp_path.iterdir()
    data = json.loads(file.read_text())
    assert data["format"] == 1
    assert data["quick"] is True
    assert data["machine"]["cores"] >= 1
    assert data["versions"]["pyspark"].startswith("4.2.")
    words = set(done.stdout.split())
    ids = [row["id"] for row in data["rows"]]
    assert {row: ids.count(row) for row in ids} == ROWS
    for row in data["rows"]:
        sides, target = row["sides"], row["target"]
        for side in sides.values():
            assert 0 < side["min"] <= side["median"] <= side["max"]
            assert len(side["samples"]) >= 1
        median = sides[target["side"]]["median"]
        if target["percentile"] is None:
            assert row["met"] is (median <= row["limit"])
        if target["against"] is not None:
            assert row["ratio"] == pytest.approx(median / sides[target["against"]]["median"])
        assert set(row["case"].split()) <= words, "the table may break its lines between words"
    assert file.name in done.stdout


def test_unknown_row_is_refused() -> None:
    done = _run("--only", "Z")
    assert done.returncode == 2
    assert (
        "'Z' is not one of 'A', 'B', 'D', 'E', 'G', 'JVM', 'Python', 'memory', 'F'" in done.stderr
    )
