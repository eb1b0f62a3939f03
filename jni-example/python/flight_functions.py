"""Functions over the flights out of New York in 2013, as a PySpark user writes them.

Spark's own Python runner and the library run them as they are.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import pandas as pd
from pyspark import Accumulator, TaskContext

#: A local property of the job: seconds that each call of speed takes at least.
PAUSE_PROPERTY = "flights.pause.seconds"


def counting_speed(unknown: Accumulator[int]) -> Callable[[pd.Series, pd.Series], pd.Series]:
    """The function `speed`, which counts the flights whose time in the air is not known."""

    def speed(distance: pd.Series, air_time: pd.Series) -> pd.Series:
        """Miles an hour (a pandas scalar function)."""
        unknown.add(int(air_time.isna().sum()))
        pause()
        return distance / (air_time / 60)

    return speed


def lateness(flights: pd.DataFrame) -> pd.DataFrame:
    """How much later than the mean of its destination each flight was (a grouped function)."""
    late = flights.arr_delay - flights.arr_delay.mean()
    return pd.DataFrame({"id": flights.id, "dest": flights.dest, "lateness": late})


def pause() -> None:
    """Waits where the job's local property asks for it: work that takes its time."""
    context = TaskContext.get()
    seconds = context.getLocalProperty(PAUSE_PROPERTY) if context else None
    if seconds:
        time.sleep(float(seconds))
