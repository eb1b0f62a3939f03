"""The broadcast variables that a worker holds, to be kept where it runs its program again."""

from __future__ import annotations

import importlib
import os
import pickle
import sys
from collections.abc import Iterable, Mapping
from typing import Any

from .anonfile import open_anonymous

_MODULES = ("pyspark.core.broadcast", "pyspark.broadcast")
"""Where PySpark 4 and 3.5 have their registry."""


def files() -> dict[str, str]:
    """The file of each, by its id as text.

    A value that came from a server of the host's, which does not send it again, is written to a
    file in memory, which this process keeps open beyond the start of another program.
    """
    registry: dict[int, Any] = {}
    for name in _MODULES:
        registry.update(getattr(sys.modules.get(name), "_broadcastRegistry", {}))
    return {
        str(id): getattr(broadcast, "_path", None) or _in_memory(broadcast)
        for id, broadcast in registry.items()
    }


def descriptors(paths: Iterable[str]) -> list[int]:
    """The descriptors of those that are in memory."""
    prefix = _memory_path("")
    return [int(path[len(prefix) :]) for path in paths if path.startswith(prefix)]


def put(kept: Mapping[str, str]) -> None:
    """Have PySpark know those whose files are told, as its worker does with new ones."""
    if not kept:
        return
    module = _module()
    for id, path in kept.items():
        module._broadcastRegistry[int(id)] = module.Broadcast(path=path)


def _in_memory(broadcast: Any) -> str:
    descriptor = open_anonymous("udfrunner-broadcast")
    os.set_inheritable(descriptor, True)
    with open(descriptor, "wb", closefd=False) as file:
        pickle.dump(broadcast.value, file, pickle.HIGHEST_PROTOCOL)
    return _memory_path(descriptor)


def _memory_path(descriptor: object) -> str:
    return f"/proc/{os.getpid()}/fd/{descriptor}"


def _module() -> Any:
    try:
        return importlib.import_module(_MODULES[0])
    except ImportError:
        return importlib.import_module(_MODULES[1])
