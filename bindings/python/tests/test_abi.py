"""The ctypes table is the header: names, types, values, and the order of fields."""

from __future__ import annotations

import ctypes as c
import re
from typing import Any

import pytest
from conftest import REPOSITORY

from udfrunner import _abi, errors

SCALARS = {
    "int": c.c_int,
    "int32_t": c.c_int32,
    "uint32_t": c.c_uint32,
    "int64_t": c.c_int64,
    "uint64_t": c.c_uint64,
    "uint8_t": c.c_uint8,
    "size_t": c.c_size_t,
}
OPAQUE = {"void", "udfrunner_env", "udfrunner_runner", "udfrunner_iterator", "udfrunner_error"}


def header() -> str:
    text = (REPOSITORY / "include" / "udfrunner.h").read_text()
    return re.sub(r"/\*.*?\*/", " ", text, flags=re.DOTALL)


def defines() -> dict[str, str]:
    found = re.findall(r"^#define (UDFRUNNER_\w+) +(\S.*)$", header(), re.MULTILINE)
    return {name: value.strip() for name, value in found}


def code() -> str:
    """The header without preprocessor lines, in one line."""
    text = re.sub(r"^\s*#.*$", "", header(), flags=re.MULTILINE)
    return re.sub(r"\s+", " ", text.replace('extern "C" {', ""))


def structs() -> dict[str, list[tuple[str, str]]]:
    """Name -> fields as (name, declaration)."""
    found = {}
    for name, body in re.findall(r"struct (\w+) \{([^}]*)\}", code()):
        fields = []
        for declaration in filter(None, (part.strip() for part in body.split(";"))):
            function = re.fullmatch(r"(.*)\(\*(\w+)\)\((.*)\)", declaration)
            if function:
                fields.append((function[2], declaration))
            else:
                fields.append((re.search(r"(\w+)$", declaration)[1], declaration))
        found[name] = fields
    return found


def functions() -> dict[str, tuple[str, list[str]]]:
    """Name -> (result type, parameter declarations)."""
    without_structs = re.sub(r"(typedef )?struct \w+ \{[^}]*\}[^;]*;", "", code())
    found = {}
    pattern = r"([\w ]+?[ *]+)(\w+)\(([^()]*)\);"
    for result, name, parameters in re.findall(pattern, without_structs):
        listed = [] if parameters.strip() == "void" else parameters.split(",")
        found[name] = (result.strip(), [p.strip() for p in listed])
    return found


def allowed(declaration: str, named: bool) -> list[Any]:
    """The ctypes types that may stand for a C declaration."""
    text = re.sub(r"\b(const|struct|typedef)\b", " ", declaration)
    stars = text.count("*")
    words = text.replace("*", " ").split()
    base = words[0]
    assert len(words) == (2 if named else 1), declaration
    if stars == 0:
        return [None] if base == "void" else [SCALARS[base]]
    if base == "char":
        types: list[Any] = [c.c_char_p, c.c_void_p]
    elif base in OPAQUE:
        types = [c.c_void_p]
    elif base == "uint8_t":
        types = [c.POINTER(c.c_uint8), c.c_void_p]
    elif base in SCALARS:
        types = [c.POINTER(SCALARS[base])]
    else:
        types = [c.POINTER(_abi.STRUCTS[base])]
    for _ in range(stars - 1):
        types = [c.POINTER(each) for each in types]
    return types


@pytest.mark.parametrize("name", sorted(defines()))
def test_constant(name: str) -> None:
    text = defines()[name]
    if "size_t" in text:
        expected = c.c_size_t(-1).value
    elif text in defines():
        expected = getattr(_abi, text)
    else:
        expected = int(text.strip("()").rstrip("u"), 0)
    assert getattr(_abi, name) == expected


def test_no_other_constants() -> None:
    ours = {name for name in vars(_abi) if name.startswith("UDFRUNNER_")}
    assert ours == set(defines())


@pytest.mark.parametrize("name", sorted(functions()))
def test_function(name: str) -> None:
    result, parameters = functions()[name]
    restype, argtypes = _abi.FUNCTIONS[name]
    assert restype in allowed(result, named=False)
    assert len(argtypes) == len(parameters)
    for ours, theirs in zip(argtypes, parameters, strict=True):
        assert ours in allowed(theirs, named=True), f"{name}: {theirs}"


def test_same_functions() -> None:
    assert set(_abi.FUNCTIONS) == set(functions())
    assert len(functions()) > 30


@pytest.mark.parametrize("name", sorted(structs()))
def test_struct(name: str) -> None:
    mirror = _abi.STRUCTS[name]
    fields = structs()[name]
    assert [field[0] for field in mirror._fields_] == [field[0] for field in fields]
    for (_, ours), (_, theirs) in zip(mirror._fields_, fields, strict=True):
        function = re.fullmatch(r"(.*)\(\*\w+\)\((.*)\)", theirs)
        if function is None:
            assert ours in allowed(theirs, named=True), theirs
            continue
        assert ours._restype_ in allowed(function[1], named=False)
        parameters = function[2].split(",")
        assert len(ours._argtypes_) == len(parameters)
        for ours_parameter, parameter in zip(ours._argtypes_, parameters, strict=True):
            has_name = not parameter.strip().endswith("*")
            assert ours_parameter in allowed(parameter, named=has_name), parameter


def test_same_structs() -> None:
    assert set(_abi.STRUCTS) == set(structs())


def test_every_error_code_has_its_class() -> None:
    codes = {getattr(_abi, n) for n, v in defines().items() if v.startswith("(-")}
    assert {errors.make_error(code, "text").code for code in codes} == codes
    classes = {type(errors.make_error(code, "text")) for code in codes - {_abi.UDFRUNNER_UNKNOWN}}
    assert len(classes) == len(codes) - 1
    assert errors.Error not in classes
