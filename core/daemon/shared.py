"""Large values of functions' closures, read once and given to each task as a copy.

The Python host leaves such values out of the pickled function, which calls copy_of for them: their
elements cannot change, so that a copy of the container is what unpickling it again would make.
"""

from __future__ import annotations

import copy
import gc
import pickle
from collections import OrderedDict
from typing import Any

KEPT = 4
"""Values that are kept, those that were used last."""

_values: OrderedDict[str, Any] = OrderedDict()


def copy_of(key: str, path: str) -> Any:
    """The value that the host calls key, and keeps pickled in the file path."""
    if key not in _values:
        _values[key] = _load(path)
        while len(_values) > KEPT:
            _values.popitem(last=False)
    _values.move_to_end(key)
    return copy.copy(_values[key])


def _load(path: str) -> Any:
    collects = gc.isenabled()
    gc.disable()
    try:
        with open(path, "rb") as file:
            return pickle.load(file)
    finally:
        if collects:
            gc.enable()
