"""How many of real Spark's answers the tests hold the library against."""

from __future__ import annotations

import arrow_zones
import shown_columns as sc
from conftest import is_older
from recorded_values import ROOM, is_zoned, recorded

import answers  # isort: skip - of the room that recorded_values found

README = ROOM / "README.md"
_JOBS = {"seen": "what all kinds see", "returned": "100, 300", "converted": "101, 200"}


def total() -> int:
    return sum(sum(_counts(job, minor).values()) for job in _JOBS for minor in answers.MINORS)


def updated(page: str) -> str:
    """The README with its table of counts as they are now."""
    before, mark, rest = page.partition("| Compared |")
    return f"{before}{_table()}{rest[rest.index(chr(10) * 2) + 1 :]}" if mark else page


def _table() -> str:
    minors = answers.MINORS
    rows = [("Compared", *minors), ("---",) * (1 + len(minors))]
    for job, what in _JOBS.items():
        counts = [_counts(job, minor) for minor in minors]
        plain = [sum(n for title, n in each.items() if not is_zoned(title)) for each in counts]
        rows.append((f"`{job}`: {what}", *(f"{n:,}" for n in plain)))
        rows.append((f"`{job}` in zones", *map(_in_zones, counts)))
    sums = [sum(sum(_counts(job, minor).values()) for job in _JOBS) for minor in minors]
    rows.append(("all", *(f"{n:,}" for n in sums)))
    rows.append(("equal", *(f"{n:,}" for n in sums)))
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


def _in_zones(counts: dict[str, int]) -> str:
    zoned = {title: n for title, n in counts.items() if is_zoned(title)}
    pairs = {tuple(title.split()[-2:]) for title in zoned}
    return f"{sum(zoned.values()):,} in {len(pairs)} of 9 pairs"


def _counts(job: str, minor: str) -> dict[str, int]:
    """By what was recorded, how many answers are compared."""
    found = recorded(job, minor)
    if job != "seen":
        return {title: sum(map(len, columns.values())) for title, columns in found.items()}
    kinds = [kind for kind, since in sc.KINDS.items() if not is_older(minor, since)]
    counts = {"plain": sum(_held(minor, kind, "") for kind in kinds)}
    for title in filter(is_zoned, found):
        counts[title] = sum(_held(minor, kind, title) for kind in kinds)
    return counts


def _held(minor: str, kind: str, zones: str) -> int:
    count = 0
    for function in ("describe", "identity"):
        title = f"{kind} {function}"
        told = recorded("seen", minor, zones, title) if zones else sc.answers_about(minor, title)
        given = arrow_zones.COLUMNS if zones else sc.taken(kind, minor)
        count += len(sc.expected_of(given, told, minor, kind, function, "UTC")) if told else 0
    return count
