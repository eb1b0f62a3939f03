"""The package as it is imported: every name it exports, and nothing before it is used."""

from __future__ import annotations

import ast
import importlib
import subprocess
import sys
from pathlib import Path

import pytest

import udfrunner

SOURCE = Path(udfrunner.__file__).read_text(encoding="utf-8")


def imports_of_type_checkers() -> dict[str, str]:
    """The module of each name that type checkers see."""
    return {
        alias.name: node.module
        for node in ast.walk(ast.parse(SOURCE))
        if isinstance(node, ast.ImportFrom) and node.level == 1 and node.module
        for alias in node.names
    }


@pytest.mark.parametrize("name", udfrunner.__all__)
def test_each_name_is_what_type_checkers_see(name: str) -> None:
    module = importlib.import_module(f"udfrunner.{imports_of_type_checkers()[name]}")
    assert getattr(udfrunner, name) is getattr(module, name)
    assert name in dir(udfrunner)


def test_type_checkers_see_each_name() -> None:
    assert sorted(imports_of_type_checkers()) == sorted(udfrunner.__all__)


def test_unknown_name() -> None:
    with pytest.raises(AttributeError, match="module 'udfrunner' has no attribute 'aply'"):
        udfrunner.aply  # noqa: B018


def test_nothing_is_imported_before_it_is_used() -> None:
    program = (
        "import sys, udfrunner\n"
        "print(sorted(name for name in sys.modules if name.startswith('udfrunner.')))\n"
        "print('pyarrow' in sys.modules, udfrunner.errors.Cancelled is udfrunner.Cancelled)\n"
        "print('udfrunner._runner' in sys.modules)\n"
    )
    said = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    ).stdout.splitlines()
    assert said == ["['udfrunner._version']", "False True", "False"]
