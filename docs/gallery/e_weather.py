"""Batches in, batches out: only the frosty days of Seattle, with a column more.

The function of `mapInArrow`: an iterator of record batches in, an iterator of any number of batches
with other columns and rows out.
"""

from collections.abc import Iterator

import pyarrow as pa
import pyarrow.compute as pc
import udfrunner
from vega_datasets import local_data


def frosty(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    for batch in batches:
        cold = batch.filter(pc.less(batch["temp_min"], 0.0))
        swing = pc.subtract(cold["temp_max"], cold["temp_min"])
        yield pa.record_batch({"day": pc.cast(cold["date"], pa.date32()), "swing": swing})


weather = pa.table(local_data.seattle_weather())
days = udfrunner.map_batches(frosty, weather, "day date, swing double")
print(days.num_rows, days["day"][0], pc.max(days["swing"]).as_py())
# prints 72 2012-01-11 13.3
