"""The version in all places that name it: capi/version.h says it, the others are held to it.

version.py check            fails where a place says another version, or CHANGELOG.md has no section for it
version.py set VERSION      writes it to all places
version.py changes VERSION  prints the section of CHANGELOG.md, and fails where it has none
"""

import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
NUMBER = r"\d+\.\d+\.\d+"
# The first is the source. Each pattern has what is before the version in a group; a place may have several.
PLACES = {
    "capi/version.h": r'(#define UDFRUNNER_VERSION ")',
    "bindings/python/src/udfrunner/_version.py": r'(__version__ = ")',
    "bindings/java/pom.xml": r"(<artifactId>udfrunner</artifactId>\s*<version>)",
    "README.md": r"(udfrunner-)",
    "bindings/python/README.md": r"(udfrunner-)",
    "bindings/java/README.md": r"(udfrunner-)",
    "jni-example/pom.xml": r"(<artifactId>udfrunner(?:-spark-example)?</artifactId>\s*<version>)",
    "bindings/spark/pom.xml": r"(<artifactId>udfrunner(?:-spark_2.13)?</artifactId>\s*<version>)",
    "bindings/spark/README.md": r"(udfrunner-)",
    "jni-example/README.md": r"(udfrunner-)",
    "docs/start/python.md": r"(udfrunner-)",
    "docs/start/spark.md": r"(udfrunner-)",
    "docs/start/jvm.md": r"(udfrunner-|<version>)",
}


def places() -> dict[str, list[str]]:
    """The versions that each place has."""
    found = {}
    for name, before in PLACES.items():
        matches = re.finditer(f"{before}({NUMBER})", (ROOT / name).read_text())
        found[name] = [match[2] for match in matches]
    return found


def sections() -> dict[str, str]:
    """The sections of CHANGELOG.md by version, or "Unreleased"; the newest is first."""
    parts = re.split(r"^## (.*)\n", (ROOT / "CHANGELOG.md").read_text(), flags=re.MULTILINE)
    return {
        title.split()[0]: text.strip() for title, text in zip(parts[1::2], parts[2::2], strict=True)
    }


def check() -> list[str]:
    """What is wrong."""
    (version,) = places()["capi/version.h"]
    wrong = []
    for name, versions in places().items():
        if set(versions) != {version}:
            wrong.append(
                f"{name}: version {', '.join(versions) or '(none)'}, capi/version.h has {version}"
            )
    newest = next(iter(sections()), "(none)")
    if newest not in ("Unreleased", version):
        wrong.append(f"CHANGELOG.md: newest section {newest}, must be Unreleased or {version}")
    for title, text in sections().items():
        if not (title == "Unreleased" or re.fullmatch(NUMBER, title)) or not text:
            wrong.append(f"CHANGELOG.md: section {title}, must be a version, with changes")
    return wrong


def write(version: str) -> list[str]:
    """Writes the version to all places."""
    if not re.fullmatch(NUMBER, version):
        return [f"version {version!r}, must be MAJOR.MINOR.PATCH"]
    for name, before in PLACES.items():
        text = (ROOT / name).read_text()
        (ROOT / name).write_text(re.sub(f"{before}{NUMBER}", rf"\g<1>{version}", text))
    return []


def main() -> int:
    """Prints what is wrong, and returns 1 if something is."""
    match sys.argv[1:]:
        case ["check"]:
            wrong = check()
        case ["set", version]:
            wrong = write(version)
        case ["changes", version]:
            wrong = [] if version in sections() else [f"CHANGELOG.md: no section {version}"]
            print(sections().get(version, ""))
        case _:
            wrong = [__doc__]
    print("\n".join(wrong), end="\n" if wrong else "", file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
