"""The order in which Java's HashMap and HashSet keep their elements.

A map that goes through Spark's JVM on its way to or from a pickled function is a HashMap there
(EvaluatePython.toJava, net.razorvine.pickle), so that its order is that of Java's hash codes.
"""

from __future__ import annotations

import decimal
import struct
from collections.abc import Iterable
from typing import Any

#: Of a HashMap that is not told a capacity.
DEFAULT_CAPACITY = 16

_WORD = 0xFFFFFFFF


def int_hash(value: int) -> int:
    """Integer.hashCode, also of Byte and Short."""
    return value & _WORD


def long_hash(value: int) -> int:
    """Long.hashCode."""
    return (value ^ (value >> 32)) & _WORD


def boolean_hash(value: bool) -> int:
    """Boolean.hashCode."""
    return 1231 if value else 1237


def float_hash(value: float) -> int:
    """Float.hashCode."""
    if value != value:
        return 0x7FC00000
    return int.from_bytes(struct.pack(">f", value), "big")


def double_hash(value: float) -> int:
    """Double.hashCode."""
    if value != value:
        return 0x7FF80000
    return long_hash(int.from_bytes(struct.pack(">d", value), "big"))


def string_hash(value: str) -> int:
    """String.hashCode, over UTF-16 code units."""
    units = value.encode("utf-16-be", "surrogatepass")
    code = 0
    for high, low in zip(units[::2], units[1::2], strict=True):
        code = (code * 31 + (high << 8 | low)) & _WORD
    return code


def integer_hash(value: int) -> int:
    """BigInteger.hashCode."""
    rest, words = abs(value), []
    while rest:
        words.append(rest & _WORD)
        rest >>= 32
    code = 0
    for word in reversed(words):
        code = (code * 31 + word) & _WORD
    return (-code if value < 0 else code) & _WORD


def decimal_hash(value: decimal.Decimal) -> int:
    """BigDecimal.hashCode."""
    sign, digits, exponent = value.as_tuple()
    unscaled = int("".join(map(str, digits)) or "0")
    code = integer_hash(-unscaled if sign else unscaled)
    return (code * 31 - int(exponent)) & _WORD


def hash_code(value: Any) -> int | None:
    """hashCode of what an unpickled value is in the JVM; None where that is its identity."""
    if value is None:
        return 0
    if isinstance(value, bool):
        return boolean_hash(value)
    if isinstance(value, int):
        if -(1 << 31) <= value < 1 << 31:
            return int_hash(value)
        return long_hash(value) if -(1 << 63) <= value < 1 << 63 else integer_hash(value)
    if isinstance(value, str):
        return string_hash(value)
    if isinstance(value, float):
        return double_hash(value)
    if isinstance(value, decimal.Decimal):
        return decimal_hash(value)
    return None


def hash_order(codes: Iterable[int | None], capacity: int = DEFAULT_CAPACITY) -> list[int]:
    """The positions of elements with these hash codes, put in turn, as a HashMap iterates them.

    Where a code is not known, the elements keep the order that they have.
    """
    known: list[int] = []
    for code in codes:
        if code is None:
            return list(range(len(known) + 1 + sum(1 for _ in codes)))
        known.append(code)
    size = 1
    while size < capacity:
        size *= 2
    while len(known) * 4 > size * 3:
        size *= 2
    buckets = [(code ^ code >> 16) & (size - 1) for code in known]
    return sorted(range(len(known)), key=buckets.__getitem__)
