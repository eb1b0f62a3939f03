"""Samples of several sides taken in turn, and what becomes of them."""

from __future__ import annotations

import gc
import math
import statistics
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Budget:
    """How long to measure: rounds per side for tasks of some 100 ms, samples for those of some 1 ms."""

    rounds: int
    samples: int
    scale: int
    """Divides the amount of data."""

    def rows(self, count: int) -> int:
        """As many rows as the budget allows of ``count``."""
        return max(1, count // self.scale)


FULL = Budget(rounds=15, samples=400, scale=1)
QUICK = Budget(rounds=2, samples=5, scale=50)

WARM_UPS = 3
"""Rounds that are not counted, first of all."""


@dataclass(frozen=True)
class Side:
    """The samples of one side."""

    samples: list[float]

    @property
    def median(self) -> float:
        """The median of the samples."""
        return statistics.median(self.samples)

    def percentile(self, percent: float) -> float:
        """The least sample that so many in a hundred of all do not exceed."""
        ordered = sorted(self.samples)
        return ordered[max(0, math.ceil(len(ordered) * percent / 100) - 1)]

    @property
    def low(self) -> float:
        """The least of the samples."""
        return min(self.samples)

    @property
    def high(self) -> float:
        """The greatest of the samples."""
        return max(self.samples)


@dataclass(frozen=True)
class Target:
    """What must hold: side <= factor * against + allowance, by medians; the side by another percentile where it says
    so."""

    side: str
    against: str | None = None
    factor: float = 0.0
    allowance: float = 0.0
    percentile: float | None = None
    """Of the side, without ``against``; None is its median."""


@dataclass(frozen=True)
class Row:
    """A line of the table: one case, all its sides, its target."""

    id: str
    case: str
    unit: str
    sides: Mapping[str, Side]
    target: Target
    details: Mapping[str, Any] = field(default_factory=dict)

    @property
    def limit(self) -> float:
        """The most that the target allows for the median of its side."""
        target = self.target
        base = self.sides[target.against].median if target.against is not None else 0.0
        return target.factor * base + target.allowance

    @property
    def ratio(self) -> float:
        """The target's side to what it is compared with: another side, or the limit."""
        target = self.target
        base = self.sides[target.against].median if target.against is not None else self.limit
        return self.measured / base

    @property
    def measured(self) -> float:
        """What of the target's side is compared."""
        side, percentile = self.sides[self.target.side], self.target.percentile
        return side.median if percentile is None else side.percentile(percentile)

    @property
    def met(self) -> bool:
        """Whether the target is met."""
        return self.measured <= self.limit


class Took(float):
    """Milliseconds, of a side that lies in another process and has measured itself."""


def take_turns(
    sides: Mapping[str, Callable[[], object]],
    rounds: int,
    before: Mapping[str, Callable[[], object]] | None = None,
    seldom: Mapping[str, int] | None = None,
) -> dict[str, Side]:
    """Milliseconds that each side takes, measured A B C A B C ... after warm-ups.

    The order is turned around each round, so that no side always follows the same other one. What
    is to be done before a side is not measured. A side that takes very long may be measured but
    every n-th round, and has no warm-up then.
    """
    samples: dict[str, list[float]] = {name: [] for name in sides}
    turn = list(sides.items())
    for number in range(WARM_UPS + rounds):
        for name, run in turn:
            every = (seldom or {}).get(name, 1)
            if number % every:
                continue
            (before or {}).get(name, _nothing)()
            with _no_collection():
                start = time.perf_counter_ns()
                result = run()
                took = (time.perf_counter_ns() - start) / 1e6
            if isinstance(result, Took):
                took = float(result)
            if number >= WARM_UPS or every > 1:
                samples[name].append(took)
        turn.reverse()
    return {name: Side(values) for name, values in samples.items()}


def _nothing() -> None:
    pass


@contextmanager
def _no_collection() -> Iterator[None]:
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def drain(batches: Iterable[Any]) -> int:
    """Read batches and drop each; returns the count of their rows."""
    rows = 0
    for batch in batches:
        rows += batch.num_rows
    return rows
