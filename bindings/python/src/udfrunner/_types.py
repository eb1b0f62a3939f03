"""Return types in every form a caller may give them, turned into what library and pickle need."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Union

from . import _pyspark
from .errors import InvalidArgument, is_error

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql.types import DataType

    #: DDL or JSON text, a PySpark DataType, a pyarrow DataType, or a pyarrow Schema.
    ReturnTypeLike = Union[str, DataType, pa.DataType, pa.Schema]

__tracebackhide__ = is_error


@dataclass(frozen=True)
class ReturnType:
    """One declared return type: text for the library, or an Arrow schema."""

    text: str | None = None
    schema: Any = None

    def __str__(self) -> str:
        return self.text if self.text is not None else str(self.schema)

    def pyspark(self) -> DataType:
        """The PySpark DataType, which a pickled function carries."""
        if self.text is not None:
            return _pyspark.data_type(self.text)
        return _pyspark.from_arrow(self.schema)

    def arrow(self) -> pa.DataType:
        """The Arrow type that PySpark makes of it."""
        import pyarrow as pa

        if isinstance(self.schema, pa.Schema):
            return pa.struct(list(self.schema))
        if self.schema is not None:
            return self.schema
        return _pyspark.to_arrow(self.pyspark())


def return_type(value: ReturnTypeLike | ReturnType) -> ReturnType:
    """Takes a return type in any form. Text is left for the library to check."""
    if isinstance(value, ReturnType):
        return value
    if isinstance(value, str):
        return ReturnType(text=value)
    if hasattr(value, "__arrow_c_schema__"):
        return ReturnType(schema=value)
    if hasattr(value, "data_type_string"):  # Spark Connect's UnparsedDataType
        return ReturnType(text=value.data_type_string)
    if hasattr(value, "jsonValue"):
        return ReturnType(text=json.dumps(value.jsonValue()))
    raise InvalidArgument(
        f"return type {value!r}: must be a DDL or JSON text, a PySpark DataType or a pyarrow "
        "type or schema"
    )
