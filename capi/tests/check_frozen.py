"""Today's header compared with that of version 1.0: what an old host was compiled with is still there, unchanged.

    check_frozen.py include/udfrunner.h capi/tests/abi-1.0/udfrunner.h

Constants keep their values and functions their declarations; a struct that begins with its size may have more
members behind the old ones, any other is as it was.
"""

import re
import sys
from pathlib import Path

VERSION = "UDFRUNNER_ABI_VERSION"


def squeezed(text: str) -> str:
    return re.sub(r"\s+", " ", text).strip()


class Header:
    """The declarations of a header, without comments."""

    def __init__(self, path: str) -> None:
        text = re.sub(r"/\*.*?\*/", " ", Path(path).read_text(), flags=re.DOTALL)
        self.defines = dict(re.findall(r"^#define (UDFRUNNER_\w+) +(\S.*?) *$", text, re.MULTILINE))
        text = re.sub(r"^\s*#.*$", "", text, flags=re.MULTILINE).replace('extern "C" {', "")
        self.structs = {
            name: [squeezed(member) for member in body.split(";") if member.strip()]
            for name, body in re.findall(r"struct (\w+) \{([^}]*)\}", text)
        }
        rest = re.sub(r"(typedef )?struct \w+ \{[^}]*\}[^;]*;", "", text)
        self.functions = {
            name: squeezed(declaration)
            for declaration, name in re.findall(r"([\w\s*]+?(\w+)\([^()]*\));", rest)
        }


def broken(today: Header, frozen: Header) -> list[str]:
    """What an old host would not find as it knows it."""
    found = [
        f"#define {name} {value}: today {today.defines.get(name)}"
        for name, value in frozen.defines.items()
        if name != VERSION and today.defines.get(name) != value
    ]
    found += [
        f"{declaration}: today {today.functions.get(name)}"
        for name, declaration in frozen.functions.items()
        if today.functions.get(name) != declaration
    ]
    for name, members in frozen.structs.items():
        now = today.structs.get(name, [])
        may_grow = members[0] == "uint64_t size"
        if now[: len(members)] != members or len(now) > len(members) and not may_grow:
            found.append(f"struct {name} {members}: today {now}")
    return found


def main() -> int:
    """Prints what differs, and returns 1 if something does."""
    today, frozen = Header(sys.argv[1]), Header(sys.argv[2])
    assert len(frozen.functions) == 33 and len(frozen.structs) == 14 and len(frozen.defines) > 50
    differences = broken(today, frozen)
    for line in differences:
        print(line)
    print("ok frozen header" if not differences else "the ABI of version 1.0 is not kept")
    return 1 if differences else 0


if __name__ == "__main__":
    sys.exit(main())
