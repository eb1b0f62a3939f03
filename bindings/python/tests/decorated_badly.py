"""A module that cannot be imported: its return type is no type."""

from __future__ import annotations

from pyspark.sql.functions import udf


@udf("lnog")
def plus_one(x):
    return x + 1
