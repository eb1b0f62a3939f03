"""What a function sees of its arguments, as text; imported by workers of Spark and of the tests."""

from __future__ import annotations

from typing import Any

import canonical


def value(seen: Any) -> str:
    """A Python value with its type, and its elements with theirs."""
    kind = type(seen).__name__
    if seen is None:
        return "None"
    if hasattr(seen, "__fields__"):
        return f"Row({_items(zip(seen.__fields__, seen, strict=True), '=')})"
    if isinstance(seen, dict):
        return f"{kind}({_items(sorted(seen.items(), key=repr), ': ')})"
    if isinstance(seen, (list, tuple)):
        return f"{kind}[{', '.join(map(value, seen))}]"
    if kind == "ndarray":
        return f"ndarray[{', '.join([str(seen.dtype), *map(value, seen)])}]"
    if kind in ("datetime", "Timestamp"):
        unit = f" {seen.unit}" if hasattr(seen, "unit") else ""
        fold = " fold" if seen.fold else ""
        return f"{kind}{unit} {seen.replace(tzinfo=None)} {seen.tzinfo}{fold}"
    if kind in ("Timedelta", "timedelta64", "datetime64"):
        unit = f" {seen.unit}" if hasattr(seen, "unit") else ""
        return f"{kind}{unit} {seen}"
    if kind == "VariantVal":
        return f"VariantVal {seen.toJson()}"
    if hasattr(seen, "dtype") and hasattr(seen, "item"):
        return f"{kind} {seen.item()!r}"
    if type(seen).__module__ == "builtins" or kind in ("Decimal", "date", "time", "timedelta"):
        return f"{kind} {seen!r}"
    return f"{type(seen).__module__}.{kind} {seen}"


def _items(pairs: Any, sign: str) -> str:
    return ", ".join(f"{key}{sign}{value(each)}" for key, each in pairs)


def series(seen: Any) -> list[str]:
    """A pandas Series, or a DataFrame for a struct: the type, and the elements."""
    if hasattr(seen, "columns"):
        parts = [f"{name}={dtype}" for name, dtype in zip(seen.columns, seen.dtypes, strict=True)]
        columns = [[value(each) for each in seen.iloc[:, i]] for i in range(len(parts))]
        return [f"DataFrame {', '.join(parts)} | {', '.join(row)}" for row in zip(*columns)]
    return [f"{seen.dtype} | {value(each)}" for each in seen]


def array(seen: Any) -> list[str]:
    """An Arrow array: its type and its values."""
    return [f"{seen.type} | {text}" for text in canonical.texts(seen)]
