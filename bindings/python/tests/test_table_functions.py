"""Table functions (UDTF): rows for each row of input, and for the end of it."""

from __future__ import annotations

import datetime
import pickle

import group_functions as g
import pyarrow as pa
import pytest
from conftest import TESTS
from pyspark.sql import types as t
from pyspark.sql.functions import arrow_udtf, udtf
from pyspark.sql.udtf import AnalyzeResult

import udfrunner
from udfrunner import Env, EvalType, Runner, TableFunction

LETTERS = "text string, n long"
WORDS = ["ab", "", None, "c"]

udfrunner.allow_ddl_without_session()


def test_rows(shared_env: Env) -> None:
    runner = Runner(
        EvalType.TABLE, [[g.Letters]], [[0, 1]], LETTERS, env=shared_env, includes=[TESTS]
    )
    with runner, runner.compute_rows([(word, 7) for word in WORDS]) as out:
        found = list(out)
    assert found == [[("a", 7), ("b", 7)], [], [], [("c", 7)], [("calls", 4)]]
    assert found[0][0] == t.Row(text="a", n=7)
    assert found[0][0].text == "a"


def test_rows_without_terminate_and_by_keyword(shared_env: Env) -> None:
    runner = Runner(
        EvalType.TABLE,
        [[g.Repeat]],
        [[(1, "times"), (0, "text")]],
        "text string, n long",
        env=shared_env,
        includes=[TESTS],
    )
    table = pa.table({"a": ["x", "y"], "b": [2, 0]})
    with runner, runner.compute_rows(table) as out:
        assert list(out) == [[("x", 0), ("x", 1)], []]


def test_no_arguments(shared_env: Env) -> None:
    class Today:
        def eval(self):
            yield datetime.date(2026, 11, 22), [datetime.date(2026, 11, 23)]

    runner = Runner(EvalType.TABLE, [[Today]], [[]], "d date, l array<date>", env=shared_env)
    with runner, runner.compute_rows([()]) as out:
        assert list(out) == [[(datetime.date(2026, 11, 22), [datetime.date(2026, 11, 23)])]]


def test_many_rows(shared_env: Env) -> None:
    runner = Runner(
        EvalType.TABLE, [[g.Repeat]], [[0, 1]], LETTERS, env=shared_env, includes=[TESTS]
    )
    with runner, runner.compute_rows((str(i), i % 5) for i in range(2_000)) as out:
        for i, rows in enumerate(out):
            assert rows == [(str(i), n) for n in range(i % 5)]
    assert i == 1_999


def test_arrow_batches(shared_env: Env) -> None:
    """One batch for each row of input, and one for terminate."""
    runner = Runner(
        EvalType.ARROW_TABLE, [[g.Letters]], [[0, 1]], LETTERS, env=shared_env, includes=[TESTS]
    )
    table = pa.table({"text": WORDS, "n": [7] * 4})
    with runner, runner.compute(table) as out:
        assert out.schema.names == ["text", "n"]
        found = [batch.to_pylist() for batch in out]
    assert [[tuple(row.values()) for row in batch] for batch in found] == [
        [("a", 7), ("b", 7)],
        [],
        [],
        [("c", 7)],
        [("calls", 4)],
    ]


def test_arrow_udtf(shared_env: Env) -> None:
    runner = Runner(
        EvalType.ARROW_UDTF, [[g.ArrowLetters]], [[0, 1]], LETTERS, env=shared_env, includes=[TESTS]
    )
    with runner, runner.compute(pa.table({"text": WORDS, "n": [7] * 4})) as out:
        rows = out.read_all().to_pylist()
    assert [tuple(row.values()) for row in rows] == [("a", 7), ("b", 7), ("c", 7)]


def test_arrow_udtf_of_a_table(shared_env: Env) -> None:
    runner = Runner(
        EvalType.ARROW_UDTF,
        [[g.ArrowTotal]],
        [[0]],
        "total long",
        env=shared_env,
        includes=[TESTS],
        table_function=TableFunction(table_arguments=[0]),
    )
    rows = pa.StructArray.from_arrays([pa.array(range(10))], names=["v"])
    data = pa.table({"rows": rows})
    with runner, runner.compute(data.to_reader(max_chunksize=3)) as out:
        assert out.read_all().to_pylist() == [{"total": 45}]


def test_decorated(shared_env: Env) -> None:
    decorated = [
        udtf(g.Letters, returnType=LETTERS, useArrow=False),
        udtf(g.Letters, returnType=LETTERS, useArrow=True),
        arrow_udtf(g.ArrowLetters, returnType=LETTERS),
    ]
    assert [each.evalType for each in decorated] == [300, 301, 302]
    for function in decorated:
        runner = Runner(function.evalType, [[function]], [[0, 1]], env=shared_env, includes=[TESTS])
        table = pa.table({"text": ["ab"], "n": [7]})
        with runner:
            if function.evalType == EvalType.TABLE:
                with runner.compute_rows(table) as out:
                    assert next(out) == [("a", 7), ("b", 7)]
            else:
                with runner.compute(table) as out:
                    assert next(out).to_pydict() == {"text": ["a", "b"], "n": [7, 7]}


class Sum:
    """The sum of v for each partition of its table argument, which comes without that column."""

    def __init__(self) -> None:
        self.key, self.total = None, 0

    def eval(self, row) -> None:
        assert row.__fields__ == ["v", "k"]
        self.key = row["k"]
        self.total += row["v"]

    def terminate(self):
        yield self.key, self.total


def test_partitions_of_a_table_argument(shared_env: Env) -> None:
    row = t.Row("v", "k", "partition")
    rows = [(row(v, k, k),) for v, k in ((1, "a"), (2, "a"), (3, "b"), (4, "c"), (5, "c"))]
    runner = Runner(
        EvalType.TABLE,
        [[Sum]],
        [[0]],
        "k string, total long",
        env=shared_env,
        includes=[TESTS],
        table_function=TableFunction(name="sum", partition_children=[2]),
    )
    with runner, runner.compute_rows(rows) as out:
        found = [each for rows in out for each in rows]
    assert found == [("a", 3), ("b", 3), ("c", 9)]


@pytest.mark.parametrize("as_pickle", [False, True])
def test_analyze(shared_env: Env, as_pickle: bool) -> None:
    """A handler with analyze gets its result, whose schema is the return type."""

    class Analyzed:
        def __init__(self, analyzed):
            self.names = ",".join(field.name for field in analyzed.schema)

        @staticmethod
        def analyze(text):
            raise NotImplementedError

        def eval(self, text):
            yield text, self.names

    schema = t.StructType([t.StructField(n, t.StringType()) for n in ("given", "names")])
    analyzed = AnalyzeResult(schema)
    runner = Runner(
        EvalType.TABLE,
        [[udtf(Analyzed)]],
        [[0]],
        schema if as_pickle else None,
        env=shared_env,
        table_function=TableFunction(
            analyze_result=pickle.dumps(analyzed) if as_pickle else analyzed
        ),
    )
    with runner, runner.compute_rows([("x",)]) as out:
        assert list(out) == [[t.Row(given="x", names="given,names")]]


# -------------------------------------------------------------------------- errors


@pytest.mark.parametrize("eval_type", [EvalType.TABLE, EvalType.ARROW_TABLE, EvalType.ARROW_UDTF])
def test_without_a_schema(shared_env: Env, eval_type: EvalType) -> None:
    with pytest.raises(udfrunner.InvalidArgument, match="return type"):
        Runner(eval_type, [[g.Letters]], [[0]], env=shared_env)
    with pytest.raises(udfrunner.InvalidArgument, match="must be a struct"):
        Runner(eval_type, [[g.Letters]], [[0]], "long", env=shared_env)


def test_no_handler_class(shared_env: Env) -> None:
    with pytest.raises(udfrunner.InvalidArgument, match="a handler class"):
        Runner(EvalType.TABLE, [[lambda x: x]], [[0]], LETTERS, env=shared_env)


def test_two_functions(shared_env: Env) -> None:
    with pytest.raises(udfrunner.InvalidArgument, match="takes one"):
        Runner(EvalType.TABLE, [[g.Letters, g.Letters]], [[0]], LETTERS, env=shared_env)
    with pytest.raises(udfrunner.InvalidArgument, match="chain"):
        Runner(EvalType.TABLE, [[g.Letters], [g.Letters]], [[0], [0]], LETTERS, env=shared_env)


def test_table_function_of_another_type(shared_env: Env) -> None:
    with pytest.raises(udfrunner.InvalidArgument, match="table_function is given"):
        Runner(
            EvalType.BATCHED,
            [[lambda x: x]],
            [[0]],
            "long",
            env=shared_env,
            table_function=TableFunction(),
        )


@pytest.mark.parametrize(
    ("table", "text"),
    [
        (TableFunction(partition_children=[-1]), "-1"),
        (TableFunction(partition_children=["k"]), "partition_children 'k': an integer"),
        (TableFunction(partition_children="0"), "partition_children '0': a list"),
        (TableFunction(table_arguments=[2**31]), "table_arguments 2147483648: an integer"),
        (TableFunction(analyze_result=open), "analyze_result"),
    ],
    ids=["negative", "name", "text", "large", "no pickle"],
)
def test_bad_table_function(shared_env: Env, table: TableFunction, text: str) -> None:
    if table.analyze_result is not None:
        table = TableFunction(analyze_result=(x for x in ()))
    with pytest.raises(udfrunner.InvalidArgument, match=text):
        Runner(EvalType.TABLE, [[g.Letters]], [[0]], LETTERS, env=shared_env, table_function=table)


def test_exception_in_eval_names_the_function(shared_env: Env) -> None:
    class Broken:
        def eval(self, text):
            raise ValueError(f"no good: {text}")

    runner = Runner(EvalType.TABLE, [[Broken]], [[0]], LETTERS, env=shared_env)
    with (
        runner,
        pytest.raises(udfrunner.PythonException, match="no good: x"),
        runner.compute_rows([("x",)]) as out,
    ):
        list(out)


def test_name_in_messages(shared_env: Env) -> None:
    """A wrong number of arguments is told with the function's name."""
    for table, name in ((None, "Letters"), (TableFunction(name="my_letters"), "my_letters")):
        runner = Runner(
            EvalType.TABLE,
            [[g.Letters]],
            [[]],
            LETTERS,
            env=shared_env,
            includes=[TESTS],
            table_function=table,
        )
        with (
            runner,
            pytest.raises(udfrunner.PythonException) as caught,
            runner.compute_rows([("x",)]) as out,
        ):
            list(out)
        assert name in caught.value.traceback
