"""The broadcast variables that a worker holds, to be kept where its program starts anew."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Mapping
from types import ModuleType
from typing import Any

_MODULES = ("pyspark.core.broadcast", "pyspark.broadcast")
"""Where PySpark 4 and 3.5 have their registry."""


def files() -> dict[str, str]:
    """The file of each, by its id as text.

    Raises RuntimeError where a server of the host's had one, which it does not send again.
    """
    registry: dict[int, Any] = {}
    for name in _MODULES:
        registry.update(getattr(sys.modules.get(name), "_broadcastRegistry", {}))
    for id, broadcast in registry.items():
        if broadcast._path is None:
            text = f"broadcast variable {id} came from the host's server and cannot be kept"
            raise RuntimeError(text)
    return {str(id): broadcast._path for id, broadcast in registry.items()}


def put(kept: Mapping[str, str]) -> None:
    """Have PySpark know those whose files are told, as its worker does with new ones."""
    if not kept:
        return
    module = _module()
    for id, path in kept.items():
        module._broadcastRegistry[int(id)] = module.Broadcast(path=path)


def _module() -> Any:
    found: ModuleType | None = None
    for name in _MODULES:
        try:
            found = importlib.import_module(name)
            break
        except ImportError:
            continue
    return found
