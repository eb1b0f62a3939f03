"""Runs the programs that README.md shows, and compares what they print.

The C program is bindings/c/smallest.c, compiled as the build compiles it; the Python program says in a
comment what it prints.
"""

import re
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def blocks(language: str) -> list[str]:
    """The code blocks of a language in README.md."""
    text = (ROOT / "README.md").read_text()
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


def check(what: str, got: str, expected: str) -> None:
    """Fail unless a program printed what it was to print."""
    if got != expected:
        sys.exit(f"README.md, {what}: printed {got!r}, expected {expected!r}")
    print(f"ok README.md, {what}")


def output(command: list[str], **options: object) -> str:
    """What a command prints."""
    done: subprocess.CompletedProcess[str] = subprocess.run(  # type: ignore[call-overload]
        command, check=True, text=True, stdout=subprocess.PIPE, **options
    )
    return done.stdout


def main() -> None:
    (c_program,) = blocks("c")
    check("the C program is the example's", c_program, (ROOT / "bindings/c/smallest.c").read_text())
    build = ROOT / "build" / "examples"
    environment = {"PYSPARK_PYTHON": sys.executable, "PATH": "/usr/bin:/bin"}
    check("C", output([str(build / "smallest")], env=environment), "1\n2\n3\n4\n5\n")

    for number, program in enumerate(blocks("python")):
        expected = "".join(
            f"{line}\n" for line in re.findall(r"^# prints (.*)$", program, re.MULTILINE)
        )
        with tempfile.TemporaryDirectory() as directory:
            file = Path(directory) / "program.py"
            file.write_text(program)
            check(f"Python {number + 1}", output([sys.executable, str(file)]), expected)

    shell = [line.split("#")[0].strip() for block in blocks("sh") for line in block.splitlines()]
    makefile = (ROOT / "Makefile").read_text()
    version = re.search(r'VERSION "(.*)"', (ROOT / "capi/version.h").read_text())
    settings = (ROOT / "bindings/python/pyproject.toml").read_text()
    for command in filter(None, shell):
        wheel = re.fullmatch(r"pip install 'udfrunner-(.*)-py3-none-(.*)\.whl\[(.*)\]'", command)
        if wheel:  # tests_wheel installs it like that
            extras = all(f"\n{extra} = [" in settings for extra in wheel[3].split(","))
            if not version or wheel[1] != version[1] or not extras:
                sys.exit(f"README.md: {command!r}: no such wheel or extra")
            continue
        target = command.removeprefix("make ")
        if not re.search(rf"^{re.escape(target)}:", makefile, re.MULTILINE):
            sys.exit(f"README.md: {command!r} is not a target of the Makefile")
    print("ok README.md, commands")


if __name__ == "__main__":
    main()
