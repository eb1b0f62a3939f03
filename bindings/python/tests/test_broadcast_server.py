"""Broadcast variables whose values the host's server hands out (Spark's decryption server)."""

from __future__ import annotations

import pickle
from pathlib import Path

import pyarrow as pa
import pytest
from conftest import TESTS, interpreter
from servers import SECRET, BroadcastValues, serve

import udfrunner
from udfrunner import BroadcastServer, Env, EvalType, Runner

#: Those whose test environments have the full PySpark: pyspark-client has no broadcasts.
FULL = ["3.5", "4.3"]
VALUES: dict[int, object] = {5: {"factor": 3}, 9: list(range(100_000))}
TABLE = pa.table({"a": [1, 2]})


@pytest.fixture(scope="module", params=FULL)
def full(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def full_env(full: str, leaks: None):
    with Env({"spark.pyspark.python": str(interpreter(full))}) as env:
        yield env


def products(
    env: Env,
    broadcasts: dict[int, Path | None],
    server: BroadcastServer | None,
) -> list[int]:
    runner = Runner(
        EvalType.SCALAR_PANDAS,
        [["group_functions:times_broadcasts"]],
        [[0]],
        "long",
        env=env,
        includes=[TESTS],
        broadcasts=broadcasts,
        broadcast_server=server,
    )
    with runner, runner.compute(TABLE, deadline=30) as out:
        found: list[int] = out.read_all()["_0"].to_pylist()
        return found


def test_over_tcp(full_env: Env) -> None:
    with serve(BroadcastValues(VALUES)) as server:
        address = BroadcastServer(server.port, SECRET)
        assert products(full_env, dict.fromkeys(VALUES), address) == [300_000, 600_000]
    assert server.connections == 1


def test_over_a_unix_socket(full_env: Env, full: str, tmp_path: Path) -> None:
    path = tmp_path / "broadcasts"
    with serve(BroadcastValues(VALUES), path):
        if full == "3.5":
            with pytest.raises(udfrunner.NotSupported, match=r"\b3\.5\b"):
                products(full_env, dict.fromkeys(VALUES), BroadcastServer(path))
            return
        assert products(full_env, dict.fromkeys(VALUES), BroadcastServer(path)) == [
            300_000,
            600_000,
        ]


def test_files(full_env: Env, tmp_path: Path) -> None:
    files = {}
    for identifier, value in VALUES.items():
        files[identifier] = tmp_path / str(identifier)
        files[identifier].write_bytes(pickle.dumps(value))
    assert products(full_env, dict(files), None) == [300_000, 600_000]


def test_file_and_server_mixed(shared_env: Env, tmp_path: Path) -> None:
    file = tmp_path / "5"
    file.write_bytes(pickle.dumps(1))
    with pytest.raises(udfrunner.InvalidArgument, match="broadcast"):
        products(shared_env, {5: file, 9: None}, BroadcastServer(1, SECRET))


def test_without_server(shared_env: Env) -> None:
    with pytest.raises(udfrunner.InvalidArgument, match="broadcast"):
        products(shared_env, {5: None}, None)


def test_secret_is_not_shown() -> None:
    assert SECRET not in repr(BroadcastServer(1, SECRET))
