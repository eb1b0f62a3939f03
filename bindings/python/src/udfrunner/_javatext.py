"""Java's toString of what the results of pickled functions are in Spark's JVM.

It is what a function that is declared to return a string gives for any other value.
"""

from __future__ import annotations

import decimal
import math
import re
from typing import Any

from . import _javahash
from ._javapickle import ClassDict, Complex, JavaArray, JavaObject, identity

_SURROGATE = re.compile("[\ud800-\udfff]")


def text(value: Any) -> str:
    """The toString of a value as `_javapickle.load` gives it."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return double_text(value)
    if isinstance(value, str):
        return java_string(value)
    if isinstance(value, (int, decimal.Decimal)):
        return str(value)
    return _object_text(value)


def _object_text(value: Any) -> str:
    if isinstance(value, list):
        return "[" + ", ".join(map(text, value)) + "]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{text(k)}={text(v)}" for k, v in hash_map_items(value)) + "}"
    if isinstance(value, (set, frozenset)):
        items = list(value)
        order = _javahash.hash_order(map(hash_code, items))
        return "[" + ", ".join(text(items[i]) for i in order) + "]"
    if isinstance(value, (bytes, bytearray)):
        return identity("[B", value)
    if isinstance(value, JavaArray):
        return identity(f"[{value.code}", value)
    if isinstance(value, tuple):
        return identity("[Ljava.lang.Object;", value)
    if isinstance(value, Complex):
        number = value.value
        sign = "+" if number.imag >= 0 else ""
        return f"{double_text(number.real)}{sign}{double_text(number.imag)}i"
    if isinstance(value, JavaObject):
        return value.text()
    # A class or function.
    return identity("net.razorvine.pickle.objects.ClassDictConstructor", value)


def java_string(value: str) -> str:
    """A str as UTF-8 brings it into the JVM, which replaces surrogates of no pair."""
    return value if value.isascii() else _SURROGATE.sub("\N{REPLACEMENT CHARACTER}", value)


def double_text(value: float) -> str:
    """Double.toString, with the fewest digits that tell the number, as of Java 19."""
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    minus = "-" if math.copysign(1, value) < 0 else ""
    if value == 0:
        return f"{minus}0.0"
    shown = repr(value)
    # Of one digit Java makes the two that are closest.
    two = f"{value:.1e}"
    number = decimal.Decimal(two if float(two) == value else shown).normalize()
    _, digits, exponent = number.as_tuple()
    text = "".join(map(str, digits))
    point = len(text) + int(exponent)  # Digits in front of the point.
    if not 1e-3 <= abs(value) < 1e7:
        return f"{minus}{text[0]}.{text[1:] or '0'}E{point - 1}"
    if point <= 0:
        return f"{minus}0.{'0' * -point}{text}"
    text = text.ljust(point, "0")
    return f"{minus}{text[:point]}.{text[point:] or '0'}"


def hash_code(value: Any) -> int | None:
    """hashCode of a value; None where it is the identity's."""
    if isinstance(value, (set, frozenset)):
        codes = [hash_code(item) for item in value]
        known = [code for code in codes if code is not None]
        return sum(known) & 0xFFFFFFFF if len(known) == len(codes) else None
    return _javahash.hash_code(value)


def hash_map_items(value: dict[Any, Any]) -> list[tuple[Any, Any]]:
    """The entries of an unpickled map in the order of the JVM's."""
    if isinstance(value, ClassDict):
        # It puts its class first, and then what its state has in the state's order.
        name, *state = value.items()
        items = [name, *hash_map_items(dict(state))]
        order = _javahash.hash_order(hash_code(key) for key, _ in items)
    else:
        items = list(value.items())
        order = _javahash.unpickled_order([hash_code(key) for key, _ in items])
    return [items[i] for i in order]
