"""As decorated, with the decorator that PySpark has from 4.1 on."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc
from pyspark.sql.functions import arrow_udf


@arrow_udf("long")
def plus_one(x: pa.Array) -> pa.Array:
    return pc.add(x, 1)
