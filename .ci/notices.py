"""Writes NOTICE: the licenses of what the library is linked with, from the modules' own license files.

notices.py GO [--write], where GO is the go command. Without --write it fails if the file is another one.
"""

import json
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
HEAD = """\
udfrunner
Licensed under the Apache License, Version 2.0 (LICENSE).

The native library (libudfrunner.so, in the wheel and the jar too) is linked with the following
software. The Arrow metadata code in core/arrowio/flatbuf is generated from a schema written from
Apache Arrow's format specification. Nothing of PySpark or Apache Spark is in it.

This file is written by .ci/notices.py.
"""
RULE = "\n" + "-" * 80 + "\n"


def words(text: str) -> list[str]:
    """The words of a license, without those on how to apply it."""
    return text.partition("END OF TERMS AND CONDITIONS")[0].split()


def owners(folder: Path) -> list[str]:
    """Whom the Go files of a module name as owners of their copyright."""
    pattern = r"^(?://| \*) (?:SPDX-FileCopyrightText: |Copyright )(?:\(c\) )?[0-9, -]+ (.*?)(?: All .*)?$"
    found = set()
    for file in folder.rglob("*.go"):
        found.update(re.findall(pattern, file.read_text(errors="replace"), re.MULTILINE))
    return sorted(found)


def terms(folder: Path) -> str:
    """What a module's license says: its text, or that it is the one in LICENSE."""
    text = (folder / "LICENSE").read_text()
    if words(text) == words((ROOT / "LICENSE").read_text()):
        names = "".join(f"Copyright {owner}\n" for owner in owners(folder))
        return f"{names}Licensed under the Apache License, Version 2.0 (LICENSE).\n"
    return f"{text.strip()}\n"


def modules(go: str) -> dict[str, Path]:
    """The folders of what the library is linked with, by name."""
    command = [go, "list", "-deps", "-json=Module", "./capi"]
    listed = subprocess.run(command, cwd=ROOT, check=True, text=True, stdout=subprocess.PIPE).stdout
    found, at, decoder = {}, 0, json.JSONDecoder()
    while at < len(listed):
        package, end = decoder.raw_decode(listed, at)
        at = end + len(listed[end:]) - len(listed[end:].lstrip())
        module = package.get("Module")
        if module and not module.get("Main"):
            found[f"{module['Path']} {module['Version']}"] = Path(module["Dir"])
    root = subprocess.run([go, "env", "GOROOT"], check=True, text=True, stdout=subprocess.PIPE)
    return {"The Go runtime and standard library": Path(root.stdout.strip()), **found}


def notices(go: str) -> str:
    """The whole file. Parts with the same terms are one."""
    parts: dict[str, list[str]] = {}
    for name, folder in sorted(modules(go).items()):
        parts.setdefault(terms(folder), []).append(name)
    assert sum(map(len, parts.values())) > 1, "the library is linked with some modules"
    return HEAD + "".join(RULE + "\n".join(names) + "\n\n" + text for text, names in parts.items())


def main() -> int:
    """Writes the file, or returns 1 if it is not what would be written."""
    text, file = notices(sys.argv[1]), ROOT / "NOTICE"
    if sys.argv[2:] == ["--write"]:
        file.write_text(text)
    elif file.read_text() != text:
        print("NOTICE is not what is linked: run python3 .ci/notices.py go --write")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
