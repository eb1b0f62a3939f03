"""Records of results of pickled functions, read by their declared types."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from . import _evaluate, _javahash, _javapickle, _javatext, _pyspark
from ._evaltype import EvalType
from .errors import InvalidArgument, is_error

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql.types import DataType

    from ._types import ReturnType

__tracebackhide__ = is_error


class Results:
    """Reads the records of row functions (100) and table functions (300).

    Args:
        eval_type: 100 or 300.
        declared: for each chain the name of its function and its return type.
        blocks: whether a result is the list of those of a block of rows.
    """

    def __init__(
        self, eval_type: int, declared: Sequence[tuple[str, ReturnType]], blocks: bool = False
    ) -> None:
        self._is_table = eval_type == EvalType.TABLE
        self._blocks = blocks
        self._declared = declared
        self._types = [each.pyspark() for _, each in declared]
        # The forms without Arrow types: columns are made of few of the results.
        self._forms = [
            evaluated(f"result of {name}", each, None)
            for (name, _), each in zip(declared, self._types, strict=True)
        ]

    def load(self, record: bytes) -> list[Any]:
        """The results of a record as Spark's JVM reads them."""
        try:
            loaded: list[Any] = _javapickle.load(record)
        except _javapickle.UnpickleError as error:
            names = ", ".join(f"{name} ({each})" for name, each in self._declared)
            raise InvalidArgument(
                f"result of {names}: {error}; values of the declared type are allowed"
            ) from error
        return list(itertools.chain.from_iterable(loaded)) if self._blocks else loaded

    def rows(self, record: bytes) -> list[Any]:
        """The results of a record as values of Python, as ``DataFrame.collect`` gives them."""
        given = self.load(record)
        if self._is_table:
            row = self._python(0)
            return [[row(each) for each in rows] for rows in given]
        converters = [self._python(i) for i in range(len(self._types))]
        if len(converters) == 1:
            return list(map(converters[0], given))
        return [
            tuple(convert(value) for convert, value in zip(converters, values, strict=True))
            for values in given
        ]

    def _python(self, index: int) -> Callable[[Any], Any]:
        """Makes a value of the type's for the user."""
        internal, declared = self._forms[index].value, self._types[index]
        if not declared.needConversion():
            return internal
        from_internal: Callable[[Any], Any] = declared.fromInternal
        return lambda given: from_internal(internal(given))

    def column(self) -> _evaluate.Evaluated:
        """What makes columns of the results of the only chain."""
        ((name, declared),) = self._declared
        return evaluated(f"result of {name}", self._types[0], declared.arrow())


def evaluated(path: str, declared: DataType, arrow: pa.DataType | None) -> _evaluate.Evaluated:
    """The form of a declared type.

    Args:
        path: of the value, for messages.
        declared: a PySpark type.
        arrow: the Arrow type of columns; None where none are made.
    """
    from pyspark.sql import types

    if isinstance(declared, types.UserDefinedType):
        return evaluated(path, declared.sqlType(), arrow)
    if isinstance(declared, types.ArrayType):
        part = None if arrow is None else arrow.value_type
        return _evaluate.List(path, arrow, evaluated(f"{path}.element", declared.elementType, part))
    if isinstance(declared, types.MapType):
        key = evaluated(f"{path}.key", declared.keyType, None if arrow is None else arrow.key_type)
        item_type = None if arrow is None else arrow.item_type
        item = evaluated(f"{path}.value", declared.valueType, item_type)
        return _evaluate.Map(path, arrow, key, item)
    if isinstance(declared, types.StructType):
        parts = [None] * len(declared) if arrow is None else [field.type for field in arrow]
        return _evaluate.Struct(
            path,
            arrow,
            [
                evaluated(f"{path}.{field.name}", field.dataType, part)
                for field, part in zip(declared, parts, strict=True)
            ],
        )
    return _scalar(path, declared, arrow)


def _scalar(path: str, declared: DataType, arrow: pa.DataType | None) -> _evaluate.Evaluated:
    from pyspark.sql import types

    if isinstance(declared, types.DecimalType):
        convert = _evaluate.decimals(path, declared.precision, declared.scale)
        return _evaluate.Scalar(path, arrow, [], convert)
    # By name: older PySparks lack some, and the classes of strings are related.
    name = type(declared).__name__
    parts = {"VariantType": ("value", "metadata"), "GeometryType": ("srid", "wkb")}
    parts["GeographyType"] = parts["GeometryType"]
    if name in parts:
        return _evaluate.Dict(path, arrow, parts[name])
    exact, convert, hashed = _SCALARS.get(name, _NOTHING)
    if name == "BinaryType":
        kept = bytes if _pyspark.has_binary_as_bytes() else bytearray
        convert = _as(kept)
    return _evaluate.Scalar(path, arrow, exact, convert, hashed)


def _as(kind: type) -> Callable[[Any], Any]:
    def convert(given: Any) -> Any:
        made = _evaluate.binary(given)
        return None if made is None else kind(made)

    return convert


def _string(given: Any) -> str:
    return _javatext.text(given)


_Conversion = tuple[Sequence[type], Callable[[Any], Any], Callable[[Any], int | None]]

_INT, _LONG = _javahash.int_hash, _javahash.long_hash
_MICROSECONDS: _Conversion = ([int], _evaluate.integer(64), _LONG)
#: Types whose values Spark never takes from Python: intervals of months.
_NOTHING: _Conversion = ([], lambda _: None, _javahash.hash_code)
_STRING: _Conversion = ([str], _string, _javahash.string_hash)

_SCALARS: dict[str, _Conversion] = {
    "BooleanType": ([bool], _evaluate.of_type(bool), _javahash.boolean_hash),
    "ByteType": ([int], _evaluate.integer(8), _INT),
    "ShortType": ([int], _evaluate.integer(16), _INT),
    "IntegerType": ([int], _evaluate.integer(32), _INT),
    "LongType": ([int], _evaluate.integer(64), _LONG),
    "FloatType": ([float], _evaluate.single, _javahash.float_hash),
    "DoubleType": ([float], _evaluate.of_type(float), _javahash.double_hash),
    "StringType": _STRING,
    "CharType": _STRING,
    "VarcharType": _STRING,
    "BinaryType": ([bytes, bytearray], _evaluate.binary, lambda _: None),
    "DateType": ([int], _evaluate.days, _INT),
    "TimestampType": _MICROSECONDS,
    "TimestampNTZType": _MICROSECONDS,
    "DayTimeIntervalType": _MICROSECONDS,
    "TimeType": _MICROSECONDS,
}
