"""What a worker's first task would have to load: done once, before the fork.

The embedded daemon runs whole tasks for that, which the library encodes. Here it is what takes
longest of them: PySpark's checks of its packages, and pandas data through PyArrow and back.
"""

from __future__ import annotations

import importlib
import io
import warnings
from typing import Any


def run() -> None:
    """Load it, as far as the packages are installed; what fails is left to the workers."""
    try:
        utils: Any = importlib.import_module("pyspark.sql.pandas.utils")
        with warnings.catch_warnings():  # the workers', who warn again
            warnings.simplefilter("ignore")
            utils.require_minimum_pandas_version()
            utils.require_minimum_pyarrow_version()
        pandas: Any = importlib.import_module("pandas")
        arrow: Any = importlib.import_module("pyarrow")
    except Exception:  # noqa: BLE001 - not installed, too old
        return
    column = arrow.Array.from_pandas(pandas.Series([1, 2]), type=arrow.int64())
    batch = arrow.RecordBatch.from_arrays([column], ["_0"])
    stream = io.BytesIO()
    with arrow.ipc.new_stream(stream, batch.schema) as writer:
        writer.write_batch(batch)
    stream.seek(0)
    for read in arrow.ipc.open_stream(stream):
        read.column(0).to_pandas()
