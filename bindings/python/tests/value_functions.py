"""Functions of values that tests name as "value_functions:NAME"; they need nothing but PySpark."""

from __future__ import annotations

import datetime
import decimal
import pickle


def seen(value):
    """What a function sees, as text: types, values, and the order of a dict."""
    if isinstance(value, tuple) and hasattr(value, "__fields__"):
        parts = zip(value.__fields__, value, strict=True)
        return "Row(" + ", ".join(f"{name}={seen(part)}" for name, part in parts) + ")"
    if isinstance(value, list):
        return "[" + ", ".join(map(seen, value)) + "]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{seen(k)}: {seen(v)}" for k, v in value.items()) + "}"
    return f"{type(value).__name__}:{value!r}"


def each_seen(_, rows):
    """A function of RDDs: what it sees of each row."""
    return map(seen, rows)


def unpickled(data):
    """The object of a pickle, made in the worker."""
    return pickle.loads(data)


def evaluated(text):
    """The value of an expression, made in the worker."""
    from pyspark.sql import Row

    names = {"Decimal": decimal.Decimal, "datetime": datetime, "Row": Row}
    return eval(text, names)


def same(value):
    return value


def longer(values):
    """Changes its argument."""
    values.append(None)
    return len(values)


class Rows:
    """A table function that yields the row that it gets."""

    def eval(self, value):
        yield (value,)
