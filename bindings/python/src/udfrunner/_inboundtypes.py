"""Arrow types as Spark has them in front of a pickled function: type in JSON, values to pickle."""

from __future__ import annotations

import bisect
import itertools
import operator
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from . import _javahash
from .errors import InvalidArgument, is_error

if TYPE_CHECKING:
    import pyarrow as pa

__tracebackhide__ = is_error

#: Digits of Spark's widest decimal.
MAX_PRECISION = 38


class Call:
    """A call that unpickling does: its pickle is the result's."""

    __slots__ = ("_arguments", "_function")

    def __init__(self, function: Callable[..., Any], *arguments: Any) -> None:
        self._function = function
        self._arguments = arguments

    def again(self) -> Call:
        """The same call, whose result is another object."""
        return Call(self._function, *map(fresh, self._arguments))

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return self._function, self._arguments

    def __call__(self) -> Any:
        """Pickle asks a function to be callable, which the result of a call may be."""
        raise TypeError("a pickled call is made by the worker")


class UnfitData(InvalidArgument):
    """A value of the input that Spark's type cannot hold."""


class Cast:
    """Makes arrays of a column into Spark's type for them.

    Args:
        path: of the column, for messages.
        to: the type; None where the column has it.
    """

    def __init__(self, path: str, to: pa.DataType | None = None) -> None:
        self._path = path
        self._to = to

    def __call__(self, array: pa.Array) -> pa.Array:
        if self._to is None:
            return array
        import pyarrow as pa

        try:
            return array.cast(self._to)
        except pa.ArrowInvalid as error:
            raise UnfitData(
                f"column {self._path}: {array.type} as Spark's {self._to}: {error}; cast the "
                "column before"
            ) from error


class Inbound(ABC):
    """How the values of one Arrow type reach a pickled function."""

    #: Spark's JSON form of the type, as DataType.json has it.
    json: Any
    #: Whether the worker has to convert the values (EvaluatePython.needConversionInPython).
    converts = False

    @abstractmethod
    def values(self, array: pa.Array) -> list[Any]:
        """The values of an array of the type, null as None, as EvaluatePython.toJava has them."""

    def hash_code(self, value: Any) -> int | None:
        """hashCode of a value as a key of a Java map; None where it is not known."""
        return _javahash.hash_code(value)


def with_nulls(values: list[Any], array: pa.Array) -> list[Any]:
    """`values` with None where the array is null."""
    if not array.null_count:
        return values
    valid = array.is_valid().to_pylist()
    return [value if there else None for value, there in zip(values, valid, strict=True)]


def list_bounds(array: pa.Array) -> list[tuple[int, int]]:
    """Where each list of an array begins and ends in the array's `values`.

    PyArrow's own casts of list views lose elements behind a null.
    """
    import pyarrow.types as types

    if types.is_fixed_size_list(array.type):
        size = array.type.list_size
        starts = range(array.offset * size, (array.offset + len(array)) * size, size)
        return [(start, start + size) for start in starts] if size else [(0, 0)] * len(array)
    offsets = array.offsets.to_pylist()
    if hasattr(array, "sizes"):
        sizes = array.sizes.to_pylist()
        return [(start, start + size) for start, size in zip(offsets, sizes, strict=True)]
    return list(itertools.pairwise(offsets))


class Scalars(Inbound):
    """Values that are their own form, after a cast to Spark's type where there is one."""

    def __init__(self, json: str, cast: Cast) -> None:
        self.json = json
        self._cast = cast

    def values(self, array: pa.Array) -> list[Any]:
        values: list[Any] = self._cast(array).to_pylist()
        return values


class Numbers(Inbound):
    """Values of a fixed width, read out of their buffer.

    Args:
        code: of the numbers in the buffer, as struct has them.
        json, converts, hashed: as Inbound has them.
        cast: to Spark's type.
    """

    def __init__(
        self,
        json: str,
        code: str,
        cast: Cast,
        *,
        converts: bool = False,
        hashed: Callable[[Any], int] = _javahash.int_hash,
    ) -> None:
        self.json = json
        self.converts = converts
        self._code = code
        self._cast = cast
        self._hashed = hashed

    def values(self, array: pa.Array) -> list[Any]:
        array = self._cast(array)
        data = array.buffers()[1]
        if data is None:
            return [None] * len(array)
        numbers = memoryview(data).cast("B").cast(self._code)  # type: ignore[call-overload]
        return with_nulls(numbers[array.offset : array.offset + len(array)].tolist(), array)

    def hash_code(self, value: Any) -> int | None:
        return None if value is None else self._hashed(value)


class Times(Inbound):
    """Times of day: their nanoseconds."""

    json = "time(6)"
    converts = True

    def __init__(self, cast: Cast) -> None:
        self._microseconds = Numbers("long", "q", cast)

    def values(self, array: pa.Array) -> list[Any]:
        values = self._microseconds.values(array)
        return [None if value is None else value * 1000 for value in values]

    def hash_code(self, value: Any) -> int | None:
        return None if value is None else _javahash.long_hash(value)


class Binary(Inbound):
    """Binary values: bytes, or bytearrays for workers before PySpark 4.1."""

    json = "binary"

    #: The type that the worker's PySpark has: Spark 4.1 introduced binaryAsBytes.
    _BY_VERSION = Call(
        dict.get,
        {"3.5": bytearray, "4.0": bytearray},
        Call(
            operator.getitem,
            Call(getattr, Call(__import__, "pyspark"), "__version__"),
            slice(0, 3),
        ),
        bytes,
    )

    def __init__(self, bytearrays: bool | None) -> None:
        self._made = bytearray if bytearrays else self._BY_VERSION

    def values(self, array: pa.Array) -> list[Any]:
        made = self._made
        return [None if value is None else Call(made, value) for value in array.to_pylist()]

    def hash_code(self, value: Any) -> int | None:
        return None


class Indexed(Inbound):
    """Dictionaries and runs: the values that rows refer to.

    Args:
        inner: the form of the values.
        places: the values of an array, and for each row which of them it is, None for null.
    """

    def __init__(
        self, inner: Inbound, places: Callable[[pa.Array], tuple[pa.Array, list[int | None]]]
    ) -> None:
        self.json, self.converts = inner.json, inner.converts
        self._inner = inner
        self._places = places

    def values(self, array: pa.Array) -> list[Any]:
        given, places = self._places(array)
        values = self._inner.values(given)
        # A row's object is its own: functions may change it.
        return [None if place is None else fresh(values[place]) for place in places]

    def hash_code(self, value: Any) -> int | None:
        return self._inner.hash_code(value)


class Stored(Inbound):
    """Extension types: what is stored for them."""

    def __init__(self, inner: Inbound) -> None:
        self.json, self.converts = inner.json, inner.converts
        self._inner = inner

    def values(self, array: pa.Array) -> list[Any]:
        return self._inner.values(array.storage)

    def hash_code(self, value: Any) -> int | None:
        return self._inner.hash_code(value)


def fresh(value: Any) -> Any:
    """A value of another row's as an object of its own."""
    if isinstance(value, list):
        return [fresh(item) for item in value]
    if isinstance(value, dict):
        return {key: fresh(item) for key, item in value.items()}
    if isinstance(value, tuple):
        return tuple(fresh(item) for item in value)
    return value.again() if isinstance(value, Call) else value


def dictionary_places(array: pa.Array) -> tuple[pa.Array, list[int | None]]:
    """The dictionary and the indices."""
    return array.dictionary, array.indices.to_pylist()


def run_places(array: pa.Array) -> tuple[pa.Array, list[int | None]]:
    """The values of runs, and for each row the number of its run."""
    ends = array.run_ends.to_pylist()
    rows = range(array.offset, array.offset + len(array))
    return array.values, [bisect.bisect_right(ends, row) for row in rows]


class Lists(Inbound):
    """Lists of every layout."""

    def __init__(self, element: Inbound) -> None:
        self.json = {"type": "array", "elementType": element.json, "containsNull": True}
        self.converts = element.converts
        self._element = element

    def values(self, array: pa.Array) -> list[Any]:
        bounds = list_bounds(array)
        first = min((start for start, end in bounds if start < end), default=0)
        last = max((end for _, end in bounds), default=first)
        items = self._element.values(array.values.slice(first, last - first))
        return with_nulls([items[start - first : end - first] for start, end in bounds], array)


class Maps(Inbound):
    """Maps: dicts in the order of the JVM's HashMap."""

    def __init__(self, key: Inbound, value: Inbound) -> None:
        self.json = {
            "type": "map",
            "keyType": key.json,
            "valueType": value.json,
            "valueContainsNull": True,
        }
        self.converts = key.converts or value.converts
        self._key = key
        self._value = value

    def values(self, array: pa.Array) -> list[Any]:
        bounds = list_bounds(array)
        first, last = (bounds[0][0], bounds[-1][1]) if bounds else (0, 0)
        keys = self._key.values(array.keys.slice(first, last - first))
        items = self._value.values(array.items.slice(first, last - first))
        maps = [
            self._dict(keys[start - first : end - first], items[start - first : end - first])
            for start, end in bounds
        ]
        return with_nulls(maps, array)

    def _dict(self, keys: Sequence[Any], items: Sequence[Any]) -> Any:
        order = _javahash.hash_order(map(self._key.hash_code, keys), len(keys))
        if any(isinstance(key, (Call, list, dict)) for key in keys):
            # Not hashable here; whether the worker's value is will be seen there.
            return Call(dict, [(keys[i], items[i]) for i in order])
        return {keys[i]: items[i] for i in order}


class Structs(Inbound):
    """Structs: tuples, of which the worker makes Rows."""

    converts = True

    def __init__(self, fields: Sequence[tuple[str, Inbound]]) -> None:
        self.json = {
            "type": "struct",
            "fields": [
                {"name": name, "type": field.json, "nullable": True, "metadata": {}}
                for name, field in fields
            ],
        }
        self._fields = [field for _, field in fields]

    def values(self, array: pa.Array) -> list[Any]:
        columns = [field.values(array.field(i)) for i, field in enumerate(self._fields)]
        rows = list(zip(*columns, strict=True)) if columns else [()] * len(array)
        return with_nulls(rows, array)

    def hash_code(self, value: Any) -> int | None:
        return None


class Variants(Inbound):
    """Variants: dicts of their two binaries, of which the worker makes a VariantVal."""

    json = "variant"
    converts = True

    def __init__(self, names: Sequence[str]) -> None:
        self._names = names

    def values(self, array: pa.Array) -> list[Any]:
        columns = [array.field(i).to_pylist() for i in range(len(self._names))]
        rows = [
            {name: bytearray(part or b"") for name, part in zip(self._names, row, strict=True)}
            for row in zip(*columns, strict=True)
        ]
        return with_nulls(rows, array)


class UserDefined(Inbound):
    """Values of a user-defined type: its stored form, of which the worker makes objects."""

    converts = True

    def __init__(self, json: dict[str, Any], stored: Inbound) -> None:
        self.json = json
        self._stored = stored

    def values(self, array: pa.Array) -> list[Any]:
        return self._stored.values(array)

    def hash_code(self, value: Any) -> int | None:
        return self._stored.hash_code(value)
