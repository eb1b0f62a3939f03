"""Samples, ratios and targets."""

from __future__ import annotations

import gc
from collections.abc import Callable

import pytest

from benchmarks.measure import WARM_UPS, Row, Side, Target, take_turns


def _row(ours: list[float], target: Target) -> Row:
    return Row("X", "a case", "ms", {"stock": Side([8.0, 10.0, 30.0]), "ours": Side(ours)}, target)


@pytest.mark.parametrize(
    ("target", "limit", "ratio", "met"),
    [
        (Target("ours", "stock", 1.25), 12.5, 1.2, True),
        (Target("ours", "stock", 1.0), 10.0, 1.2, False),
        (Target("ours", "stock", 1.0, allowance=2.0), 12.0, 1.2, True),
        (Target("ours", allowance=24.0), 24.0, 0.5, True),
        (Target("ours", allowance=8.0), 8.0, 1.5, False),
    ],
)
def test_target(target: Target, limit: float, ratio: float, met: bool) -> None:
    row = _row([1.0, 12.0, 99.0], target)
    assert (row.limit, row.ratio, row.met) == pytest.approx((limit, ratio, met))


def test_target_of_a_percentile() -> None:
    ours = [float(i) for i in range(1, 201)]
    row = _row(ours, Target("ours", allowance=200.0, percentile=99))
    assert (row.measured, row.ratio, row.met) == (198.0, 0.99, True)
    assert Side([3.0, 1.0, 2.0]).percentile(50) == 2.0
    assert Side([3.0]).percentile(99) == 3.0
    assert not _row(ours, Target("ours", allowance=197.0, percentile=99)).met


def test_take_turns_interleaves_and_leaves_warm_ups_out() -> None:
    calls: list[tuple[str, bool]] = []

    def side(name: str) -> Callable[[], None]:
        return lambda: calls.append((name, gc.isenabled()))

    sides = take_turns({"a": side("a"), "b": side("b")}, 4)
    assert [len(side.samples) for side in sides.values()] == [4, 4]
    names = [name for name, _ in calls]
    assert len(names) == 2 * (WARM_UPS + 4)
    assert all(set(names[i : i + 2]) == {"a", "b"} for i in range(0, len(names), 2))
    assert {names[i] for i in range(0, len(names), 2)} == {"a", "b"}
    assert not any(collecting for _, collecting in calls)
    assert gc.isenabled()


def test_take_turns_prepares_and_leaves_slow_sides_out_of_most_rounds() -> None:
    calls: list[str] = []

    def side(name: str) -> Callable[[], None]:
        return lambda: calls.append(name)

    sides = take_turns(
        {"a": side("a"), "slow": side("slow")},
        7,
        before={"a": side("before a")},
        seldom={"slow": 5},
    )
    assert {name: len(side.samples) for name, side in sides.items()} == {"a": 7, "slow": 2}
    assert calls.count("a") == calls.count("before a") == WARM_UPS + 7
    assert all(calls[i - 1] == "before a" for i, name in enumerate(calls) if name == "a")
    assert calls.count("slow") == 2
