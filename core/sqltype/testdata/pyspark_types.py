"""What PySpark makes of types: answers a JSON list of requests with a JSON list of answers.

A request is {"json": Spark's JSON}, {"python": an expression of pyspark.sql.types} or {"arrow": an
expression of pyarrow that is a type}.
"""

from __future__ import annotations

import base64
import json
import sys
from typing import Any

import pyarrow as pa  # type: ignore[import-untyped]
from pyspark.sql import types as spark_types
from pyspark.sql.pandas.types import from_arrow_schema, to_arrow_schema
from pyspark.sql.types import DataType, StructField, StructType


def encoded(schema: pa.Schema) -> str:
    return base64.b64encode(schema.serialize().to_pybytes()).decode()


def arrow_schema(t: DataType, large: bool) -> str:
    """The IPC schema message of one column of the type, "" where PySpark has no Arrow type."""
    columns = t if isinstance(t, StructType) else StructType([StructField("c", t)])
    try:
        return encoded(to_arrow_schema(columns, timezone="Europe/Rome", prefers_large_types=large))
    except Exception:  # noqa: BLE001 - PySpark raises several kinds
        return ""


def answer(request: dict[str, Any]) -> dict[str, Any]:
    if "arrow" in request:
        column = pa.field("c", eval(request["arrow"], {"pa": pa}))
        schema = pa.schema([column])
        try:
            found = from_arrow_schema(schema).json()
        except Exception:  # noqa: BLE001 - PySpark raises several kinds
            found = ""
        return {"schema": encoded(schema), "json": found}
    try:
        if "json" in request:
            t = spark_types._parse_datatype_json_string(request["json"])
        else:
            t = eval(request["python"], vars(spark_types))
    except Exception as error:  # noqa: BLE001 - reported, whatever it is
        return {"error": str(error)}
    return {
        "json": t.json(),
        "simple": t.simpleString(),
        "schema": arrow_schema(t, False),
        "large": arrow_schema(t, True),
    }


if __name__ == "__main__":
    json.dump([answer(request) for request in json.load(sys.stdin)], sys.stdout)
