"""Records what real Spark makes of the texts in texts.py: cases.json, next to this file.

    python core/sqltype/testdata/ddl/record.py --version 4.3 --python build/venv/4.3/bin/python
    python core/sqltype/testdata/ddl/record.py --version 3.5 --python build/venv/3.5/bin/python

4.3 writes the table, 3.5 adds where it differs. Each interpreter needs the whole of PySpark and
Java 17; a recording takes about half a minute. README.md says what stands in the table.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
TABLE = HERE / "cases.json"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--version", choices=["4.3", "3.5"], required=True)
    parser.add_argument("--python", required=True, help="the interpreter with this PySpark")
    parser.add_argument("--ask", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.ask:
        print(json.dumps(_ask(json.load(sys.stdin))), flush=True)
        return
    table = json.loads(TABLE.read_text()) if options.version != "4.3" else {"spark": {}}
    texts = None if options.version == "4.3" else [case["text"] for case in table["cases"]]
    done = subprocess.run(
        [options.python, __file__, "--version", options.version, "--python", options.python]
        + ["--ask"],
        input=json.dumps(texts),
        stdout=subprocess.PIPE,
        check=True,
        text=True,
        env={**os.environ, "PYSPARK_PYTHON": options.python, "PYTHONDONTWRITEBYTECODE": "1"},
    )
    answer = json.loads(done.stdout.splitlines()[-1])
    table["spark"][options.version] = answer["spark"]
    if options.version == "4.3":
        table["cases"] = answer["cases"]
    else:
        for case, other in zip(table["cases"], answer["cases"], strict=True):
            case.pop(options.version, None)
            if case["type"] != other["type"]:
                case[options.version] = other["type"]
    _write(table)


def _write(table: dict[str, Any]) -> None:
    lines = ",\n".join(json.dumps(case, ensure_ascii=True) for case in table["cases"])
    spark = json.dumps(dict(sorted(table["spark"].items())))
    TABLE.write_text(f'{{"spark": {spark}, "cases": [\n{lines}\n]}}\n')


def _ask(texts: list[str] | None) -> dict[str, Any]:
    """What this interpreter's Spark says to the texts, or to those of texts.py."""
    from pyspark.sql import SparkSession

    spark = (
        SparkSession.builder.master("local[1]")
        .config("spark.ui.enabled", "false")
        .config("spark.driver.bindAddress", "127.0.0.1")
        .getOrCreate()
    )
    spark.sparkContext.setLogLevel("OFF")
    cases = [_case(spark, text) for text in (_texts(spark) if texts is None else texts)]
    answer = {"spark": spark.version, "cases": cases}
    spark.stop()
    return answer


def _texts(spark: Any) -> list[str]:
    import texts

    every = [text for subject in texts.SUBJECTS.values() for text in subject]
    every.append(", ".join(f"{word} int" for word in _keywords(spark)))
    every.append(_locales(spark))
    return list(dict.fromkeys(every))


def _keywords(spark: Any) -> list[str]:
    """The keywords of Spark's grammar, none of which is reserved."""
    known = spark._jvm.org.apache.spark.sql.catalyst.parser.SqlBaseParser.VOCABULARY
    literals = (known.getLiteralName(i) for i in range(1, known.getMaxTokenType() + 1))
    words = (literal.strip("'").lower() for literal in literals if literal)
    return [word for word in words if word.replace("_", "").isalpha()]


def _locales(spark: Any) -> str:
    """A column for each collation without specifiers, the names in lower case."""
    names = [
        row.NAME.lower()
        for row in spark.sql("SELECT NAME FROM collations()").collect()
        if not row.NAME.endswith(("_CI", "_AI", "_RTRIM"))
    ]
    return ", ".join(f"c{i} string collate {name}" for i, name in enumerate(names))


def _case(spark: Any, text: str) -> dict[str, Any]:
    """A text and its type, None where PySpark or Spark refuses it."""
    from pyspark.sql import types

    scala = spark._jvm.org.apache.spark.sql.types.DataType
    if not text.strip().startswith(("{", '"')):
        case = {"text": text, "type": _type(types._parse_datatype_string, text)}
        from_ddl = _type(scala.fromDDL, text)
        if _sorted(from_ddl) != _sorted(case["type"]):
            case["fromDDL"] = from_ddl
        return case
    assert _type(types._parse_datatype_string, text) is None, f"{text!r} is DDL to Spark"
    found = _type(types._parse_datatype_json_string, text)
    if found is not None and _type(scala.fromJson, json.dumps(found)) is None:
        found = None  # as where Spark is given the DataType
    return {"text": text, "type": found}


def _type(read: Any, text: str) -> Any:
    try:
        return json.loads(read(text).json())
    except Exception:  # noqa: BLE001 - whatever Spark says no with
        return None


def _sorted(value: Any) -> str:
    return json.dumps(value, sort_keys=True)


if __name__ == "__main__":
    main()
