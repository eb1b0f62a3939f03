"""Looks up every class, method and field that a jar refers to in the jars it is to run with.

python link_check.py JAR FOLDER...: each folder holds the jars of one Spark.
"""

from __future__ import annotations

import struct
import sys
import zipfile
from pathlib import Path
from typing import NamedTuple

#: What is looked up: Spark and Scala, and what Spark ships for both. The rest is the JDK's, or ours.
LOOKED_UP = ("org/apache/spark/", "org/apache/arrow/", "scala/", "com/fasterxml/")

#: Sizes of the constants that do not matter here, by their tag.
SIZES = {3: 4, 4: 4, 5: 8, 6: 8, 15: 3, 16: 2, 17: 4, 18: 4, 19: 2, 20: 2}


class Reference(NamedTuple):
    """A method or field, as the class that uses it names it."""

    owner: str
    name: str
    descriptor: str

    def __str__(self) -> str:
        return f"{self.owner}.{self.name}{self.descriptor}"


class ClassFile:
    """What a class file says of itself and of others."""

    def __init__(self, data: bytes) -> None:
        self._data, self._at = data, 8
        self._constants = self._read_constants()
        self._skip(2)
        self.name = self._class(self._u2())
        parent = self._u2()
        self.parents = [self._class(parent)] if parent else []
        self.parents += [self._class(self._u2()) for _ in range(self._u2())]
        self.members = {*self._read_members(), *self._read_members()}

    def references(self) -> set[Reference]:
        """The members of other classes that it uses."""
        found = set()
        for constant in self._constants:
            if isinstance(constant, tuple) and constant[0] in (9, 10, 11):
                _, owner, pair = constant
                _, name, descriptor = self._constants[pair]
                found.add(Reference(self._class(owner), self._text(name), self._text(descriptor)))
        return found

    def classes(self) -> set[str]:
        """The classes that it names."""
        return {self._text(c[1]) for c in self._constants if isinstance(c, tuple) and c[0] == 7}

    def _read_constants(self) -> list:
        constants: list = [None] * self._u2()
        i = 1
        while i < len(constants):
            tag = self._data[self._at]
            self._at += 1
            if tag == 1:
                length = self._u2()
                constants[i] = self._data[self._at : self._at + length].decode("utf-8", "replace")
                self._at += length
            elif tag in (7, 8):
                constants[i] = (tag, self._u2())
            elif tag in (9, 10, 11, 12):
                constants[i] = (tag, self._u2(), self._u2())
            else:
                self._skip(SIZES[tag])
            i += 2 if tag in (5, 6) else 1
        return constants

    def _read_members(self) -> set[tuple[str, str]]:
        members = set()
        for _ in range(self._u2()):
            self._skip(2)
            members.add((self._text(self._u2()), self._text(self._u2())))
            for _ in range(self._u2()):
                self._skip(2)
                self._skip(struct.unpack_from(">I", self._data, self._at)[0] + 4)
        return members

    def _class(self, index: int) -> str:
        return self._text(self._constants[index][1])

    def _text(self, index: int) -> str:
        return str(self._constants[index])

    def _u2(self) -> int:
        self._at += 2
        return int.from_bytes(self._data[self._at - 2 : self._at], "big")

    def _skip(self, count: int) -> None:
        self._at += count


class Library:
    """The classes of jars, read when they are asked for."""

    def __init__(self, jars: list[Path]) -> None:
        self._jars = [zipfile.ZipFile(jar) for jar in jars]
        self._places = {
            name: jar for jar in self._jars for name in jar.namelist() if name.endswith(".class")
        }
        self._read: dict[str, ClassFile | None] = {}

    def find(self, name: str) -> ClassFile | None:
        if name not in self._read:
            jar = self._places.get(f"{name}.class")
            self._read[name] = ClassFile(jar.read(f"{name}.class")) if jar else None
        return self._read[name]

    def all(self) -> list[ClassFile]:
        return [c for c in (self.find(name.removesuffix(".class")) for name in self._places) if c]

    def has(self, reference: Reference) -> bool:
        """Whether it links; a parent that is not in the jars is the JDK's, and taken to have it."""
        owner = self.find(reference.owner)
        if owner is None:
            return not reference.owner.startswith(LOOKED_UP)
        if (reference.name, reference.descriptor) in owner.members:
            return True
        return any(
            self.has(Reference(parent, reference.name, reference.descriptor))
            for parent in owner.parents
            if self.find(parent)
            or (parent != "java/lang/Object" and not parent.startswith(LOOKED_UP))
        )


def missing(jar: Path, folder: Path) -> tuple[list[str], int]:
    """What the jar's classes use and the folder's jars lack, and how many references there are."""
    library = Library([jar, *sorted(folder.glob("*.jar"))])
    ours = Library([jar]).all()
    references = {r for c in ours for r in c.references() if r.owner.startswith(LOOKED_UP)}
    classes = {n for c in ours for n in c.classes() if n.startswith(LOOKED_UP)}
    lacking = [str(r) for r in references if not library.has(r)]
    lacking += [n for n in classes if library.find(n) is None]
    return sorted(lacking), len(references)


def main() -> int:
    jar, failed = Path(sys.argv[1]), False
    for folder in map(Path, sys.argv[2:]):
        lacking, count = missing(jar, folder)
        lacking += [] if count else ["the jar has no class that uses Spark"]
        for line in lacking:
            print(f"{folder}: {line}")
        print(f"{'failed' if lacking else 'ok'} {count} references of {jar.name} in {folder}")
        failed = failed or bool(lacking)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
