"""Random queries over random schemas: what the extension gives is what Spark gives.

UDFRUNNER_SQL_QUERIES says how many (6), UDFRUNNER_SQL_SEED where they begin: a query depends on its seed alone.
"""

from __future__ import annotations

import os
import random
import string
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from decimal import Decimal

import pandas as pd
import pyarrow as pa
import pytest
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql import types as T

SEED = int(os.environ.get("UDFRUNNER_SQL_SEED", "1"))
QUERIES = int(os.environ.get("UDFRUNNER_SQL_QUERIES", "6"))

LEAVES = [
    T.BooleanType(),
    T.ByteType(),
    T.ShortType(),
    T.IntegerType(),
    T.LongType(),
    T.FloatType(),
    T.DoubleType(),
    T.StringType(),
    T.BinaryType(),
    T.DateType(),
    T.TimestampType(),
    T.TimestampNTZType(),
    T.DecimalType(12, 3),
    T.DecimalType(38, 10),
    T.DayTimeIntervalType(),
]


def some_type(r: random.Random, depth: int = 2) -> T.DataType:
    """A type that may hold others."""
    if depth == 0 or r.random() < 0.7:
        return r.choice(LEAVES)
    kind = r.randrange(3)
    if kind == 0:
        return T.ArrayType(some_type(r, depth - 1))
    if kind == 1:
        return T.MapType(T.StringType(), some_type(r, depth - 1))
    return T.StructType(
        [T.StructField(f"f{i}", some_type(r, depth - 1)) for i in range(r.randint(1, 3))]
    )


def some_value(r: random.Random, kind: T.DataType) -> object:
    """A value of a type, or None."""
    if r.random() < 0.15:
        return None
    if isinstance(kind, T.ArrayType):
        return [some_value(r, kind.elementType) for _ in range(r.randint(0, 3))]
    if isinstance(kind, T.MapType):
        return {f"k{i}": some_value(r, kind.valueType) for i in range(r.randint(0, 3))}
    if isinstance(kind, T.StructType):
        return tuple(some_value(r, field.dataType) for field in kind.fields)
    if isinstance(kind, T.DecimalType):
        return Decimal(r.randint(-(10**9), 10**9)).scaleb(-kind.scale)
    bits = {T.ByteType: 7, T.ShortType: 15, T.IntegerType: 31, T.LongType: 63}
    if type(kind) in bits:
        most = 2 ** bits[type(kind)]
        return r.choice([-most, most - 1, r.randrange(-most, most)])
    moment = datetime(2026, 3, 8) + timedelta(
        minutes=r.randint(-(10**6), 10**6), microseconds=r.randint(0, 999_999)
    )
    return {
        T.BooleanType: r.random() < 0.5,
        T.FloatType: float(r.randint(-100, 100)),
        T.DoubleType: r.choice([0.1, -0.0, float("nan"), float("inf"), r.random()]),
        T.StringType: "".join(r.choices(string.printable + "äß世\U0001f600", k=r.randint(0, 12))),
        T.BinaryType: r.randbytes(r.randint(0, 9)),
        T.DateType: date(2026, 1, 1) + timedelta(days=r.randint(-(10**5), 10**5)),
        T.TimestampType: moment,
        T.TimestampNTZType: moment,
        T.DayTimeIntervalType: timedelta(microseconds=r.randint(-(10**12), 10**12)),
    }[type(kind)]


def unchanged(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    yield from batches


@F.pandas_udf(T.LongType())
def positions(x: pd.Series) -> pd.Series:
    return pd.Series(range(len(x)))


def query(spark: SparkSession, r: random.Random) -> DataFrame:
    """A plan of one to three steps around functions."""
    fields = [T.StructField(f"c{i}", some_type(r)) for i in range(r.randint(1, 5))]
    values = [
        (i, *(some_value(r, field.dataType) for field in fields))
        for i in range(r.choice([0, 1, 7, 40]))
    ]
    schema = T.StructType([T.StructField("row", T.LongType()), *fields])
    # Rows of a shuffle come in any order.
    frame = (
        spark.createDataFrame(values, schema)
        .repartition(r.randint(1, 3), "row")
        .sortWithinPartitions("row")
    )
    for _ in range(r.randint(1, 3)):
        column = r.choice(fields)
        step = r.randrange(4)
        if step == 0:
            same = F.udf(lambda x: x, column.dataType, useArrow=True)
            frame = frame.withColumn(column.name, same(column.name))
        elif step == 1:
            text = F.udf(lambda *values: repr(values), T.StringType(), useArrow=True)
            frame = frame.filter(F.length(text(*schema.names)) % r.randint(2, 5) != 0)
        elif step == 2:
            frame = frame.mapInArrow(unchanged, schema)
        else:
            frame = frame.withColumn("row", F.col("row") + 100 * positions("row"))
    return frame.sortWithinPartitions("row") if r.random() < 0.5 else frame


@pytest.mark.parametrize("seed", range(SEED, SEED + QUERIES))
def test_random_query(spark, same, seed):
    spark.conf.set(
        "spark.sql.execution.arrow.maxRecordsPerBatch",
        str(random.Random(seed).choice([1, 3, 10_000])),
    )
    spark.conf.set("spark.sql.adaptive.enabled", str(seed % 2 == 0).lower())
    same(lambda: query(spark, random.Random(seed)), ours=None)
