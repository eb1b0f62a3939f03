"""The DDL parser as the package uses it; core/daemon/tests/test_ddl.py holds it against Spark."""

from __future__ import annotations

import pytest
from pyspark.sql import types as t

import udfrunner
from udfrunner import _pyspark
from udfrunner._types import return_type

CASES = {
    "long": t.LongType(),
    " BIGINT ": t.LongType(),
    "int": t.IntegerType(),
    "tinyint": t.ByteType(),
    "smallint": t.ShortType(),
    "real": t.FloatType(),
    "double": t.DoubleType(),
    "string": t.StringType(),
    "binary": t.BinaryType(),
    "boolean": t.BooleanType(),
    "date": t.DateType(),
    "timestamp": t.TimestampType(),
    "timestamp_ntz": t.TimestampNTZType(),
    "void": t.NullType(),
    "decimal": t.DecimalType(10, 0),
    "decimal(12)": t.DecimalType(12, 0),
    "dec( 16 , 8 )": t.DecimalType(16, 8),
    "char(5)": t.CharType(5),
    "varchar(7)": t.VarcharType(7),
    "interval day to second": t.DayTimeIntervalType(),
    "interval year": t.YearMonthIntervalType(0, 0),
    "array<int>": t.ArrayType(t.IntegerType()),
    "map<string, array<double>>": t.MapType(t.StringType(), t.ArrayType(t.DoubleType())),
    "struct<>": t.StructType(),
    "struct<a: int, b: struct<c string>>": t.StructType()
    .add("a", "integer")
    .add("b", t.StructType().add("c", t.StringType())),
    "a long, b string": t.StructType().add("a", t.LongType()).add("b", t.StringType()),
    "a: byte": t.StructType().add("a", t.ByteType()),
    "date date": t.StructType().add("date", t.DateType()),
    "a int not null comment 'it\\'s'": t.StructType(
        [t.StructField("a", t.IntegerType(), False, {"comment": "it's"})]
    ),
    "`a b``c` int": t.StructType().add("a b`c", t.IntegerType()),
    "interval interval day": t.StructType().add("interval", t.DayTimeIntervalType(0, 0)),
}


@pytest.mark.parametrize("text", CASES)
def test_parses_to_pysparks_type(text: str) -> None:
    assert _pyspark.data_type(text) == CASES[text]


@pytest.mark.parametrize("text", CASES)
def test_json_form_is_taken_as_it_is(text: str) -> None:
    assert _pyspark.data_type(CASES[text].json()) == CASES[text]


@pytest.mark.parametrize(
    "text",
    [
        "blabla",
        "a: int,",
        "array<int",
        "map<int, boolean>>",
        "map<int>",
        "decimal(39)",
        "decimal(3,5)",
        "decimal(x)",
        "interval day to year",
        "interval second to day",
        "char",
        "a int not",
        "a int comment 3",
        "int; drop",
        "<int>",
        '{"type":',
        "[1]",
        "{}",
    ],
)
def test_what_is_no_type_is_refused(text: str) -> None:
    with pytest.raises(udfrunner.InvalidArgument, match="return type"):
        _pyspark.data_type(text)


def test_return_types_in_every_form() -> None:
    import pyarrow as pa

    columns = t.StructType().add("a", t.LongType())
    assert return_type("a long").pyspark() == columns
    assert return_type(columns).pyspark() == columns
    assert return_type(pa.schema([("a", pa.int64())])).pyspark() == columns
    assert return_type(pa.struct([("a", pa.int64())])).arrow() == pa.struct([("a", pa.int64())])
    assert return_type("array<int>").arrow().value_type == pa.int32()
    with pytest.raises(udfrunner.InvalidArgument, match="return type 7"):
        return_type(7)
