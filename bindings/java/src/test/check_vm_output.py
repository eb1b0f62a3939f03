"""Checks what JVMs printed during the tests: of -Xcheck:jni only the block of modified signal handlers.

Go installs handlers of its own, which forward; HotSpot says so once a signal. Everything else
that it prints (a JNI call with an exception pending, too many local references ...) is an error.

    python check_vm_output.py <files that -XX:LogFile wrote>
"""

import re
import sys
from pathlib import Path

KNOWN = re.compile(
    r"""
      Warning:\ SIG\w+\ handler\ modified!
    | Signal\ Handlers:
    | \s*SIG\w+:\ .*
    | \s*\*\*\*\ Handler\ was\ modified!
    | \s*\*\*\*\ Expected:\ .*
    | Consider\ using\ jsig\ library\.
    """,
    re.VERBOSE,
)


def unknown_lines(log: str) -> list[str]:
    """The lines of plain text that are not of that block; the log's own are XML."""
    lines = log.partition("<tty>")[2].partition("</tty>")[0].splitlines()
    return [line for line in lines if line.strip() and not is_known(line)]


def is_known(line: str) -> bool:
    """Whether it is XML, or of the block."""
    return line.startswith("<") or KNOWN.fullmatch(line) is not None


def main(files: list[str]) -> int:
    """Prints what is not known; 1 where there is such, or nothing was checked."""
    checked = 0
    found = []
    for file in files:
        log = Path(file).read_text(errors="replace")
        checked += "handler modified!" in log
        found += [f"{file}: {line}" for line in unknown_lines(log)]
    if not checked:
        found.append("no JVM ran with -Xcheck:jni and the library")
    print("\n".join(found) or f"ok output of {len(files)} JVMs")
    return bool(found)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
