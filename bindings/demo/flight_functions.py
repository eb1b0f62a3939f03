"""Functions over the flights out of New York in 2013, as a PySpark user would write them."""

from collections.abc import Iterator

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc


def speed(distance: pd.Series, air_time: pd.Series) -> pd.Series:
    """Miles an hour; null where the time in the air is not known (a pandas scalar function)."""
    return distance / (air_time / 60)


def punctuality(dep_delay: float | None, arr_delay: float | None) -> str:
    """What a passenger would say (a plain Python function, called once per row)."""
    if dep_delay is None or arr_delay is None:
        return "cancelled or diverted"
    if arr_delay <= 0:
        return "early" if dep_delay > 0 else "on time"
    return "late" if arr_delay > 30 else "a little late"


def long_delays(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Only flights that were more than two hours late (a mapInArrow function)."""
    for batch in batches:
        yield batch.filter(pc.fill_null(pc.greater(batch["arr_delay"], 120), False))
