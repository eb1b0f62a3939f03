"""The public functions with arguments that work, for tests that change one of them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pandas as pd
import pyarrow as pa
from conftest import TESTS
from pyspark.sql.functions import pandas_udf, udf, udtf

import udfrunner
from udfrunner import Env, EvalType, Runner, TableFunction, TaskContext

udfrunner.allow_ddl_without_session()

TABLE = pa.table({"price": [1, 2], "name": ["a", "b"]})
TWICE = pa.table([[1], [2]], names=["a", "a"])
PLUS = "functions:arrow_plus_one"


@pandas_udf("long")
def scalar(x: pd.Series) -> pd.Series:
    return x


@pandas_udf("double")
def mean(x: pd.Series) -> float:
    return float(x.mean())


@udtf(returnType="a int")
class Table:
    def eval(self, x: int) -> Iterator[tuple[int]]:
        yield (x,)


class Handler:
    def eval(self, x: int) -> Iterator[tuple[int]]:
        yield (x,)


def plain(x: pd.Series) -> pd.Series:
    return x


def batches(given: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    yield from given


def rows(group: pa.Table) -> pa.Table:
    return group


def both(left: pa.Table, right: pa.Table) -> pa.Table:
    return left


def broken() -> Iterator[pa.RecordBatch]:
    yield TABLE.to_batches()[0]
    raise ValueError("no\nink")


class Uses:
    """The public functions with arguments that work, but for those that are given."""

    def __init__(self, env: Env) -> None:
        self.env = env

    def apply(self, function: Any = scalar, data: Any = TABLE, *columns: Any, **given: Any) -> Any:
        arguments: dict[str, Any] = {"env": self.env, **given}
        return udfrunner.apply(function, data, *(columns or ("price",)), **arguments)

    def map_batches(self, **given: Any) -> Any:
        usual = {"function": batches, "data": TABLE, "schema": TABLE.schema, "env": self.env}
        return udfrunner.map_batches(**{**usual, **given})

    def groups(self, **given: Any) -> Any:
        usual = {"function": rows, "data": TABLE, "by": "price", "schema": TABLE.schema}
        return udfrunner.map_groups(**{**usual, "env": self.env, **given})

    def cogroups(self, **given: Any) -> Any:
        usual = {"function": both, "left": TABLE, "right": TABLE, "by": "price"}
        return udfrunner.map_cogroups(**{**usual, "schema": TABLE.schema, "env": self.env, **given})

    def aggregate(self, *columns: Any, function: Any = mean, by: Any = "name", **given: Any) -> Any:
        arguments: dict[str, Any] = {"env": self.env, **given}
        return udfrunner.aggregate(function, TABLE, by, *(columns or ("price",)), **arguments)

    def runner(self, **given: Any) -> Runner:
        usual: dict[str, Any] = {
            "eval_type": EvalType.SCALAR_ARROW,
            "chains": [[PLUS]],
            "arg_offsets": [[0]],
            "return_type": "long",
            "env": self.env,
            "includes": [TESTS],
        }
        return Runner(**{**usual, **given})

    def compute(self, data: Any = TABLE, **given: Any) -> Any:
        with self.runner() as runner, runner.compute(data, **given) as out:
            return out.read_all()

    def groups_of(self, groups: Any, **given: Any) -> Any:
        runner = Runner(
            EvalType.GROUPED_MAP_ARROW, [[rows]], return_type=TABLE.schema, env=self.env
        )
        with runner, runner.compute_groups(groups, **given) as out:
            return out.read_all()

    def task(self, **context: Any) -> Any:
        return self.compute(context=TaskContext(**context))

    def rows(self, data: Any, method: str = "compute_rows") -> Any:
        runner = Runner(EvalType.BATCHED, [[udf(lambda x: x, "long")]], [[0]], env=self.env)
        with runner, getattr(runner, method)(data) as out:
            return list(out)

    def table_function(self, handler: Any = Handler, **given: Any) -> Any:
        return Runner(
            EvalType.TABLE,
            [[handler]],
            [[0]],
            "a int",
            env=self.env,
            table_function=TableFunction(**given),
        )

    def closed_env(self) -> Env:
        env = Env()
        env.close()
        return env
