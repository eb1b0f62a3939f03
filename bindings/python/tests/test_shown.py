"""What people see of the package's objects: short texts, tables in notebooks, versions."""

from __future__ import annotations

import contextlib
import io
import re

import pyarrow as pa

import udfrunner
from udfrunner import Env, Metrics, Runner


def plus_one(x: int) -> int:
    return x + 1


def double(x: int) -> int:
    return x * 2


def test_texts_of_objects() -> None:
    with Env() as env:
        assert repr(env) == "<Env, workers: 0, running tasks: 0>"
        runner = Runner("scalar-pandas", [[plus_one, double], ["a:b"]], [[0], [0]], "long", env=env)
        of = "scalar-pandas: double(plus_one), a:b"
        assert repr(runner) == f"<Runner {of}>"
        with runner.compute(pa.table({"x": [1]}), partition=3) as out:
            assert repr(out) == f"<running BatchIterator, partition 3 of {of}>"
            assert re.fullmatch(r"<Env, workers: \d, running tasks: 1>", repr(env))
        assert repr(out) == f"<closed BatchIterator, partition 3 of {of}>"
        runner.close()
        assert repr(runner) == f"<closed Runner {of}>"
        with Runner(100, [[plus_one]], [[0]], "long", env=env) as rows:
            out = rows.compute_rows([(1,)])
            assert list(out) == [2]
            assert repr(out) == "<closed RowIterator, partition 0 of batched: plus_one>"
            table = out.metrics._repr_html_()
            assert "<th style='text-align:left'>input_batches</th>" in table
            assert "<td style='text-align:right'>1</td>" in table
    assert repr(env) == "<closed Env>"


def test_a_task_that_failed_has_a_text(shared_env: Env) -> None:
    with Runner("scalar-arrow", [["no:where"]], [[0]], "long", env=shared_env) as runner:
        out = runner.compute(pa.table({"x": [1]}))
        with contextlib.suppress(udfrunner.PythonException):
            out.read_all()
        assert repr(out) == "<ended BatchIterator, partition 0 of scalar-arrow: no:where>"


def test_metrics_are_a_dict_and_a_table() -> None:
    metrics = Metrics({"rows": 1234567, "parts": [{"name": "<b>"}], "ms": 1.5})
    assert metrics == {"rows": 1234567, "parts": [{"name": "<b>"}], "ms": 1.5}
    table = metrics._repr_html_()
    assert re.findall(r"<t[hd][^>]*>([^<]*)</t[hd]>", table) == (
        ["rows", "1,234,567", "parts.0.name", "&lt;b&gt;", "ms", "1.5"]
    )


def test_show_versions() -> None:
    text = io.StringIO()
    udfrunner.show_versions(text)
    shown = dict(line.split(maxsplit=1) for line in text.getvalue().splitlines())
    assert shown["udfrunner"] == udfrunner.__version__
    assert shown["pyarrow"] == pa.__version__
    assert "libudfrunner" in shown["library"]
    assert {"python", "system", "pyspark-client", "pandas"} <= set(shown)
