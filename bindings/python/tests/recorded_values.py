"""What real Spark made of values, as core/conformance/values recorded it."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from conftest import REPOSITORY

import udfrunner

ROOM = REPOSITORY / "core" / "conformance" / "values"
sys.path.insert(0, str(ROOM))

import answers  # noqa: E402

K = TypeVar("K")


def recorded(job: str, minor: str, *path: str) -> dict[str, Any]:
    """The answers of a version below some titles; empty where it has none."""
    node: Any = answers.read(job, minor)
    for title in path:
        node = node.get(title, {})
    return node  # type: ignore[no-any-return]


#: Whether the tests ask all that is recorded, as `make test-values` does.
ALL = os.environ.get("UDFRUNNER_TEST_VALUES") == "all"
#: The zones of workers and session that are asked if not all are.
_ASKED = ("Asia/Tokyo Europe/Paris", "America/New_York America/New_York")


def is_zoned(title: str) -> bool:
    """Whether a title ends with the zones of workers and session."""
    return "/" in title or "UTC" in title


def is_asked(title: str) -> bool:
    return ALL or not is_zoned(title) or title.endswith(_ASKED)


def conf_of(worker: str, session: str) -> dict[str, str]:
    return {"spark.executorEnv.TZ": worker, "spark.sql.session.timeZone": session}


def each(names: Sequence[K], run: Callable[[Sequence[K]], Sequence[str]]) -> dict[K, str]:
    """The answers to all names, by tasks that are halved where they fail; "!" and the error where
    one name alone fails. What is no error of the library's is no answer."""
    if not names:
        return {}
    try:
        return dict(zip(names, run(names), strict=True))
    except Exception as error:
        if len(names) == 1:
            sign = "!" if isinstance(error, udfrunner.Error) else "raised "
            return {names[0]: f"{sign}{type(error).__name__}: {_line(error)}"}
    half = len(names) // 2
    return each(names[:half], run) | each(names[half:], run)


def _line(error: Exception) -> str:
    return next(iter(str(error).strip().splitlines()), "")


#: Kinds whose naive timestamps PySpark reads with mktime.
PICKLED = ("100", "300")
#: The two instants of a clock that its change repeats.
_REPEATED = {"America/New_York": ("1730611800000000", "1730615400000000")}


def repeated_hour(texts: Mapping[str, str], worker: str) -> dict[str, str]:
    """The texts with the later of two instants for both: which of them mktime of glibc takes for a
    repeated clock depends on what it was asked before, in real Spark, too."""
    earlier, later = _REPEATED.get(worker, ("", ""))
    return {n: text.replace(earlier, later) if earlier else text for n, text in texts.items()}


@dataclass
class Count:
    """Combinations checked against real Spark's."""

    compared: int = 0
    different: list[str] = field(default_factory=list)

    def compare(self, title: str, found: Mapping[str, str], expected: Mapping[str, str]) -> None:
        """Equal where both are errors, or the same text."""
        for name, want in expected.items():
            self.compared += 1
            got = answers.stable(found.get(name, "missing"))
            if got != want and not (got.startswith("!") and want.startswith("!")):
                self.different.append(f"{title} {name}: {got!r}, Spark has {want!r}")

    def __str__(self) -> str:
        equal = self.compared - len(self.different)
        return f"{equal} of {self.compared} combinations of values as in real Spark"

    def check(self) -> None:
        assert self.compared, "nothing is recorded"
        TOTAL.compared += self.compared
        TOTAL.different += self.different
        shown = "\n".join(self.different[:40])
        assert not self.different, (
            f"{len(self.different)} of {self.compared} differ from real Spark:\n{shown}"
        )


#: Of the whole session; conftest shows it.
TOTAL = Count()
