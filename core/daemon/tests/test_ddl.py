"""The DDL parser of workers, held against real Spark: the table that core/sqltype is held against."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import client
import pyspark
import pytest
from pyspark.sql import types

TABLE = Path(__file__).parents[2] / "sqltype" / "testdata" / "ddl" / "cases.json"
CASES = json.loads(TABLE.read_text())["cases"]
# Of those that may have all of 4.3's types.
KNOWS_ALL_TYPES = tuple(map(int, pyspark.__version__.split(".")[:2])) >= (4, 2)


@pytest.fixture(scope="module")
def ddl() -> Any:
    return client.load("ddl")


def parsed(ddl: Any, text: str) -> Any:
    """What the parser makes of a text, None where it refuses it."""
    try:
        return ddl.parse_type(text)
    except ValueError as error:
        assert str(error).startswith("return type "), text
        assert "\n" not in str(error), text
        return None


def collated(value: Any, path: str = "", collations: Any = None) -> Any:
    """A type of the table with collations where the parser has them.

    DataType.json() puts those of columns into their metadata, which PySpark 3.5 overlooks.
    """
    if isinstance(value, str):
        name = (collations or {}).get(path)
        return value if name is None else f"string collate {name.partition('.')[2]}"
    value = dict(value)
    for key, step in (("elementType", "element"), ("keyType", "key"), ("valueType", "value")):
        if key in value:
            value[key] = collated(value[key], f"{path}.{step}", collations)
    if value["type"] == "struct":
        value["fields"] = [field_collated(field) for field in value["fields"]]
    return value


def field_collated(field: Any) -> Any:
    metadata = dict(field["metadata"])
    collations = metadata.pop("__COLLATIONS", None)
    return {
        **field,
        "metadata": metadata,
        "type": collated(field["type"], field["name"], collations),
    }


def is_json(text: str) -> bool:
    return text.lstrip(" \t\r\n").startswith(("{", '"'))


@pytest.mark.essential
def test_ddl_is_read_as_spark_reads_it(ddl: Any) -> None:
    texts = [case for case in CASES if not is_json(case["text"])]
    assert len(texts) > 300
    wrong = {
        case["text"]: (case["type"], found)
        for case in texts
        if (found := parsed(ddl, case["text"])) != (case["type"] and collated(case["type"]))
    }
    assert wrong == {}


def test_json_is_checked_as_spark_and_pyspark_check_it(ddl: Any) -> None:
    texts = [case for case in CASES if is_json(case["text"])]
    wrong = [
        case["text"]
        for case in texts
        if (parsed(ddl, case["text"]) is None) != (case["type"] is None)
    ]
    assert wrong == []
    assert any(case["type"] for case in texts)


@pytest.mark.skipif(not KNOWS_ALL_TYPES, reason="PySpark 4.2 and later have all types")
def test_pyspark_takes_what_the_parser_makes(ddl: Any) -> None:
    wrong = {}
    for case in CASES:
        value = parsed(ddl, case["text"])
        found = value and json.loads(types._parse_datatype_json_value(value).json())
        if found != case["type"]:
            wrong[case["text"]] = found
    assert wrong == {}


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("blabla", 'at character 1: unknown type "blabla": expected boolean, tinyint,'),
        ("double precision", 'at character 8: unknown type "precision"'),
        ("é int", "at character 1: the name é needs backquotes"),
        ("a int, b decimal(39,1)", "at character 10: decimal(39,1): expected a precision up to 38"),
        ("a int comment 'x", "at character 15: expected a closing quote"),
        ("array<" * 201 + "int" + ">" * 201, "types nested deeper than 200"),
        ("identifier(" * 2000, 'at character 1: unknown type "identifier"'),
        ("a: int -- x", "expected a line break after the comment at its end"),
        ('"lng"', 'at $: unknown type "lng"'),
        ('{"type":', "at character 9: no JSON"),
        ('{"a":' * 100_000, "no JSON"),
        ("\ud800 int", "not valid UTF-8"),
    ],
)
def test_errors_name_text_place_and_expectation(ddl: Any, text: str, problem: str) -> None:
    with pytest.raises(ValueError) as raised:
        ddl.parse_type(text)
    message = str(raised.value)
    assert problem in message
    assert message.startswith(f"return type {text[:20]!r}"[:-1])
    assert len(message) < 1000
