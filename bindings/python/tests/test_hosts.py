"""The package with each PySpark in the host: it pickles for workers of the same version."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from conftest import PACKAGE, interpreter

SUITE = ["test_eval_types.py", "test_apply_map.py", "test_ddl.py"]


@pytest.mark.parametrize("minor", ["3.5", "4.0", "4.1", "4.3"])
def test_host(minor: str) -> None:
    python = str(interpreter(minor))
    if python == sys.executable:
        pytest.skip("this suite runs in that host")
    done = subprocess.run(
        [python, "-m", "pytest", "-q", "-p", "no:cacheprovider", *SUITE],
        cwd=PACKAGE / "tests",
        env={**os.environ, "UDFRUNNER_TEST_PYTHON": python},
        capture_output=True,
        text=True,
        timeout=110,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    if minor not in ("3.5", "4.0"):
        assert "skipped" not in done.stdout, "these have all eval types and arguments"
