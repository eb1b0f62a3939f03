"""What the results of pickled functions are in Spark's JVM.

Spark reads the pickles of a worker with net.razorvine.pickle: an int becomes an Integer, a Long or
a BigInteger, a tuple an Object[], a dict a HashMap, an object of an unknown class a ClassDict, or
an error. Reading them the same way here also keeps the functions' classes out of this process.

In Python those objects are: None, bool, int, float, str, list, dict and set as they are, bytes and
bytearray for a byte[], tuple for an Object[], Decimal for a BigDecimal, and the classes here.
"""

from __future__ import annotations

import array
import decimal
import io
import pickle
from typing import Any, ClassVar


class UnpickleError(ValueError):
    """A pickle that Spark's JVM cannot read."""


class JavaObject:
    """An object of a class that no type of Spark's takes, but for its text."""

    java_class: ClassVar[str] = "java.lang.Object"

    def text(self) -> str:
        """Its toString."""
        return identity(self.java_class, self)


def identity(java_class: str, value: object) -> str:
    """Object.toString, which tells one object from another and nothing else."""
    return f"{java_class}@{id(value) >> 4 & 0x7FFFFFFF:x}"


class ClassDict(dict[Any, Any]):
    """An object of a class that the JVM does not know: a HashMap of its attributes."""

    name: ClassVar[str]

    def __new__(cls, *arguments: Any, **keywords: Any) -> ClassDict:
        if arguments or keywords:
            raise UnpickleError(f"an object of {cls.name} is not one that Spark's JVM can read")
        return super().__new__(cls)

    def __init__(self) -> None:
        super().__init__({"__class__": self.name})

    def __setstate__(self, state: Any) -> None:
        if type(state) is not dict:
            raise UnpickleError(f"an object of {self.name} is not one that Spark's JVM can read")
        self.clear()
        self["__class__"] = self.name
        self.update(state)


class Calendar(JavaObject):
    """A date or datetime: a GregorianCalendar."""

    java_class = "java.util.GregorianCalendar"

    def __init__(self, data: bytes, _zone: Any = None) -> None:
        self._data = data

    def text(self) -> str:
        """Its toString in a JVM whose zone is UTC."""
        data = self._data
        hour, minute, second = data[4:7] if len(data) > 4 else (0, 0, 0)
        milli = int.from_bytes(data[7:], "big") // 1000 if len(data) > 4 else "?"
        year, month = int.from_bytes(data[:2], "big"), data[2] - 1
        return (
            f"{self.java_class}[time=?,areFieldsSet=false,areAllFieldsSet=false,lenient=true,"
            'zone=sun.util.calendar.ZoneInfo[id="UTC",offset=0,dstSavings=0,useDaylight=false,'
            "transitions=0,lastRule=null],firstDayOfWeek=1,minimalDaysInFirstWeek=1,ERA=?,"
            f"YEAR={year},MONTH={month},WEEK_OF_YEAR=?,WEEK_OF_MONTH=?,DAY_OF_MONTH={data[3]},"
            "DAY_OF_YEAR=?,DAY_OF_WEEK=?,DAY_OF_WEEK_IN_MONTH=?,"
            f"AM_PM={hour // 12},HOUR={hour % 12},HOUR_OF_DAY={hour},MINUTE={minute},"
            f"SECOND={second},MILLISECOND={milli},ZONE_OFFSET=?,DST_OFFSET=?]"
        )


class Time(JavaObject):
    """A time of day."""

    java_class = "net.razorvine.pickle.objects.Time"

    def __init__(self, data: bytes, _zone: Any = None) -> None:
        self._parts = (data[0], data[1], data[2], int.from_bytes(data[3:6], "big"))

    def text(self) -> str:
        return "Time: {} hours, {} minutes, {} seconds, {} microseconds".format(*self._parts)


class TimeDelta(JavaObject):
    """A timedelta."""

    java_class = "net.razorvine.pickle.objects.TimeDelta"

    def __init__(self, days: int, seconds: int, microseconds: int) -> None:
        self._parts = (days, seconds, microseconds)

    def text(self) -> str:
        days, seconds, microseconds = self._parts
        total = days * 86400 + seconds + microseconds / 1_000_000
        text = f"{total:.6f}".rstrip("0").rstrip(".")
        return (
            f"Timedelta: {days} days, {seconds} seconds, {microseconds} microseconds "
            f"(total: {text} seconds)"
        )


class Complex(JavaObject):
    """A complex number."""

    java_class = "net.razorvine.pickle.objects.ComplexNumber"

    def __init__(self, real: float, imaginary: float) -> None:
        self.value = complex(real, imaginary)


class PythonError(JavaObject):
    """A built-in exception."""

    java_class = "net.razorvine.pickle.PythonException"
    name: ClassVar[str]

    def __init__(self, *arguments: Any) -> None:
        self._arguments = arguments

    def __setstate__(self, _state: Any) -> None:
        """Attributes of an exception are dropped, but for Pyro's."""

    def text(self) -> str:
        message = f"[{self.name}]"
        if self._arguments:
            message += f" {self._arguments[0]}"
        return f"{self.java_class}: {message}"


class JavaArray(tuple[Any, ...]):
    """An array of numbers, of a Java type with this one-letter name."""

    code: str


#: Java's types of the elements of arrays by the code of Python's.
_ARRAY_TYPES = {
    **{"b": "B", "B": "S", "h": "S", "H": "I", "i": "I"},
    **{"I": "J", "l": "J", "L": "J", "f": "F", "d": "D"},
}


def _array(_class: Any, code: str, form: int, data: bytes) -> JavaArray:
    """array._array_reconstructor, for the layouts of this machine."""
    if code not in _ARRAY_TYPES or form not in (0, 1, 2, 4, 6, 8, 10, 12, 14, 16):
        raise UnpickleError(f"an array.array of type {code!r} is not one that Spark's JVM can read")
    made = JavaArray(array.array(code, data))
    made.code = _ARRAY_TYPES[code]
    return made


def _decimal(text: str) -> Any:
    """BigDecimal's constructor; a NaN becomes a Double."""
    if text.lower() == "nan":
        return float("nan")
    value = decimal.Decimal(text)
    if not value.is_finite():
        raise UnpickleError(f"Decimal({text!r}) is not one that Spark's JVM can read")
    return value


def _bytes(*arguments: Any) -> bytes:
    """The constructors of bytes and bytearray, and _codecs.encode."""
    if len(arguments) == 2:
        text, encoding = arguments
        return bytes(text.encode(encoding))
    return bytes(*arguments)


def _reconstructed(kind: type, base: Any, state: Any) -> Any:
    """copyreg._reconstructor, which the JVM knows by no name of Python 3's."""
    raise UnpickleError("an object of copyreg._reconstructor is not one that Spark's JVM can read")


_KNOWN: dict[tuple[str, str], Any] = {
    ("builtins", "complex"): Complex,
    ("builtins", "bytearray"): _bytes,
    ("builtins", "bytes"): _bytes,
    ("builtins", "set"): set,
    ("_codecs", "encode"): _bytes,
    ("array", "_array_reconstructor"): _array,
    ("datetime", "datetime"): Calendar,
    ("datetime", "date"): Calendar,
    ("datetime", "time"): Time,
    ("datetime", "timedelta"): TimeDelta,
    ("decimal", "Decimal"): _decimal,
    ("copyreg", "_reconstructor"): _reconstructed,
}

_EXCEPTIONS = ("GeneratorExit", "KeyboardInterrupt", "StopIteration", "SystemExit")

#: Stand-ins of classes by their names. A program has few, and their pickles name them again and
#: again.
_classes: dict[tuple[str, str], Any] = dict(_KNOWN)


class _Unpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        key = (module, name)
        found = _classes.get(key)
        if found is None:
            is_error = module == "builtins" and (
                name.endswith(("Error", "Warning", "Exception")) or name in _EXCEPTIONS
            )
            base = PythonError if is_error else ClassDict
            found = _classes[key] = type(base.__name__, (base,), {"name": f"{module}.{name}"})
        return found


def load(record: bytes) -> Any:
    """Reads one pickle as Spark's JVM does. Raises UnpickleError where that cannot."""
    try:
        return _Unpickler(io.BytesIO(record)).load()
    except UnpickleError:
        raise
    except Exception as error:
        raise UnpickleError(f"a pickle that Spark's JVM cannot read: {error}") from error
