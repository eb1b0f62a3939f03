"""The order in which Java's HashMap and HashSet keep their elements.

A map that goes through Spark's JVM on its way to or from a pickled function is a HashMap there
(EvaluatePython.toJava, net.razorvine.pickle), so that its order is that of Java's hash codes.
"""

from __future__ import annotations

import decimal
import struct
from collections.abc import Iterable, Sequence
from typing import Any

#: Of a HashMap that is not told a capacity.
DEFAULT_CAPACITY = 16
#: Entries that Python pickles together.
PICKLED_BATCH = 1000

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

    The map is made with that capacity. Where a code is not known, the elements keep the order that
    they have.
    """
    known = list(codes)
    if None in known:
        return list(range(len(known)))
    return _by_bucket(range(len(known)), known, _grown(_power(capacity), len(known)))


def unpickled_order(codes: Sequence[int | None]) -> list[int]:
    """hash_order of the entries of a dict that net.razorvine.pickle reads.

    The pickle has them in batches, each of which goes from the back into a map of its own.
    """
    if None in codes or len(codes) < 2:
        return list(range(len(codes)))
    put: list[int] = []
    size = 0
    for start in range(0, len(codes), PICKLED_BATCH):
        batch = range(start, min(start + PICKLED_BATCH, len(codes)))
        put += _by_bucket(reversed(batch), codes, _grown(DEFAULT_CAPACITY, len(batch)))
        # HashMap.putAll makes room at once in a map that has none.
        size = _grown(size or _power(len(batch) * 4 // 3 + 1), len(put))
    return _by_bucket(put, codes, size)


def _by_bucket(positions: Iterable[int], codes: Sequence[int | None], size: int) -> list[int]:
    """Positions in the order of their buckets; within one they keep the order that they have."""

    def bucket(position: int) -> int:
        code = codes[position] or 0
        return (code ^ code >> 16) & (size - 1)

    return sorted(positions, key=bucket)


def _power(capacity: int) -> int:
    """The buckets that a HashMap makes for a capacity."""
    return 1 << max(capacity - 1, 0).bit_length()


def _grown(size: int, elements: int) -> int:
    """The buckets of a HashMap that had `size` with so many elements in it."""
    while elements * 4 > size * 3:
        size *= 2
    return size
