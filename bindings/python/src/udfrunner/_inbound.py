"""Rows of Arrow data as pickled functions get them from Spark.

Spark's BatchEvalPythonExec sends values in an internal form (EvaluatePython.toJava) together with
their types, and the worker makes Python values of them: Rows of structs, dates of days, timestamps
in its own zone. So do the records made here: each is the pickle of an expression that the worker
evaluates, over lists of column values. Nothing of PySpark is needed in this process.
"""

from __future__ import annotations

import importlib
import itertools
import json
import pickle
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from ._inboundschema import Later, inbound_fields
from ._inboundtypes import Call, Inbound
from .errors import is_error

if TYPE_CHECKING:
    import pyarrow as pa

__tracebackhide__ = is_error

#: Rows and bytes of Arrow data that make one record. Spark's records have 100 rows; functions see
#: rows, not records.
ROWS_PER_RECORD = 4096
BYTES_PER_RECORD = 4 << 20

_TYPES = Call(importlib.import_module, "pyspark.sql.types")
_PARSE = Call(getattr, _TYPES, "_parse_datatype_json_string")
_CONVERTER = Call(getattr, _TYPES, "_create_row_inbound_converter")


class InboundRows:
    """Makes records of the rows of record batches with one schema.

    Args:
        schema: of the batches. Types that Spark does not have are converted to its own; what
            cannot be is an InvalidArgument that names the column.
        eval_type: for that message.
        named: whether rows are PySpark Rows with the columns' names, as those of DataFrame.rdd;
            else they only hold the arguments of functions.
        bytearrays: whether binary values are bytearrays; None leaves it to the worker's version.
        declared: Spark's JSON form of a struct with the columns, where that says more than the
            schema: user-defined types.
    """

    def __init__(
        self,
        schema: pa.Schema,
        eval_type: int,
        named: bool = False,
        bytearrays: bool | None = None,
        declared: dict[str, Any] | None = None,
    ) -> None:
        self._fields: list[Inbound]
        #: Types in the data that older workers lack.
        self.later: list[Later]
        self._fields, self.later = inbound_fields(schema, eval_type, bytearrays, declared)
        self._converter: Call | None = None
        if named or any(field.converts for field in self._fields):
            text = {"type": "struct", "fields": self._json_fields(schema, named)}
            self._converter = Call(_CONVERTER, Call(_PARSE, json.dumps(text)))

    def _json_fields(self, schema: pa.Schema, named: bool) -> list[dict[str, Any]]:
        names = schema.names if named else [f"_{i}" for i in range(len(schema))]
        return [
            {"name": name, "type": field.json, "nullable": True, "metadata": {}}
            for name, field in zip(names, self._fields, strict=True)
        ]

    @property
    def makes_blocks(self) -> bool:
        """Whether the worker gets columns as they are: records of blocks can be made."""
        return self._converter is None

    def records(self, batch: pa.RecordBatch, blocks: bool = False) -> Iterator[bytes]:
        """The batch's rows, pickled; in blocks, each the row of its columns' lists."""
        rows = ROWS_PER_RECORD
        if batch.nbytes > BYTES_PER_RECORD:
            rows = max(1, min(rows, batch.num_rows * BYTES_PER_RECORD // batch.nbytes))
        for start in range(0, batch.num_rows, rows):
            part = batch.slice(start, rows)
            rows_or_block = [tuple(self._columns(part))] if blocks else self._rows(part)
            yield pickle.dumps(rows_or_block, protocol=pickle.HIGHEST_PROTOCOL)

    def _columns(self, batch: pa.RecordBatch) -> list[list[Any]]:
        return [
            field.values(column) for field, column in zip(self._fields, batch.columns, strict=True)
        ]

    def _rows(self, batch: pa.RecordBatch) -> Any:
        """What the worker evaluates to a list of rows."""
        columns = self._columns(batch)
        if not columns:
            empty = () if self._converter is None else Call(self._converter)
            return list(itertools.repeat(empty, batch.num_rows))
        if self._converter is None:
            return Call(list, Call(zip, *columns))
        return Call(list, Call(map, self._converter, *columns))
