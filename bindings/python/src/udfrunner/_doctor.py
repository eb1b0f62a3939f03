"""What ``udfrunner doctor`` finds: library, interpreter, packages, workers, limits."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from . import _env, _library, _pyspark, _runner
from ._evaltype import EvalType
from ._functions import FunctionLike
from .errors import Error, WorkerExited

#: Seconds that a trial may take.
TRIAL_SECONDS = 60
#: Packages that a worker may need; PySpark is needed by all.
PACKAGES = ("pyspark", "pyarrow", "pandas", "numpy")

_PROBE = (
    "import importlib.metadata as m, json, sys\n"
    "found = {'python': '%d.%d.%d' % sys.version_info[:3]}\n"
    "names = {'pyspark': ('pyspark', 'pyspark-client', 'pyspark-connect')}\n"
    "for package in sys.argv[1:]:\n"
    "    for name in names.get(package, (package,)):\n"
    "        try:\n"
    "            found[package] = name + ' ' + m.version(name)\n"
    "            break\n"
    "        except m.PackageNotFoundError:\n"
    "            pass\n"
    "print(json.dumps(found))\n"
)


@dataclass
class Finding:
    """One line of the report."""

    name: str
    value: str
    ok: bool = True


def examine(conf: Mapping[str, str]) -> Iterator[Finding]:
    """Looks at everything a task needs, and runs one; each finding as it is made."""
    try:
        loaded = _library.library()
    except Error as error:
        yield Finding("library", error.message, ok=False)
        return
    abi = f"{loaded.abi_version >> 16}.{loaded.abi_version & 0xFFFF}"
    yield Finding("library", f"{loaded.path} (version {loaded.version}, ABI {abi})")
    yield Finding("host python", f"{sys.executable} ({sys.version.split()[0]})")
    values = _env.with_interpreter(conf)
    python = values.get(_env.PYTHON_KEY)
    if python is None:
        python = os.environ["PYSPARK_PYTHON"]
    yield from _interpreter(python)
    yield from _limits()
    yield from _trial(values)


def _interpreter(python: str) -> Iterator[Finding]:
    """The workers' interpreter and its packages."""
    try:
        done = subprocess.run(
            [python, "-c", _PROBE, *PACKAGES],
            capture_output=True,
            text=True,
            timeout=TRIAL_SECONDS,
            check=True,
        )
        found = json.loads(done.stdout)
    except (OSError, ValueError, subprocess.SubprocessError) as error:
        yield Finding("worker python", f"{python}: {error}", ok=False)
        return
    yield Finding("worker python", f"{python} ({found['python']})")
    for package in PACKAGES:
        version = found.get(package, "missing")
        if package == "pyspark":
            yield _pyspark_finding(version)
        else:
            yield Finding(package, version)


def _pyspark_finding(version: str) -> Finding:
    """PySpark as it was found, "pyspark-client 4.2.0" or "missing", and what is supported."""
    minor = ".".join(version.split()[-1].split(".")[:2])
    supported = ", ".join(_pyspark.SUPPORTED)
    return Finding(
        "pyspark", f"{version} (supported are {supported})", ok=minor in _pyspark.SUPPORTED
    )


def _limits() -> Iterator[Finding]:
    """The limits of this process that workers meet."""
    limits = {
        "open files": resource.RLIMIT_NOFILE,
        "processes": resource.RLIMIT_NPROC,
        "address space": resource.RLIMIT_AS,
    }
    for name, limit in limits.items():
        soft, hard = (
            "unlimited" if value == resource.RLIM_INFINITY else str(value)
            for value in resource.getrlimit(limit)
        )
        yield Finding(f"limit: {name}", f"{soft} (hard {hard})")


def _trial(conf: Mapping[str, str]) -> Iterator[Finding]:
    """Runs one small task and tells what the env counted."""
    function: FunctionLike = "builtins:len"
    try:
        with _env.Env(conf) as env:
            runner = _runner.Runner(EvalType.BATCHED, [[function]], [[0]], "int", env=env)
            with runner, runner.compute_rows([("ok",)], deadline=TRIAL_SECONDS) as out:
                values = list(out)
                stats = env.stats()
                metrics = out.metrics
    except Error as error:
        tail = error.stderr_tail if isinstance(error, WorkerExited) else ""
        tail = tail or error.details.get("worker.stderr_tail", "")
        text = error.message if not tail else f"{error.message}\n{tail.rstrip()}"
        yield Finding("trial task", text, ok=False)
        return
    ok = values == [2]
    yield Finding("trial task", "ok" if ok else f"{values} instead of [2]", ok=ok)
    yield from _zygotes(stats)
    for prefix, numbers in (("env", stats), ("task", metrics)):
        for key, value in _flat(numbers):
            yield Finding(f"{prefix}: {key}", str(value))


def _zygotes(stats: Mapping[str, Any]) -> Iterator[Finding]:
    """Whether workers are forked from a process that has imported everything."""
    for factory in stats.get("factories", ()):
        if factory.get("zygote"):
            yield Finding("zygote", f"on, threads: {factory.get('zygote_threads')}")
        else:
            yield Finding("zygote", "off: workers import after the fork")


def _flat(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, object]]:
    """The leaves of nested objects, by dotted key."""
    for key, value in values.items():
        if isinstance(value, list):
            yield from _flat({str(i): item for i, item in enumerate(value)}, f"{prefix}{key}.")
        elif isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield prefix + key, value
