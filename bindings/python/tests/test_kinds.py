"""One set of words for kinds, and what is told by decorators and annotations."""

from __future__ import annotations

import functools
from collections.abc import Iterator

import pandas as pd
import pyarrow as pa
import pytest
from click.testing import CliRunner
from pyspark.sql import types as t
from pyspark.sql.functions import PandasUDFType, pandas_udf

import udfrunner
from udfrunner import Env, EvalType, Runner
from udfrunner._evaltype import KINDS
from udfrunner._kinds import kind_of, named_kind, words_of
from udfrunner._run import run_kind
from udfrunner.cli import main

HELPERS = ("apply", "map_batches", "map_groups", "map_cogroups", "aggregate")


class Scaled:
    """A callable object."""

    def __init__(self, by: float) -> None:
        self.by = by

    def __call__(self, x: pd.Series) -> pd.Series:
        return x * self.by


class Named:
    def method(self, x: pa.Array) -> pa.Array:
        return x


class Generic:
    def __call__(self, key: tuple[int], rows: Iterator[pd.DataFrame]) -> Iterator[pd.DataFrame]:
        yield from rows


@pandas_udf(t.DoubleType(), PandasUDFType.SCALAR)
def scaled(x, by=3.0):  # type: ignore[no-untyped-def]
    return x * by


def of_rows(x: int, y: str | None) -> str:
    return f"{x}{y}"


def with_key(key: tuple[int], by: pd.DataFrame, rows: pa.Table) -> pa.Table:
    return rows


def only_result(x) -> pa.Array:  # type: ignore[no-untyped-def]
    return x


def unknown_names(x: Series) -> Series:  # type: ignore[name-defined]  # noqa: F821
    return x


@pytest.mark.parametrize(
    ("function", "helper", "kind"),
    [
        (Scaled(2), "apply", EvalType.SCALAR_PANDAS),
        (functools.partial(scaled, by=2.0), "apply", EvalType.SCALAR_PANDAS),
        (functools.partial(of_rows, y="a"), "apply", EvalType.ARROW_BATCHED),
        (functools.partial(Scaled(2)), "apply", EvalType.SCALAR_PANDAS),
        (Named().method, "apply", EvalType.SCALAR_ARROW),
        (of_rows, "apply", EvalType.ARROW_BATCHED),
        (only_result, "apply", EvalType.SCALAR_ARROW),
        (unknown_names, "apply", EvalType.SCALAR_PANDAS),
        (Generic(), "map_groups", EvalType.GROUPED_MAP_PANDAS_ITER),
        (functools.partial(with_key, (1,)), "map_groups", EvalType.GROUPED_MAP_ARROW),
        (Named().method, "aggregate", EvalType.GROUPED_AGG_ARROW),
    ],
    ids=lambda value: getattr(value, "__name__", type(value).__name__),
)
def test_told_by_the_function(function: object, helper: str, kind: EvalType) -> None:
    from udfrunner._functions import settled

    assert kind_of(settled(function), None, helper) == kind  # type: ignore[arg-type]


def test_callable_objects_and_partials_run(shared_env: Env) -> None:
    table = pa.table({"x": [1.0, 2.0]})
    found = udfrunner.apply(Scaled(2), table, "x", return_type="double", env=shared_env)
    assert found.to_pylist() == [2.0, 4.0]
    # The return type is the decorated function's.
    found = udfrunner.apply(functools.partial(scaled, by=5.0), table, "x", env=shared_env)
    assert found.to_pylist() == [5.0, 10.0]
    runner = Runner("scalar-pandas", [[functools.partial(scaled, by=5.0)]], [[0]], env=shared_env)
    with runner, runner.compute(table) as out:
        assert out.read_all().column(0).to_pylist() == [5.0, 10.0]


def test_row_functions(shared_env: Env) -> None:
    table = pa.table({"x": [1, 2], "y": ["a", None]})
    for function, kind in ((of_rows, None), (lambda x, y: f"{x}{y}", "row")):
        found = udfrunner.apply(
            function, table, "x", "y", kind=kind, return_type="string", env=shared_env
        )
        assert found.to_pylist() == ["1a", "2None"]


def test_each_kind_has_one_word() -> None:
    assert set(KINDS.values()) == set(EvalType)
    for word, kind in KINDS.items():
        assert named_kind(word) == named_kind(word.replace("-", "_")) == named_kind(kind) == kind


@pytest.mark.parametrize("helper", HELPERS)
def test_words_of_a_helper(helper: str) -> None:
    for word in words_of(helper):
        assert kind_of("a:b", word, helper) == KINDS[word]
        assert kind_of("a:b", KINDS[word], helper) == KINDS[word]
    assert kind_of("a:b", "pandas", helper) in KINDS.values()
    with pytest.raises(udfrunner.InvalidArgument, match="did you mean 'pandas'"):
        kind_of("a:b", "panda", helper)
    other = "map-arrow" if helper != "map_batches" else "scalar-arrow"
    with pytest.raises(udfrunner.InvalidArgument, match=r"use (map_batches|apply)"):
        kind_of("a:b", other, helper)


def test_words_of_the_command_line() -> None:
    assert run_kind("pandas", by=False, columns=True) == EvalType.SCALAR_PANDAS
    assert run_kind("pandas", by=False, columns=False) == EvalType.MAP_PANDAS
    assert run_kind("arrow-iter", by=True, columns=False) == EvalType.GROUPED_MAP_ARROW_ITER
    assert run_kind("arrow", by=True, columns=True) == EvalType.GROUPED_AGG_ARROW
    assert run_kind("row", by=False, columns=True) == EvalType.ARROW_BATCHED
    assert run_kind("map_arrow", by=False, columns=True) == EvalType.MAP_ARROW
    with pytest.raises(udfrunner.InvalidArgument, match="run has no input for it"):
        run_kind("table", by=False, columns=False)
    options = ["--input", "a.csv", "--output", "b.csv", "--return-type", "long", "--kind", "pand"]
    done = CliRunner().invoke(main, ["run", "a:b", "--column", "c", *options])
    assert done.exit_code == 2
    assert "no kind 'pand'; did you mean 'pandas'?" in done.output


TABLE = pa.table({"x": [1.0]})


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: udfrunner.apply(scaled, TABLE, "x", worker=2), "mean 'workers'"),
        (lambda: udfrunner.apply(scaled, TABLE, "x", bye="x"), "mean 'by'.* arguments are x, by"),
        (lambda: udfrunner.apply("a:b", TABLE, "x", worker=2), "no option 'worker'.*'workers'"),
        (lambda: udfrunner.aggregate(scaled, TABLE, "x", "x", kin="x"), r"mean 'kind'"),
        (
            lambda: udfrunner.map_batches(scaled, TABLE, "x", worker=2),
            "no option 'worker'.*workers",
        ),
        (lambda: udfrunner.map_groups(scaled, TABLE, "x", "x", deadlin=2), "mean 'deadline'"),
        (lambda: udfrunner.map_cogroups(scaled, TABLE, TABLE, "x", "x", rightby="x"), "right_by"),
        (lambda: Env(log=None), "Env: no option 'log'; did you mean 'logs'"),
        (lambda: Runner(200, [[scaled]], [[0]], brodcasts={}), "did you mean 'broadcasts'"),
        (lambda: Env({"udfrunner.log.fil": "x"}), "did you mean .*udfrunner.log.file"),
    ],
)
def test_unknown_options_name_the_nearest(call, said: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(udfrunner.InvalidArgument, match=said):
        call()
