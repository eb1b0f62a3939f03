"""What ``udfrunner doctor`` finds: the system, library, interpreter, packages, a trial task."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from typing import Any

from . import _env, _library, _packages, _pyspark, _runner, _sandbox, _system
from ._evaltype import EvalType
from ._finding import DOUBTFUL, FAILED, FINE, Finding
from ._functions import FunctionLike
from ._metrics import flat
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


def examine(conf: Mapping[str, str]) -> Iterator[Finding]:
    """Looks at everything a task needs, and runs one; each finding as it is made."""
    yield from _system.examine()
    yield from _sandbox.examine()
    values = _env.with_interpreter(conf)
    python = values.get(_env.PYTHON_KEY)
    if python is None:
        python = os.environ["PYSPARK_PYTHON"]
    yield Finding("host python", f"{sys.executable} ({sys.version.split()[0]})")
    yield from _interpreter(python)
    try:
        loaded = _library.library()
    except Error as error:
        yield Finding("library", error.message, FAILED)
        return
    abi = f"{loaded.abi_version >> 16}.{loaded.abi_version & 0xFFFF}"
    yield Finding("library", f"{loaded.path} (version {loaded.version}, ABI {abi})")
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
        yield Finding("worker python", f"{python}: {error}", FAILED)
        return
    yield Finding("worker python", f"{python} ({found['python']})")
    for package in PACKAGES:
        version = found.get(package, "missing")
        yield _pyspark_finding(version) if package == "pyspark" else Finding(package, version)
    yield _combination({name: version.split()[-1] for name, version in found.items()})


def _pyspark_finding(version: str) -> Finding:
    """PySpark as it was found, "pyspark-client 4.2.0" or "missing", and what is supported."""
    known = _packages.minor_of(version.split()[-1]) in _pyspark.SUPPORTED
    supported = ", ".join(_pyspark.SUPPORTED)
    return Finding("pyspark", f"{version} (supported are {supported})", FINE if known else FAILED)


def _combination(found: Mapping[str, str]) -> Finding:
    """Whether the packages work together."""
    doubts = list(_packages.doubts(found))
    if doubts:
        extra = _packages.extra(_packages.minor_of(found["pyspark"]))
        doubts.append(f"pip install 'udfrunner[{extra}]' installs versions that do")
        return Finding("packages together", "; ".join(doubts), DOUBTFUL)
    return Finding("packages together", "no fault is known")


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
        yield Finding("trial task", text, FAILED)
        return
    ok = values == [2]
    text = "ok" if ok else f"{values} instead of [2]"
    yield Finding("trial task", text, FINE if ok else FAILED)
    yield from _zygotes(stats)
    for prefix, numbers in (("env", stats), ("task", metrics)):
        for key, value in flat(numbers):
            yield Finding(f"{prefix}: {key}", str(value), counter=True)


def _zygotes(stats: Mapping[str, Any]) -> Iterator[Finding]:
    """Whether workers are forked from a process that has imported everything."""
    for factory in stats.get("factories", ()):
        if factory.get("zygote"):
            yield Finding("zygote", f"on, threads: {factory.get('zygote_threads')}")
        else:
            text = "off: workers import after the fork, and start later"
            yield Finding("zygote", text, DOUBTFUL)
