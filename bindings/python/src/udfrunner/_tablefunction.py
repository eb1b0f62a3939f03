"""What a table function (UDTF) has besides its handler class (Spark's PythonUDTF)."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from . import _abi, _pyspark
from ._arguments import check_is
from ._task import checked_int
from .errors import InvalidArgument, is_error

__tracebackhide__ = is_error


@dataclass(frozen=True)
class TableFunction:
    """What a table function (eval types 300 to 302) is told besides its arguments.

    Attributes:
        name: the function's, for messages of the worker (PySpark 4.0 and later); left out, the
            handler class's.
        partition_children: of a table argument with PARTITION BY, the indexes of its partitioning
            columns: the handler, which does not get them, is created again when they change.
        analyze_result: what the handler's ``analyze`` gave, for its ``__init__``: an
            ``AnalyzeResult``, whose schema is the return type where none is given, or its pickle.
        table_arguments: for ``arrow_udtf`` (302) the offsets of the arguments that are tables.
    """

    name: str | None = None
    partition_children: Sequence[int] = ()
    analyze_result: Any = None
    table_arguments: Sequence[int] = ()

    @property
    def analyzed_schema(self) -> Any:
        """The schema that ``analyze`` gave, or None where there is none or it is pickled."""
        return getattr(self.analyze_result, "schema", None)

    def to_c(self, name: str, keep: list[Any]) -> _abi.TableFunction:
        """The C struct; `keep` gets what must live as long as it."""
        item = _abi.TableFunction()
        item.size = ctypes.sizeof(_abi.TableFunction)
        if self.name is not None:
            check_is(self.name, str, "name of a table function")
        encoded = (self.name if self.name is not None else name).encode()
        item.name, item.name_size = encoded, len(encoded)
        children = _int_array(self.partition_children, "partition_children")
        tables = _int_array(self.table_arguments, "table_arguments")
        item.partition_children, item.n_partition_children = children, len(children)
        item.table_arguments, item.n_table_arguments = tables, len(tables)
        if self.analyze_result is not None:
            pickled = self.analyze_result
            if not isinstance(pickled, bytes):
                pickled = _pyspark.pickle_object(pickled, "analyze_result")
            item.analyze_result = ctypes.cast(ctypes.c_char_p(pickled), ctypes.c_void_p)
            item.analyze_result_size = len(pickled)
            keep.append(pickled)
        keep += [children, tables, item]
        return item


def _int_array(values: Sequence[int], what: str) -> Any:
    if isinstance(values, (str, bytes)) or not isinstance(values, Sequence):
        raise InvalidArgument(f"{what} {values!r}: a list of column indexes is needed")
    return (ctypes.c_int32 * len(values))(*[checked_int(value, 32, what) for value in values])
