"""Workers of every supported PySpark, from one host, with functions by reference."""

from __future__ import annotations

import datetime
import decimal
import re
import signal
from collections.abc import Iterator

import pyarrow as pa
import pytest
from conftest import PACKAGE, REPOSITORY, Leaks, interpreter

import udfrunner
from udfrunner import Env, EvalType, Runner, _doctor
from udfrunner._finding import FAILED, FINE
from udfrunner._pyspark import SUPPORTED

TABLE = pa.table({"a": pa.array([1, 2, 3, 4], pa.int64()), "b": [0.5, 1.0, 1.5, 2.0]})
#: The PySpark from which on workers have an eval type, and keyword arguments.
SINCE = {EvalType.SCALAR_ARROW: "4.1", EvalType.SCALAR_ARROW_ITER: "4.1"}
KEYWORDS_SINCE = "4.0"


@pytest.fixture(scope="module", params=SUPPORTED)
def minor(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def shared_env(minor: str, warm: None) -> Iterator[Env]:
    """An env with workers of one PySpark."""
    before = Leaks()
    with Env({"spark.pyspark.python": str(interpreter(minor))}) as env:
        yield env
    before.check()


def is_older(minor: str, other: str) -> bool:
    return SUPPORTED.index(minor) < SUPPORTED.index(other)


def column(env: Env, reference: str, eval_type: EvalType = EvalType.SCALAR_PANDAS) -> list[object]:
    runner = Runner(eval_type, [[reference]], [[0]], "long", env=env)
    with runner, runner.compute(TABLE) as out:
        return out.read_all().column(0).to_pylist()


def test_the_versions_are_the_librarys() -> None:
    ladder = (REPOSITORY / "core" / "pyspark" / "pyspark.go").read_text()
    (names,) = re.findall(r"^var names = .*$", ladder, re.MULTILINE)
    assert tuple(re.findall(r"\"(.+?)\"", names)) == SUPPORTED
    readme = " ".join((PACKAGE / "README.md").read_text().split())
    assert f"{', '.join(SUPPORTED[:-1])} or {SUPPORTED[-1]}" in readme


def test_workers_come_from_a_warm_process(shared_env: Env, minor: str) -> None:
    first = column(shared_env, "functions:process_id")
    assert column(shared_env, "functions:process_id") == first, "the worker is reused"
    (factory,) = shared_env.stats()["factories"]
    assert factory["pyspark"].startswith(f"{minor}.")
    assert (factory["zygote"], factory["zygote_threads"]) == (True, 1)


@pytest.mark.parametrize(
    ("eval_type", "name"),
    [
        (EvalType.ARROW_BATCHED, "plus_one"),
        (EvalType.SCALAR_PANDAS, "pandas_plus_one"),
        (EvalType.SCALAR_PANDAS_ITER, "pandas_iter_plus_one"),
        (EvalType.SCALAR_ARROW, "arrow_plus_one"),
        (EvalType.SCALAR_ARROW_ITER, "arrow_iter_plus_one"),
    ],
    ids=lambda value: getattr(value, "name", None),
)
def test_scalar_types(shared_env: Env, minor: str, eval_type: EvalType, name: str) -> None:
    since = SINCE.get(eval_type, SUPPORTED[0])
    if is_older(minor, since):
        text = f"{eval_type.name}\\) needs PySpark {since}, the worker has {minor}"
        with pytest.raises(udfrunner.NotSupported, match=text):
            column(shared_env, f"functions:{name}", eval_type)
    else:
        assert column(shared_env, f"functions:{name}", eval_type) == [2, 3, 4, 5]


def test_rows(shared_env: Env) -> None:
    runner = Runner(EvalType.BATCHED, [["functions:plus_one"]], [[0]], "long", env=shared_env)
    with runner, runner.compute_rows([(1,), (2,)]) as out:
        assert list(out) == [2, 3]


def test_map_pandas(shared_env: Env) -> None:
    table = udfrunner.map_batches(
        "functions:positive_frames", TABLE, "a long, b double", kind="pandas", env=shared_env
    )
    assert table.to_pydict() == TABLE.to_pydict()


def test_map_arrow_keeps_types(shared_env: Env) -> None:
    data = pa.table(
        {
            "d": pa.array([datetime.date(2026, 11, 22), None]),
            "t": pa.array([datetime.datetime(2026, 11, 22, 1, 2, 3, 4), None]),
            "z": pa.array([decimal.Decimal("12.34"), None], pa.decimal128(10, 2)),
            "l": pa.array([[1, 2], None], pa.list_(pa.int32())),
            "m": pa.array([[("a", 1)], None], pa.map_(pa.string(), pa.int64())),
            "s": pa.array([{"x": b"\0", "y": True}, None]),
        }
    )
    table = udfrunner.map_batches(
        "functions:identity_batches",
        data,
        "d date, t timestamp_ntz, z decimal(10,2), l array<int>, m map<string,long>, "
        "s struct<x: binary, y: boolean>",
        kind="arrow",
        env=shared_env,
    )
    assert table.to_pylist() == data.to_pylist()


def test_several_chains(shared_env: Env) -> None:
    runner = Runner(
        EvalType.SCALAR_PANDAS,
        [["functions:plus_one", "functions:pandas_plus_one"], ["functions:plus_one"]],
        [[0], [1]],
        ["long", "double"],
        env=shared_env,
    )
    with runner, runner.compute(TABLE) as out:
        assert out.read_all().to_pydict() == {"_0": [3, 4, 5, 6], "_1": [1.5, 2.0, 2.5, 3.0]}


@pytest.mark.parametrize("eval_type", [EvalType.SCALAR_PANDAS, EvalType.ARROW_BATCHED])
def test_keyword_arguments(shared_env: Env, minor: str, eval_type: EvalType) -> None:
    runner = Runner(
        eval_type, [["functions:linear"]], [[0, (1, "scale")]], "double", env=shared_env
    )
    if is_older(minor, KEYWORDS_SINCE):
        with (
            pytest.raises(udfrunner.NotSupported, match=f'"scale".* of PySpark {minor}'),
            runner.compute(TABLE) as out,
        ):
            out.read_all()
    else:
        with runner, runner.compute(TABLE) as out:
            assert out.read_all()["_0"].to_pylist() == [0.5, 2.0, 4.5, 8.0]


@pytest.mark.parametrize(
    ("name", "kind", "return_type", "expected"),
    [
        ("plus_one", "batched", "long", [2, 3, 4, 5]),
        ("plus_one", "arrow-batched", "long", [2, 3, 4, 5]),
        ("pair", "batched", "n long, text string", [{"n": n, "text": str(n)} for n in range(1, 5)]),
    ],
)
def test_decorated_functions(
    shared_env: Env, name: str, kind: str, return_type: str, expected: list[object]
) -> None:
    found = udfrunner.apply(
        f"decorated:{name}", TABLE, "a", kind=kind, return_type=return_type, env=shared_env
    )
    assert found.to_pylist() == expected


def test_task_context(shared_env: Env) -> None:
    runner = Runner(
        EvalType.BATCHED, [["functions:task_identity"]], [[0]], "string", env=shared_env
    )
    context = udfrunner.TaskContext(
        attempt=1,
        stage=2,
        task_attempt_id=2**40,
        properties={"color": "grün"},
        resources={"gpu": ["0", "1"]},
    )
    with runner, runner.compute_rows([(1,)], partition=5, context=context) as out:
        assert list(out) == [f"5,1,2,{2**40},grün,['0', '1']"]


# ------------------------------------------------------------------- failures


def test_exception(shared_env: Env) -> None:
    with pytest.raises(udfrunner.PythonException, match="no good: 4") as caught:
        column(shared_env, "functions:fail")
    assert "functions.py" in caught.value.traceback
    assert column(shared_env, "functions:pandas_plus_one") == [2, 3, 4, 5]


@pytest.mark.parametrize(
    ("name", "status", "number"),
    [
        ("exit_three", 3, None),
        ("kill_self", None, signal.SIGKILL),
        ("segfault", None, signal.SIGSEGV),
    ],
)
def test_death(shared_env: Env, name: str, status: int | None, number: int | None) -> None:
    with pytest.raises(udfrunner.WorkerExited) as caught:
        column(shared_env, f"functions:{name}")
    error = caught.value
    assert (error.exit_status, error.signal) == (status, number)
    assert ("last words" in error.stderr_tail) is (name == "exit_three")
    assert ("in segfault" in error.python_stack) is (name == "segfault")
    assert column(shared_env, "functions:pandas_plus_one") == [2, 3, 4, 5]


def test_deadline(shared_env: Env) -> None:
    runner = Runner(EvalType.SCALAR_PANDAS, [["functions:sleep"]], [[0]], "long", env=shared_env)
    with (
        runner,
        pytest.raises(udfrunner.DeadlineExceeded),
        runner.compute(TABLE, deadline=0.3) as out,
    ):
        out.read_all()
    assert column(shared_env, "functions:pandas_plus_one") == [2, 3, 4, 5]


@pytest.mark.parametrize(
    ("reference", "text"),
    [
        ("no_such_module:f", "no_such_module"),
        ("functions:not_callable", "not_callable"),
        ("decorated_badly:plus_one", "return type 'lnog': at character 1: unknown type \"lnog\""),
    ],
)
def test_reference_to_nothing(shared_env: Env, reference: str, text: str) -> None:
    with pytest.raises(udfrunner.PythonException, match=text):
        column(shared_env, reference)


def test_result_of_the_wrong_length(shared_env: Env) -> None:
    with pytest.raises(udfrunner.PythonException, match=r"\b[14]\b.*\b[14]\b"):
        column(shared_env, "functions:first_only")


# -------------------------------------------------------------------- doctor


@pytest.mark.parametrize(
    ("version", "ok"),
    [("pyspark-client 4.0.4", True), ("pyspark 3.4.1", False), ("missing", False)],
)
def test_doctor_names_the_versions(version: str, ok: bool) -> None:
    finding = _doctor._pyspark_finding(version)
    assert finding.value == f"{version} (supported are 3.5, 4.0, 4.1, 4.2, 4.3)"
    assert finding.judgement == (FINE if ok else FAILED)
