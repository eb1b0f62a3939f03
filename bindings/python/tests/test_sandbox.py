"""What the doctor says of sandboxes: real filters of system calls, in a process of its own."""

from __future__ import annotations

import errno
import json
import platform
import subprocess
import sys
from pathlib import Path

import pytest

#: Installs a filter that refuses some calls with an error number, then prints the findings.
PROGRAM = """
import ctypes, json, os, struct, sys
number, *calls = map(int, sys.argv[1:])
def instruction(code, yes, no, k):
    return struct.pack("HBBI", code, yes, no, k)
program = instruction(0x20, 0, 0, 0)  # the call's number
for call in calls:
    program += instruction(0x15, 0, 1, call) + instruction(0x06, 0, 0, 0x00050000 | number)
program += instruction(0x06, 0, 0, 0x7FFF0000)  # allowed
class Filter(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("code", ctypes.c_char_p)]
libc = ctypes.CDLL(None, use_errno=True)
if calls:
    assert libc.prctl(38, 1, 0, 0, 0) == 0  # no new privileges
    code = ctypes.byref(Filter(len(program) // 8, program))
    assert libc.prctl(22, 2, code, 0, 0) == 0, os.strerror(ctypes.get_errno())
from udfrunner import _sandbox, _system
found = [*_sandbox.examine(), _system._shared_memory()]
print(json.dumps({finding.name: [finding.judgement, finding.value] for finding in found}))
"""

#: Numbers of system calls on x86-64 and aarch64.
CALLS = {
    "memfd_create": (319, 279),
    "setpgid": (109, 154),
    "setitimer": (38, 103),
    "prctl": (157, 167),
    "pidfd_open": (434, 434),
    "pidfd_send_signal": (424, 424),
}


def examine(calls: list[str], number: int) -> dict[str, list[str]]:
    at = ["x86_64", "aarch64"].index(platform.machine())
    numbers = [str(CALLS[call][at]) for call in calls]
    command = [sys.executable, "-c", PROGRAM, str(number), *numbers]
    output = subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout
    found: dict[str, list[str]] = json.loads(output)
    return found


def test_all_is_there() -> None:
    found = examine([], 0)
    assert {judgement for judgement, _ in found.values()} == {"ok"}, found


@pytest.mark.parametrize("number", [errno.ENOSYS, errno.EPERM])
@pytest.mark.parametrize(
    ("call", "name"),
    [
        ("memfd_create", "shared memory"),
        ("setpgid", "process groups"),
        ("setitimer", "timers"),
        ("prctl", "death signal"),
        ("pidfd_open", "pidfd"),
        ("pidfd_send_signal", "pidfd"),
    ],
)
def test_refused_call(call: str, name: str, number: int) -> None:
    found = examine([call], number)
    doubtful = [key for key, (judgement, _) in found.items() if judgement == "doubtful"]
    assert doubtful == [name], found
    assert ": " in found[name][1] and "\n" not in found[name][1]
    assert found["system calls"][1] == "filtered (seccomp)"


def test_deleted_working_directory(tmp_path: Path) -> None:
    folder = tmp_path / "gone"
    folder.mkdir()
    shell = ["sh", "-c", 'rmdir "$0" && exec "$@"', str(folder)]
    command = [*shell, sys.executable, "-c", PROGRAM, "0"]
    output = subprocess.run(command, stdout=subprocess.PIPE, check=True, cwd=folder).stdout
    judgement, text = json.loads(output)["working directory"]
    assert (judgement, text) == (
        "doubtful",
        "No such file or directory: functions have none either",
    )
