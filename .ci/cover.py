"""Prints how much of each Go package of the library tests run, and fails where that is too little.

cover.py GO PERCENT PROFILE...: the go command, the least percentage of statements, profiles as go
test -coverprofile -coverpkg writes them. A statement counts as run if a test of any package ran it. The
packages are those of core that the library is linked with, without generated files.
"""

import re
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def packages(go: str) -> dict[str, str]:
    """The folders of the packages of core that the library is linked with, by import path."""
    command = [go, "list", "-deps", "-f", "{{.ImportPath}} {{.Dir}}", "./capi"]
    listed = subprocess.run(command, cwd=ROOT, check=True, text=True, stdout=subprocess.PIPE)
    found = dict(line.split(" ", 1) for line in listed.stdout.splitlines())
    return {path: folder for path, folder in found.items() if path.startswith("udfrunner/core/")}


def generated(file: Path) -> bool:
    """Whether a Go file says that it is generated."""
    return (
        re.search(r"^// Code generated .* DO NOT EDIT\.$", file.read_text(), re.MULTILINE)
        is not None
    )


def statements(profiles: list[str]) -> dict[str, dict[str, tuple[int, bool]]]:
    """Of each file, its blocks: how many statements, and whether they ran."""
    blocks: dict[str, dict[str, tuple[int, bool]]] = defaultdict(dict)
    lines = (line for name in profiles for line in Path(name).read_text().splitlines()[1:])
    for line in lines:
        place, count, runs = line.rsplit(" ", 2)
        file, block = place.rsplit(":", 1)
        _, ran = blocks[file].get(block, (0, False))
        blocks[file][block] = int(count), ran or runs != "0"
    return blocks


def main() -> int:
    """Prints the table, and returns 1 if a package is below the limit."""
    go, least, profiles = sys.argv[1], float(sys.argv[2]), sys.argv[3:]
    folders = packages(go)
    total: dict[str, int] = defaultdict(int)
    ran: dict[str, int] = defaultdict(int)
    for file, blocks in statements(profiles).items():
        package, name = file.rsplit("/", 1)
        if package in folders and not generated(Path(folders[package], name)):
            total[package] += sum(count for count, _ in blocks.values())
            ran[package] += sum(count for count, run in blocks.values() if run)
    below = []
    for package in sorted(total):
        share = 100 * ran[package] / max(1, total[package])
        print(f"{package:32} {ran[package]:5} of {total[package]:5} {share:6.1f} %")
        if share < least:
            below.append(package)
    if below or not total:
        print(f"below {least:g} %: {', '.join(below) or 'no package was measured'}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
