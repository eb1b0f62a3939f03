"""Fails where a line of the repository's text is longer than 120 columns, a tab being 4.

Exempt are tables of Markdown, lines that are one word (an address, a hash), and what is recorded or generated.
"""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
MOST = 120
EXEMPT = re.compile(
    r"(^|/)(testdata|data|recordings|values)/.*\.(json|txt|sql)$|^LICENSE$|^capi/tests/abi-|_generated\.go$|^capi/tests/scenarios\.txt$|\.sum$|\.csv$|\.svg$"
)


def long_lines(name: str) -> list[str]:
    """The places of a file's lines that are too long."""
    try:
        text = (ROOT / name).read_text(encoding="utf-8")
    except (UnicodeDecodeError, IsADirectoryError):
        return []  # not text
    found = []
    for number, line in enumerate(text.split("\n"), 1):
        table = name.endswith(".md") and line.startswith("|")
        if len(line.expandtabs(4)) > MOST and not table and " " in line.strip():
            found.append(
                f"{name}:{number}: {len(line.expandtabs(4))} columns, at most {MOST} are allowed"
            )
    return found


def main() -> int:
    """Prints the lines, and returns 1 if there are some."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, check=True, text=True, stdout=subprocess.PIPE)
    names = [name for name in listed.stdout.splitlines() if not EXEMPT.search(name)]
    assert len(names) > 100, "the repository has files"
    found = [line for name in names if (ROOT / name).is_file() for line in long_lines(name)]
    print("\n".join(found), end="\n" if found else "")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
