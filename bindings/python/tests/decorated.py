"""Functions under PySpark's decorators with return types as text, named as "decorated:NAME"."""

from __future__ import annotations

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from pyspark.sql.functions import arrow_udf, pandas_udf, udf


@pandas_udf("double")
def scaled(x: pd.Series, scale: pd.Series) -> pd.Series:
    return x * scale


@udf("long")
def plus_one(x):
    return x + 1


@udf("n long, text string")
def pair(x):
    return x, str(x)


@arrow_udf("long")
def arrow_plus_one(x: pa.Array) -> pa.Array:
    return pc.add(x, 1)
