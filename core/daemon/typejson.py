"""Spark's JSON form of types (DataType.json), and the limits of types that DDL shares with it.

The rules are those of core/sqltype: what PySpark reads and Spark's DataType.fromJson takes.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

from .ddltokens import Problem, fold, quote

#: A type in Spark's JSON form: a name, or an object for array, map, struct and udt.
JsonType = str | dict[str, Any]

#: How deep types may nest.
MAX_DEPTH = 200

#: The fields of interval types, the largest first.
INTERVAL_FIELDS = ("year", "month", "day", "hour", "minute", "second")

#: The spatial reference systems that PySpark knows, by SRID (SpatialReferenceSystemCache).
SYSTEMS = {"0": "SRID:0", "3857": "EPSG:3857", "4326": "OGC:CRS84"}
#: The name of the system of a type whose values each have their own.
ANY_SYSTEM = "SRID:ANY"
_GEOGRAPHIC = SYSTEMS["4326"]  # the only one on a sphere, and the default
_ALGORITHM = "SPHERICAL"

_NAMES = frozenset(
    {"void", "boolean", "byte", "short", "integer", "long", "float", "double", "decimal", "string"}
    | {"binary", "date", "timestamp", "timestamp_ntz", "interval", "variant"}
)
_SIMPLE = {"byte": "tinyint", "short": "smallint", "integer": "int", "long": "bigint"}
_DECIMAL = re.compile(r"decimal\(\s*(\d+)\s*,\s*(-?\d+)\s*\)", re.ASCII)
_LENGTH = re.compile(r"(char|varchar|time)\(\s*(\d+)\s*\)", re.ASCII)
_INTERVAL = re.compile(
    r"interval (year|month|day|hour|minute|second)(?: to (year|month|day|hour|minute|second))?"
)
_COLLATED = re.compile(r"string\s+collate\s+(\w+)", re.ASCII)
_SPATIAL = re.compile(
    r"(geometry|geography)(?:\(\s*(\w+:-?\w+)?(?:\s*,\s*)?(\w+)?\s*\))?", re.ASCII
)

# What "SELECT NAME FROM collations()" of Spark 4.3 lists, without specifiers, in the spelling of
# CollationFactory.
_LOCALES = """
af am ar ar_SAU as az be bg blo bn bo br bs bs_Cyrl ca ceb chr cs cy da de de_AUT dsb dz ee el en
en_USA eo es et fa fa_AFG ff ff_Adlm fi fil fo fr fr_CAN fy ga gl gu ha haw he he_ISR hi hr hsb hu
hy id id_IDN ig is it ja ka kk kk_Arab kl km kn ko kok ku ky lb lij lkt ln lo lt lv mk ml mn mr ms
mt my nb nb_NOR ne nl nn no nso om or pa pa_Guru pa_Guru_IND pl ps pt ro ru sa se si sk sl smn sq
sr sr_Cyrl sr_Cyrl_BIH sr_Cyrl_MNE sr_Cyrl_SRB sr_Latn sr_Latn_BIH sr_Latn_SRB st sv sw ta te th
tk tn to tr ug uk ur uz vi wae wo xh yi yo zh zh_Hans zh_Hans_CHN zh_Hans_SGP zh_Hant zh_Hant_HKG
zh_Hant_MAC zh_Hant_TWN zu UNICODE UTF8_BINARY UTF8_LCASE
"""
_LOCALE = {fold(name): name for name in _LOCALES.split()}
# Specifiers of collations: what each is about, and how it is written.
_SPECIFIERS = {
    "cs": (0, ""),
    "ci": (0, "_CI"),
    "as": (1, ""),
    "ai": (1, "_AI"),
    "rtrim": (2, "_RTRIM"),
}


def collation_name(name: str) -> str | None:
    """The name that Spark's CollationFactory gives a collation, None where it has none.

    Case and order of specifiers do not matter; UTF8 collations have only RTRIM.
    """
    folded = fold(name)
    base = folded
    while base not in _LOCALE:
        base, separator, _ = base.rpartition("_")
        if not separator:
            return None
    written = ["", "", ""]
    given = set()
    for specifier in folded[len(base) :].split("_")[1:]:
        about, suffix = _SPECIFIERS.get(specifier, (-1, ""))
        if about < 0 or about in given or (about < 2 and base.startswith("utf8")):
            return None
        given.add(about)
        written[about] = suffix
    return _LOCALE[base] + "".join(written)


def _number(digits: str) -> int:
    """The number, or one as far beyond all limits."""
    return int(digits.lstrip("0")[:12] or "0")


def decimal_type(at: int | None, precision: str, scale: str) -> str:
    """decimal(precision,scale). Raises Problem."""
    p, s = _number(precision), _number(scale)
    if p > 38 or not 0 <= s <= p:
        raise Problem(
            at,
            f"decimal({precision},{scale}): expected a precision up to 38 and a scale from 0 to "
            "the precision",
        )
    return f"decimal({p},{s})"


def length_type(at: int | None, kind: str, length: str) -> str:
    """char(n), varchar(n) or time(n). Raises Problem."""
    n = _number(length)
    if n > 2147483647:
        raise Problem(at, f"{kind}({length}): expected a length up to 2147483647")
    if kind == "time" and n > 9:
        raise Problem(at, f"time({length}): expected a precision from 0 to 9")
    return f"{kind}({n})"


def interval_type(at: int | None, first: str, last: str) -> str:
    """The interval of the fields. Raises Problem."""
    start, end = INTERVAL_FIELDS.index(first), INTERVAL_FIELDS.index(last)
    if start > end or (start <= 1 < end):
        raise Problem(
            at,
            f"interval {first} to {last}: expected year to month, or two of day, hour, minute and "
            "second in this order",
        )
    return f"interval {first}" if start == end else f"interval {first} to {last}"


def spatial_type(kind: str, system: str) -> str | None:
    """geometry or geography of a system, None where PySpark does not know it."""
    if system.upper() == ANY_SYSTEM:
        system = ANY_SYSTEM
    elif system not in SYSTEMS.values() or (kind == "geography" and system != _GEOGRAPHIC):
        return None
    return f"geometry({system})" if kind == "geometry" else f"geography({system}, {_ALGORITHM})"


def simple(value: JsonType) -> str:
    """DataType.simpleString of a type in JSON form, for messages."""
    if isinstance(value, str):
        for srid, system in (*SYSTEMS.items(), ("any", ANY_SYSTEM)):
            if value.startswith(("geometry", "geography")) and system in value:
                return f"{value.partition('(')[0]}({srid})"
        return _SIMPLE.get(value, value)
    if value["type"] == "array":
        return f"array<{simple(value['elementType'])}>"
    if value["type"] == "map":
        return f"map<{simple(value['keyType'])},{simple(value['valueType'])}>"
    if value["type"] == "struct":
        return f"struct<{','.join(f['name'] + ':' + simple(f['type']) for f in value['fields'])}>"
    return "udt"


def parse(text: str) -> JsonType:
    """Reads a type from JSON. Raises Problem."""
    try:
        value = json.loads(text, parse_constant=_no_number)
    except json.JSONDecodeError as error:
        raise Problem(error.pos, f"no JSON: {error.msg}") from None
    except (ValueError, RecursionError) as error:
        raise Problem(None, f"no JSON: {error}") from None
    _check(value, "$", 0, "", None)
    return value  # type: ignore[no-any-return] # _check has seen to it


def _no_number(text: str) -> None:
    raise ValueError(f"{text} is no number")


def _problem(keys: str, message: str) -> Problem:
    return Problem(None, f"at {keys if len(keys) <= 300 else '...' + keys[-300:]}: {message}")


def _check(value: Any, keys: str, depth: int, path: str, collations: Any) -> None:
    """Raises Problem where value is no type. Path is how collations name it."""
    if depth > MAX_DEPTH:
        raise _problem(keys, f"types nested deeper than {MAX_DEPTH}")
    if isinstance(value, str):
        _check_name(value, keys, path, collations)
    elif isinstance(value, dict):
        _check_nested(value, keys, depth, path, collations)
    else:
        raise _problem(keys, f"expected a type's name or object, found {json.dumps(value)}")


def _check_nested(value: Any, keys: str, depth: int, path: str, collations: Any) -> None:
    def child(key: str, name: str) -> None:
        if key not in value:
            raise _problem(keys, f"expected an entry {quote(key)}")
        below = f"{path}.{name}" if path else name
        _check(value[key], f"{keys}.{key}", depth + 1, below, collations)

    kind = value.get("type")
    if kind == "array":
        child("elementType", "element")
        _check_bool(value, "containsNull", keys)
    elif kind == "map":
        child("keyType", "key")
        child("valueType", "value")
        _check_bool(value, "valueContainsNull", keys)
    elif kind == "struct":
        if not isinstance(value.get("fields"), list):
            raise _problem(keys, 'expected an entry "fields" that is an array')
        for i, field in enumerate(value["fields"]):
            _check_field(field, f"{keys}.fields[{i}]", depth)
    elif kind == "udt":
        collations = None
        child("sqlType", "")
    else:
        raise _problem(keys, 'expected a "type" that is "array", "map", "struct" or "udt"')


def _check_bool(value: Any, key: str, keys: str) -> None:
    if not isinstance(value.get(key), bool):
        raise _problem(keys, f"expected an entry {quote(key)} that is true or false")


def _check_field(field: Any, keys: str, depth: int) -> None:
    if not isinstance(field, dict) or not isinstance(field.get("name"), str):
        raise _problem(keys, 'expected an object with an entry "name" that is a string')
    metadata = field.get("metadata")
    if metadata is not None and not isinstance(metadata, dict):
        raise _problem(keys, 'expected an entry "metadata" that is an object')
    if "nullable" in field:
        _check_bool(field, "nullable", keys)
    if "type" not in field:
        raise _problem(keys, 'expected an entry "type"')
    collations = (metadata or {}).get("__COLLATIONS")
    _check(field["type"], f"{keys}.type", depth + 1, field["name"], collations)


def _check_name(value: str, keys: str, path: str, collations: Any) -> None:
    collation = collations.get(path) if isinstance(collations, dict) else None
    if value in _NAMES:
        if collation is not None:
            _check_collation(value, keys, collation)
        return
    readers: list[tuple[re.Pattern[str], Callable[[Any], object]]] = [
        (_DECIMAL, lambda m: decimal_type(None, m[1], m[2])),
        (_LENGTH, lambda m: length_type(None, m[1], m[2])),
        (_INTERVAL, lambda m: interval_type(None, m[1], m[2] or m[1])),
        (_COLLATED, lambda m: collation_name(m[1])),
        (_SPATIAL, lambda m: _spatial_json(value, m)),
    ]
    for pattern, read in readers:
        match = pattern.fullmatch(value)
        if match is None:
            continue
        try:
            if read(match) is not None:
                return
        except Problem as problem:
            raise _problem(keys, problem.message) from None
        break
    raise _problem(keys, f"unknown type {quote(value)}")


def _spatial_json(value: str, match: re.Match[str]) -> str | None:
    """The type of "geometry(OGC:CRS84)" or "geography(OGC:CRS84, SPHERICAL)" or a part of it."""
    kind, system, algorithm = match.groups()
    if kind == "geometry" and (algorithm or (not system and value != "geometry")):
        return None
    if algorithm not in (None, _ALGORITHM):
        return None
    return spatial_type(kind, system or _GEOGRAPHIC)


def _check_collation(value: str, keys: str, collation: Any) -> None:
    provider, _, name = collation.partition(".") if isinstance(collation, str) else ("", "", "")
    known = provider in ("icu", "spark") and collation_name(name) is not None
    if value != "string" or not known:
        raise _problem(
            keys,
            f'collation {json.dumps(collation)}: expected "icu.NAME" or "spark.NAME" for a string',
        )
