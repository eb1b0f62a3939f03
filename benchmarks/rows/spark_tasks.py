"""Row F: small tasks of stock Spark, with its own daemon and with the daemon module."""

from __future__ import annotations

from collections.abc import Iterator

from .. import spark
from ..measure import Budget, Row, Target, take_turns

TASKS = 200
_ROUNDS_SHARE = 3  # a round takes some twenty seconds

_UNIX = {"spark.python.unix.domain.socket.enabled": "true"}
_OURS = {"spark.python.daemon.module": "udfrunner.spark_daemon"}
SIDES: dict[str, dict[str, str]] = {
    "stock, TCP": {},
    "stock, Unix socket": _UNIX,
    "ours, TCP": _OURS,
    "ours, Unix socket": {**_OURS, **_UNIX},
    "Spark without a UDF": {spark.NO_UDF: "true"},
}


def measure(budget: Budget) -> Iterator[Row]:
    """One job a sample: tasks of ten rows through a pandas function."""
    tasks = max(2, budget.rows(TASKS))
    with spark.running(SIDES, tasks) as sides:
        (version,) = {side.version for side in sides.values()}
        case = f"pandas x+1, {tasks} tasks of {spark.ROWS} rows, Spark {version} local[2]"
        rounds = max(1, budget.rounds // _ROUNDS_SHARE)
        samples = take_turns({name: side.run for name, side in sides.items()}, rounds)
    yield Row("F", case, "ms", samples, Target("ours, TCP", "stock, TCP", 0.35))
