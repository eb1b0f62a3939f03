"""One line of what ``udfrunner doctor`` reports."""

from __future__ import annotations

from dataclasses import dataclass

#: What a finding is: all is well, something may fail, something needed is missing.
FINE = "ok"
DOUBTFUL = "doubtful"
FAILED = "failed"


@dataclass(frozen=True)
class Finding:
    """A name, what was found, and whether it will do: FINE, DOUBTFUL or FAILED.

    Counters are numbers of a task for those who look for a fault.
    """

    name: str
    value: str
    judgement: str = FINE
    counter: bool = False
