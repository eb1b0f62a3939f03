"""Results of pickled functions as Spark makes columns of them (EvaluatePython.makeFromJava).

A value that the declared type does not expect becomes null, some are made into it, few are errors.
What Spark does not do here is left to the function and to its worker, which has turned dates,
timestamps and structs into their internal form by the declared type.
"""

from __future__ import annotations

import ctypes
import decimal
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from . import _javahash, _javatext
from ._javapickle import JavaArray
from .errors import InvalidArgument, is_error

if TYPE_CHECKING:
    import pyarrow as pa

__tracebackhide__ = is_error

_DECIMALS = decimal.Context(prec=400, rounding=decimal.ROUND_HALF_UP)


class Evaluated(ABC):
    """Values of one declared type, made of what a function's results are in the JVM.

    Args:
        path: of the value, for messages.
        arrow: the Arrow type of columns; None where none are made.
    """

    def __init__(self, path: str, arrow: Any) -> None:
        self.path = path
        self.arrow = arrow

    @abstractmethod
    def value(self, given: Any) -> Any:
        """Spark's internal value, as the driver unpickles it, or None."""

    @abstractmethod
    def array(self, given: Sequence[Any]) -> pa.Array:
        """The Arrow column of many."""

    def hash_code(self, value: Any) -> int | None:
        """hashCode of an internal value as the key of a map."""
        return _javahash.hash_code(value)


class Scalar(Evaluated):
    """Values without parts.

    Args:
        path, arrow: as Evaluated has them.
        exact: the types of Python whose values pyarrow makes into the same as `convert`, or
            refuses.
        convert: makes the internal value of anything but None.
        hashed: hashCode of an internal value.
    """

    def __init__(
        self,
        path: str,
        arrow: Any,
        exact: Sequence[type],
        convert: Callable[[Any], Any],
        hashed: Callable[[Any], int | None] = _javahash.hash_code,
    ) -> None:
        super().__init__(path, arrow)
        self._exact = frozenset({*exact, type(None)})
        self._convert = convert
        self._hashed = hashed

    def value(self, given: Any) -> Any:
        return None if given is None else self._convert(given)

    def array(self, given: Sequence[Any]) -> pa.Array:
        import pyarrow as pa

        if self._exact.issuperset(map(type, given)):
            try:
                return pa.array(given, self.arrow)
            except (pa.ArrowException, OverflowError, UnicodeError):
                pass  # One is out of the type's range.
        return pa.array([self.value(each) for each in given], self.arrow)

    def hash_code(self, value: Any) -> int | None:
        return 0 if value is None else self._hashed(value)


class List(Evaluated):
    """Arrays, of lists and of Java's arrays."""

    def __init__(self, path: str, arrow: Any, element: Evaluated) -> None:
        super().__init__(path, arrow)
        self._element = element

    def value(self, given: Any) -> Any:
        items = given if isinstance(given, list) else java_array(given)
        return None if items is None else [self._element.value(item) for item in items]

    def array(self, given: Sequence[Any]) -> pa.Array:
        import pyarrow as pa

        lists = [each if isinstance(each, list) else java_array(each) for each in given]
        offsets, parts = _joined(lists)
        return pa.ListArray.from_arrays(offsets, self._element.array(parts), type=self.arrow)

    def hash_code(self, value: Any) -> int | None:
        return None


class Map(Evaluated):
    """Maps, of dicts in the order of Java's HashMap."""

    def __init__(self, path: str, arrow: Any, key: Evaluated, item: Evaluated) -> None:
        super().__init__(path, arrow)
        self._key = key
        self._item = item

    def value(self, given: Any) -> Any:
        if not isinstance(given, dict):
            return None
        items = [
            (self._made_key(key), self._item.value(item))
            for key, item in _javatext.hash_map_items(given)
        ]
        # Spark's driver gets them out of another HashMap, of keys of the declared type.
        codes = (self._key.hash_code(key) for key, _ in items)
        return {items[i][0]: items[i][1] for i in _javahash.hash_order(codes, len(items))}

    def array(self, given: Sequence[Any]) -> pa.Array:
        import pyarrow as pa

        maps = [
            _javatext.hash_map_items(each) if isinstance(each, dict) else None for each in given
        ]
        offsets, parts = _joined(maps)
        keys = self._key.array([key for key, _ in parts])
        if keys.null_count:
            for key, _ in parts:
                self._made_key(key)
        items = self._item.array([item for _, item in parts])
        return pa.MapArray.from_arrays(offsets, keys, items, type=self.arrow)

    def _made_key(self, given: Any) -> Any:
        """A key of the declared type; Spark fails on what that makes null."""
        made = self._key.value(given)
        if made is None:
            raise unfit(self._key.path, given, "the key of a map may not be null")
        return made

    def hash_code(self, value: Any) -> int | None:
        return None


class Struct(Evaluated):
    """Structs, of tuples."""

    def __init__(self, path: str, arrow: Any, fields: Sequence[Evaluated]) -> None:
        super().__init__(path, arrow)
        self._fields = fields

    def value(self, given: Any) -> Any:
        parts = self._parts(given)
        if parts is None:
            return None
        return tuple(field.value(part) for field, part in zip(self._fields, parts, strict=True))

    def array(self, given: Sequence[Any]) -> pa.Array:
        import pyarrow as pa

        rows = [self._parts(each) for each in given]
        nothing = (None,) * len(self._fields)
        filled = [nothing if row is None else row for row in rows]
        arrays = [field.array([row[i] for row in filled]) for i, field in enumerate(self._fields)]
        missing = pa.array([row is None for row in rows], pa.bool_())
        if not arrays:
            return pa.array([None if row is None else {} for row in rows], self.arrow)
        return pa.StructArray.from_arrays(arrays, fields=list(self.arrow), mask=missing)

    def _parts(self, given: Any) -> Sequence[Any] | None:
        parts = java_array(given)
        if parts is not None and len(parts) != len(self._fields):
            raise unfit(
                self.path, given, f"{len(parts)} values for a struct of {len(self._fields)} fields"
            )
        return parts

    def hash_code(self, value: Any) -> int | None:
        return None


class Dict(Evaluated):
    """Variants and shapes, of dicts with their parts."""

    def __init__(self, path: str, arrow: Any, names: Sequence[str]) -> None:
        super().__init__(path, arrow)
        self._names = names

    def value(self, given: Any) -> Any:
        if type(given) is not dict:
            return None
        if any(given.get(name) is None for name in self._names):
            raise unfit(self.path, given, f"{' and '.join(self._names)} are needed")
        return {name: given[name] for name in self._names}

    def array(self, given: Sequence[Any]) -> pa.Array:
        import pyarrow as pa

        return pa.array([self.value(each) for each in given], self.arrow)

    def hash_code(self, value: Any) -> int | None:
        return None


def java_array(given: Any) -> Sequence[Any] | None:
    """The elements of what is an array in the JVM; None for all else."""
    if isinstance(given, tuple):
        return given
    if isinstance(given, (bytes, bytearray)):
        return [byte - 256 if byte > 127 else byte for byte in given]
    return None


def unfit(path: str, given: Any, why: str) -> InvalidArgument:
    """The error of a value that Spark ends a task for."""
    shown = repr(given)
    return InvalidArgument(f"{path}: {shown if len(shown) <= 80 else shown[:77] + '...'}: {why}")


def _joined(lists: Sequence[Sequence[Any] | None]) -> tuple[pa.Array, list[Any]]:
    """Offsets, null where a list is, and all elements."""
    import pyarrow as pa

    offsets: list[int | None] = []
    parts: list[Any] = []
    for each in lists:
        offsets.append(None if each is None else len(parts))
        parts.extend(each or ())
    offsets.append(len(parts))
    return pa.array(offsets, pa.int32()), parts


def integer(bits: int) -> Callable[[Any], int | None]:
    """Converts to a number of so many bits, which keeps the lowest of a longer one."""
    half = 1 << (bits - 1)

    def convert(given: Any) -> int | None:
        if isinstance(given, bool) or not isinstance(given, int) or not is_long(given):
            return None
        return (given + half) % (half * 2) - half

    return convert


def is_long(given: int) -> bool:
    """Whether a number is a Long in the JVM, or an Integer."""
    return -(1 << 63) <= given < 1 << 63


def single(given: Any) -> float | None:
    """Converts to a float."""
    return ctypes.c_float(given).value if isinstance(given, float) else None


def of_type(kind: type) -> Callable[[Any], Any]:
    """Keeps values of a type."""
    return lambda given: given if isinstance(given, kind) else None


def days(given: Any) -> int | None:
    """Converts to the days of a date, an Integer."""
    is_int = isinstance(given, int) and not isinstance(given, bool)
    return given if is_int and -(1 << 31) <= given < 1 << 31 else None


def binary(given: Any) -> bytes | None:
    """Converts to binary; a text is its UTF-8."""
    if isinstance(given, (bytes, bytearray)):
        return bytes(given)
    if isinstance(given, str):
        return _javatext.java_string(given).encode()
    if isinstance(given, JavaArray) and given.code == "B":
        return bytes(item & 0xFF for item in given)
    return None


def decimals(path: str, precision: int, scale: int) -> Callable[[Any], decimal.Decimal | None]:
    """Converts to decimals, rounding half up; too many digits are an error."""
    step = decimal.Decimal(1).scaleb(-scale)

    def convert(given: Any) -> decimal.Decimal | None:
        if not isinstance(given, decimal.Decimal):
            return None
        made = given.quantize(step, context=_DECIMALS)
        if len(made.as_tuple().digits) > precision and made:
            raise unfit(path, given, f"more digits than decimal({precision},{scale}) has")
        return made

    return convert
