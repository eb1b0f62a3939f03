"""What real Spark makes of values that functions with Arrow data return; run by ``record.py``."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import record_returned as r
import returned
import spark as s
from pyspark.sql import SparkSession


def record(
    spark: SparkSession, known: dict[str, Any], wanted: s.Wanted
) -> Iterator[tuple[str, r.Answers]]:
    """As record_returned's, of functions whose results the worker makes into columns."""
    spark.conf.set("spark.sql.execution.arrow.maxRecordsPerBatch", "1")
    yield from r.zoned(spark, ("101", "200"), known, wanted)
    for kind in ("101", "200"):
        if wanted(kind):
            given = {t: returned.ARROW_VALUES for t in r.types(returned.ARROW_TYPES)}
            yield kind, r.of_kind(spark, kind, given, known.get(kind, {}))
