"""Checks what JVMs printed during the tests: of -Xcheck:jni only the block of modified signal handlers.

Go installs handlers of its own, which forward; HotSpot says so once per signal. Statistics of its
compilers come with such a file. Everything else that it prints (a JNI call with an exception
pending, too many local references ...) is an error.

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
    | Deoptimization\ traps\ recorded:
    | \s+\S.*\ \(\d+\.\d%\)(\ total)?
    """,
    re.VERBOSE,
)


# Arrow Java's own library, which names classes in a way that the JVM does not like, when it is loaded.
ARROW = "org.apache.arrow.c.jni.JniLoader.load("


def reports(log: str) -> list[str]:
    """The plain text of a log, whose own lines are XML: each line with the stack that follows it."""
    found: list[str] = []
    for line in log.partition("<tty>")[2].partition("</tty>")[0].splitlines():
        if found and re.match(r"\t(at |- )", line):
            found[-1] += "\n" + line
        elif line.strip() and not line.startswith("<"):
            found.append(line)
    return found


def is_known(report: str) -> bool:
    """Whether it is of that block, or of another library's loading."""
    if KNOWN.fullmatch(report):
        return True
    return "JNI FindClass received a bad class descriptor" in report and ARROW in report


def main(files: list[str]) -> int:
    """Prints what is not known; 1 where there is such, or nothing was checked."""
    checked = 0
    found = []
    for file in files:
        log = Path(file).read_text(errors="replace")
        checked += "handler modified!" in log
        found += [f"{file}: {report}" for report in reports(log) if not is_known(report)]
    if not checked:
        found.append("no JVM ran with -Xcheck:jni and the library")
    print("\n".join(found) or f"ok output of {len(files)} JVMs")
    return bool(found)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
