"""Spark's daemon of Python workers, with the slow imports done before it forks.

Recording sees thousands of tasks fail, and each failure costs a worker.
"""

from __future__ import annotations

import gc
import sys
import zipimport

# Spark's archives have what is installed, too; workers would read their directories at each task.
sys.path[:] = [path for path in sys.path if not path.endswith(".zip")]
zipimport.zipimporter.invalidate_caches = lambda _: None

import pandas
import pyarrow as pa
import pyspark.daemon
import pyspark.sql.pandas.serializers
import pyspark.sql.pandas.types
import pyspark.sql.udtf
import pyspark.worker
import returned
import shown  # noqa: F401

if pyspark.__version__ < "4":
    # What PySpark 3.5 compares versions with, which brings setuptools with it.
    import distutils.version  # noqa: F401

if __name__ == "__main__":
    # What PyArrow and pandas load at their first use.
    pa.array(pandas.Series([1.5, None]), from_pandas=True)
    returned.evaluate("datetime(2024, 1, 1, tzinfo=ZoneInfo('Asia/Tokyo'))")
    gc.freeze()
    pyspark.daemon.manager()
