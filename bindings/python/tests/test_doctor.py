"""What the doctor judges: packages beside each PySpark, and the system."""

from __future__ import annotations

import re

import pytest
from conftest import PACKAGE

from udfrunner import _packages, _pyspark, _system
from udfrunner._finding import DOUBTFUL, FAILED, FINE

GOOD = {"pyspark": "4.2.0", "pyarrow": "26.0.1", "pandas": "2.3.3", "python": "3.14.1"}


def test_extras_install_what_is_judged_well() -> None:
    """Each PySpark has an extra, with the bounds of the table."""
    settings = (PACKAGE / "pyproject.toml").read_text()
    assert tuple(_packages.BOUNDS) == _pyspark.SUPPORTED
    for minor, bounds in _packages.BOUNDS.items():
        extra = _packages.extra(minor)
        (text,) = re.findall(rf"^{extra} = (\[.*?\])$", settings, re.MULTILINE | re.DOTALL)
        requirements = re.findall(r'"([^"]+)"', text)
        pyspark = [r for r in requirements if re.match(rf"pyspark(-client)?>={minor},<", r)]
        assert len(pyspark) == 1, requirements
        packages = {str(r) for r in requirements if r not in pyspark}
        assert packages == {f"{name}{b}" for name, b in bounds.items() if name != "python"}


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({}, []),
        ({"pyspark": "3.4.1", "pandas": "3.0"}, []),  # another finding's
        ({"pandas": "3.0.0rc1"}, ["pandas 3.0.0rc1, .* pandas>=2.2,<3: .*nulls"]),
        ({"pyspark": "4.1.3"}, ["pyarrow 26.0.1, .* pyarrow>=15,<26: .*floats"]),
        (
            {"pyspark": "3.5.9", "numpy": "2.4.6", "python": "3.12.0"},
            ["python 3.12.0, ", "pyarrow 26.0.1, ", "numpy 2.4.6, .*NumPy 1"],
        ),
    ],
)
def test_packages_together(changed: dict[str, str], said: list[str]) -> None:
    doubts = list(_packages.doubts(GOOD | changed))
    assert len(doubts) == len(said), doubts
    for text, pattern in zip(doubts, said, strict=True):
        assert re.match(pattern, text), text


@pytest.mark.parametrize(
    ("system", "release", "judgement"),
    [
        ("Linux", "5.3.0-46-generic", FINE),
        ("Linux", "6.18.44", FINE),
        ("Linux", "4.18.0-553.el8", FAILED),
        ("Darwin", "24.1.0", FAILED),
    ],
)
def test_kernel(system: str, release: str, judgement: str) -> None:
    assert _system.kernel(system, release).judgement == judgement


@pytest.mark.parametrize(
    ("machine", "name", "version", "judgement"),
    [
        ("x86_64", "glibc", "2.28", FINE),
        ("aarch64", "glibc", "2.41", FINE),
        ("x86_64", "glibc", "2.17", FAILED),
        ("x86_64", "an unknown C library", "", FAILED),
        ("riscv64", "glibc", "2.41", DOUBTFUL),
    ],
)
def test_c_library(machine: str, name: str, version: str, judgement: str) -> None:
    assert _system.c_library(machine, name, version).judgement == judgement


def test_memory() -> None:
    assert _system.memory(8 << 30, None).judgement == FINE
    assert _system.memory(8 << 30, 4 << 30).judgement == FINE
    assert _system.memory(256 << 20, None).judgement == DOUBTFUL
    small = _system.memory(8 << 30, 100 << 20)
    assert small.judgement == DOUBTFUL and "100.0 MiB" in small.value
