"""Functions under PySpark's decorators with return types as text, named as "decorated:NAME"."""

from __future__ import annotations

import pandas as pd
from pyspark.sql.functions import pandas_udf, udf


@pandas_udf("double")
def scaled(x: pd.Series, scale: pd.Series) -> pd.Series:
    return x * scale


@udf("long")
def plus_one(x):
    return x + 1


@udf("n long, text string")
def pair(x):
    return x, str(x)
