"""What ``udfrunner doctor`` says of the system: kernel, C library, processors, memory, limits."""

from __future__ import annotations

import os
import platform
import re
import resource
import shutil
from collections.abc import Iterator
from pathlib import Path

from ._finding import DOUBTFUL, FAILED, FINE, Finding

#: What the library needs.
KERNEL = (5, 3)
GLIBC = (2, 28)
#: Below these, tasks are likely to fail: a worker with PyArrow and pandas has some 100 MB.
LITTLE_MEMORY = 512 << 20
LITTLE_SHARED_MEMORY = 32 << 20
FEW_FILES = 256
FEW_PROCESSES = 256

_SHM = Path("/dev/shm")
_CGROUPS = Path("/sys/fs/cgroup")


def examine() -> Iterator[Finding]:
    """Looks at the system, and judges."""
    yield kernel(platform.system(), platform.release())
    yield c_library_here()
    yield _processors()
    yield memory(_memory_available(), _group_limit("memory.max"))
    yield _shared_memory()
    yield _limit("open files", resource.RLIMIT_NOFILE, FEW_FILES)
    yield _limit("processes", resource.RLIMIT_NPROC, FEW_PROCESSES)
    yield _limit("address space", resource.RLIMIT_AS, LITTLE_MEMORY)


def kernel(system: str, release: str) -> Finding:
    """The kernel, by name and release."""
    text = f"{system} {release}"
    if system != "Linux":
        return Finding("kernel", f"{text}: Linux is needed", FAILED)
    if _numbers(release) < KERNEL:
        return Finding("kernel", f"{text}: {_dotted(KERNEL)} or later is needed", FAILED)
    return Finding("kernel", text)


def c_library(machine: str, name: str, version: str) -> Finding:
    """The C library and the machine it is for."""
    text = f"{name} {version}, {machine}".replace("  ", " ")
    if name != "glibc" or _numbers(version) < GLIBC:
        need = f"glibc {_dotted(GLIBC)} or later is needed"
        return Finding("C library", f"{text}: {need}; musl will not do", FAILED)
    if machine not in ("x86_64", "aarch64"):
        return Finding("C library", f"{text}: wheels are for x86_64 and aarch64", DOUBTFUL)
    return Finding("C library", text)


def c_library_here() -> Finding:
    """That of this process."""
    return c_library(platform.machine(), *_c_library())


def memory(available: int, limit: int | None) -> Finding:
    """Bytes that are free, and the most that the control group may have."""
    text = f"{_size(available)} available"
    if limit is not None:
        text += f", the control group may have {_size(limit)}"
    if min(available, available if limit is None else limit) < LITTLE_MEMORY:
        return Finding("memory", f"{text}: little, a worker needs some 100 MB", DOUBTFUL)
    return Finding("memory", text)


def _c_library() -> tuple[str, str]:
    """Name and version of this process's C library; an unknown one has none."""
    try:
        name, _, version = (os.confstr("CS_GNU_LIBC_VERSION") or "").partition(" ")
    except (ValueError, OSError):
        name = version = ""
    return name or "an unknown C library", version


def _processors() -> Finding:
    usable, there = len(os.sched_getaffinity(0)), os.cpu_count() or 1
    text = str(usable) if usable == there else f"{usable} of {there}"
    quota = _group_quota()
    if quota is not None:
        text += f", the control group may use {quota:g}"
    return Finding("cores", text)


def _memory_available() -> int:
    try:
        text = Path("/proc/meminfo").read_text()
    except OSError:
        text = ""
    found = re.search(r"^MemAvailable: +(\d+) kB", text, re.MULTILINE)
    if found:
        return int(found[1]) << 10
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_AVPHYS_PAGES")


def _shared_memory() -> Finding:
    """Files in memory: the library's (memfd_create), and what workers' packages put in /dev/shm."""
    try:
        os.close(os.memfd_create("udfrunner-doctor", os.MFD_CLOEXEC))
    except OSError as error:
        text = f"memfd_create: {error.strerror}; a worker's stack may not be told"
        return Finding("shared memory", text, DOUBTFUL)
    try:
        free = shutil.disk_usage(_SHM).free
    except OSError as error:
        return Finding("shared memory", f"memfd_create, {_SHM}: {error.strerror}", DOUBTFUL)
    little = free < LITTLE_SHARED_MEMORY
    text = f"memfd_create, {_size(free)} free in {_SHM}"
    if little:
        text += ": little for packages that share memory between processes"
    return Finding("shared memory", text, DOUBTFUL if little else FINE)


def _limit(name: str, number: int, few: int) -> Finding:
    """A limit of this process that workers inherit."""
    values = resource.getrlimit(number)
    soft, hard = ("unlimited" if v == resource.RLIM_INFINITY else str(v) for v in values)
    little = values[0] != resource.RLIM_INFINITY and values[0] < few
    return Finding(f"limit: {name}", f"{soft} (hard {hard})", DOUBTFUL if little else FINE)


def _groups() -> Iterator[Path]:
    """The control groups of this process, from its own to the root's. Version 2 alone."""
    try:
        text = Path("/proc/self/cgroup").read_text()
    except OSError:
        return
    found = re.search(r"^0::/(.*)$", text, re.MULTILINE)
    if found:
        own = _CGROUPS / found[1]
        yield from (own, *(p for p in own.parents if p.is_relative_to(_CGROUPS)))


def _group_values(name: str) -> Iterator[list[str]]:
    for group in _groups():
        try:
            yield (group / name).read_text().split()
        except OSError:
            continue


def _group_limit(name: str) -> int | None:
    """The least limit of the control groups that have one."""
    values = [int(words[0]) for words in _group_values(name) if words and words[0] != "max"]
    return min(values, default=None)


def _group_quota() -> float | None:
    """Processors that the control groups may use at a time."""
    quotas = [w for w in _group_values("cpu.max") if len(w) == 2 and w[0] != "max"]
    return min((int(quota) / int(period) for quota, period in quotas), default=None)


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", version)[:2])


def _dotted(version: tuple[int, ...]) -> str:
    return ".".join(map(str, version))


def _size(count: int) -> str:
    for unit, name in ((1 << 30, "GiB"), (1 << 20, "MiB")):
        if count >= unit:
            return f"{count / unit:.1f} {name}"
    return f"{count} bytes"
