"""A notebook in a real kernel: output in its cell, source lines of cells, tables of numbers."""

from __future__ import annotations

import os
import re
import textwrap
from pathlib import Path
from typing import Any

import nbclient
import nbformat
import pytest

CELLS = {
    "start": """
        import os
        import pandas as pd
        import pyarrow as pa
        import udfrunner
        table = pa.table({"x": [1, 2, 3]})
        env = udfrunner.Env()
    """,
    "prints": """
        def talks(x: pd.Series) -> pd.Series:
            print("rows:", len(x))
            return x + 1

        found = udfrunner.apply(talks, table, "x", return_type="long", env=env)
        print(found.to_pylist())
    """,
    "beside": """
        import beside
        udfrunner.apply(beside.plus_two, table.to_pandas(), "x", return_type="long", env=env)
    """,
    "raises": """
        def fails(x: pd.Series) -> pd.Series:
            return x / "the line that fails"

        udfrunner.apply(fails, table, "x", return_type="long", env=env)
    """,
    "dies": """
        def dies(x: pd.Series) -> pd.Series:
            import ctypes
            print("about to look there", flush=True)
            return ctypes.string_at(0)  # the line that dies

        udfrunner.apply(dies, table, "x", return_type="long", env=env)
    """,
    "metrics": """
        runner = udfrunner.Runner("scalar-pandas", [[talks]], [[0]], "long", env=env)
        with runner.compute(table) as out:
            out.read_all()
        out.metrics
    """,
    "texts": "[env, runner, out]",
    "progress": """
        def ones(batches):
            yield from batches

        udfrunner.map_batches(ones, table, "x long", kind="arrow", progress=True, env=env).num_rows
    """,
    "end": "env.close()",
}


@pytest.fixture(scope="module")
def outputs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Any]]:
    """What each cell has put out."""
    folder: Path = tmp_path_factory.mktemp("notebook")
    text = "import pandas as pd\n\n\ndef plus_two(x: pd.Series) -> pd.Series:\n    return x + 2\n"
    (folder / "beside.py").write_text(text)
    cells = [nbformat.v4.new_code_cell(textwrap.dedent(code).strip()) for code in CELLS.values()]
    notebook = nbformat.v4.new_notebook(cells=cells)
    client = nbclient.NotebookClient(
        notebook,
        timeout=120,
        allow_errors=True,
        kernel_name="python3",
        resources={"metadata": {"path": str(folder)}},
    )
    # The user's own settings of Jupyter and IPython stay out of it.
    private = {name: str(folder / ".private") for name in ("IPYTHONDIR", "JUPYTER_RUNTIME_DIR")}
    client.execute(env={**os.environ, **private})
    return dict(zip(CELLS, (cell.outputs for cell in notebook.cells), strict=True))


def streams(outputs: list[Any], name: str) -> str:
    return "".join(
        each.text for each in outputs if each.output_type == "stream" and each.name == name
    )


def error(outputs: list[Any]) -> str:
    (found,) = [each for each in outputs if each.output_type == "error"]
    return re.sub(r"\x1b\[[0-9;]*m", "", "\n".join(found.traceback))


def shown(outputs: list[Any]) -> Any:
    (found,) = [each for each in outputs if each.output_type == "execute_result"]
    return found.data


def test_cells_without_errors(outputs: dict[str, list[Any]]) -> None:
    failed = [
        name for name, found in outputs.items() if any(o.output_type == "error" for o in found)
    ]
    assert failed == ["raises", "dies"]


def test_what_a_function_prints_is_in_its_cell(outputs: dict[str, list[Any]]) -> None:
    assert streams(outputs["prints"], "stderr") == "rows: 3\n"
    assert streams(outputs["prints"], "stdout") == "[2, 3, 4]\n"
    assert streams(outputs["metrics"], "stderr") == "rows: 3\n"
    assert all(
        "rows:" not in streams(outputs[name], "stderr") for name in ("start", "beside", "end")
    )


def test_module_beside_the_notebook(outputs: dict[str, list[Any]]) -> None:
    text = shown(outputs["beside"])["text/plain"]
    assert re.findall(r"^\d +(\d+)$", text, re.MULTILINE) == ["3", "4", "5"]
    assert "Name: plus_two, dtype: int64" in text


def test_errors_have_the_lines_of_cells(outputs: dict[str, list[Any]]) -> None:
    raised, died = error(outputs["raises"]), error(outputs["dies"])
    assert re.search(r'line 2, in fails\n    return x / "the line that fails"\n', raised)
    assert "was ended by signal 11 (SIGSEGV)" in died
    assert "in string_at" in died
    assert "line 4 in dies" in died
    assert "about to look there" in streams(outputs["dies"], "stderr")
    # The cell's own frame, and none of the package's.
    for text in (raised, died):
        assert "----> " in text
        assert "udfrunner/_" not in text


def test_numbers_are_a_table(outputs: dict[str, list[Any]]) -> None:
    data = shown(outputs["metrics"])
    assert "<th style='text-align:left'>output_rows</th>" in data["text/html"]
    assert "'output_rows': 3" in data["text/plain"]


def test_texts_are_short(outputs: dict[str, list[Any]]) -> None:
    text = shown(outputs["texts"])["text/plain"]
    assert "<Runner scalar-pandas: talks>" in text
    assert "<closed BatchIterator, partition 0 of scalar-pandas: talks>" in text
    assert "<Env, workers:" in text


def test_progress_has_lines(outputs: dict[str, list[Any]]) -> None:
    assert streams(outputs["progress"], "stderr") == "ones: 3 of 3 rows\n"
