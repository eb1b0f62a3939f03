"""Which packages work beside which PySpark: what extras install, ``udfrunner doctor`` judges."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from . import _pyspark


@dataclass(frozen=True)
class Bound:
    """Versions that work, from `least` to before `below`, and what happens with others."""

    least: str
    below: str
    why: str = ""

    def __str__(self) -> str:
        return f">={self.least},<{self.below}"

    def holds(self, version: str) -> bool:
        """Whether the version works."""
        return _numbers(self.least) <= _numbers(version) < _numbers(self.below)


_STRINGS = "pandas 3 has strings that PySpark cannot send where a result is all nulls"
_OLDER = "it is older than pandas 3"
_SLICES = "PySpark slices batches by floats (applyInPandasWithState), which PyArrow 26 refuses"

#: By PySpark's minor version. Python is that of workers.
BOUNDS: Mapping[str, Mapping[str, Bound]] = {
    "3.5": {
        "python": Bound("3.10", "3.12", "PySpark 3.5 is made for Python up to 3.11"),
        "pyarrow": Bound("11", "19"),
        "pandas": Bound("2", "3", _OLDER),
        "numpy": Bound("1.21", "2", "PySpark 3.5 is made for NumPy 1"),
    },
    "4.0": {"pyarrow": Bound("15", "26", _SLICES), "pandas": Bound("2.2", "3", _OLDER)},
    "4.1": {"pyarrow": Bound("15", "26", _SLICES), "pandas": Bound("2.2", "3", _OLDER)},
    "4.2": {"pyarrow": Bound("18", "27"), "pandas": Bound("2.2", "3", _STRINGS)},
    "4.3": {"pyarrow": Bound("18", "27"), "pandas": Bound("2.2", "3", _STRINGS)},
}


def extra(minor: str) -> str:
    """The extra of this package that installs the set of a PySpark: "4.2" is "pyspark42"."""
    return "pyspark" + minor.replace(".", "")


def minor_of(version: str) -> str:
    """The minor version of a version: "4.2.0" is of "4.2"."""
    return ".".join(version.split(".")[:2])


def doubts(found: Mapping[str, str]) -> Iterator[str]:
    """What speaks against packages that were found together, by name and version.

    Nothing where there is no PySpark, or one that is not supported.
    """
    minor = minor_of(found.get("pyspark", ""))
    if minor not in _pyspark.SUPPORTED:
        return
    for package, bound in BOUNDS[minor].items():
        version = found.get(package)
        if version is not None and not bound.holds(version):
            why = f": {bound.why}" if bound.why else ""
            yield f"{package} {version}, PySpark {minor} works with {package}{bound}{why}"


def _numbers(version: str) -> tuple[int, ...]:
    """A version as numbers, up to what is no number: "26.0.1rc1" is (26, 0, 1)."""
    return tuple(int(part) for part in re.findall(r"^\d+|(?<=\.)\d+", version))
