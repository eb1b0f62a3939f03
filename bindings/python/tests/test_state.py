"""Stateful functions: what Spark's writers send and its state server answers, made here."""

from __future__ import annotations

import json
import pickle
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import group_functions as g
import pyarrow as pa
import pytest
from conftest import TESTS, is_older
from pyspark.sql import types as t
from pyspark.sql.streaming.stateful_processor import StatefulProcessor
from servers import StateServer, serve_raw

import udfrunner
from udfrunner import Env, EvalType, Runner

LONG_STRUCT = t.StructType([t.StructField("total", t.LongType())])
KEY_STRUCT = t.StructType([t.StructField("k", t.StringType())])

# ------------------------------------------------------- applyInPandasWithState

#: Columns k and v, and where the arguments are: the key is column 0, the values are both.
WITH_STATE_ARGUMENTS = [4, 1, 0, 0, 1]


def state_rows(groups: list[tuple[str, int, int | None]]) -> list[dict[str, Any]]:
    """A row of __state for each (key, rows, total so far), as ApplyInPandasWithStateWriter's."""
    rows, start = [], 0
    for key, count, total in groups:
        properties = {
            "batchProcessingTimeMs": 1_700_000_000_000,
            "eventTimeWatermarkMs": 0,
            "timeoutConf": "NoTimeout",
            "hasTimedOut": False,
            "watermarkPresent": False,
            "defined": total is not None,
            "updated": False,
            "removed": False,
            "timeoutTimestamp": -1,
        }
        rows.append(
            {
                "properties": json.dumps(properties),
                "keyRowAsUnsafe": key.encode(),
                "object": None if total is None else pickle.dumps((total,)),
                "startOffset": start,
                "numRows": count,
                "isLastChunk": True,
            }
        )
        start += count
    return rows


STATE_TYPE = pa.struct(
    [
        ("properties", pa.string()),
        ("keyRowAsUnsafe", pa.binary()),
        ("object", pa.binary()),
        ("startOffset", pa.int32()),
        ("numRows", pa.int32()),
        ("isLastChunk", pa.bool_()),
    ]
)


@pytest.mark.parametrize("by_reference", [False, True], ids=["pickled", "reference"])
def test_apply_in_pandas_with_state(version_env: Env, minor: str, by_reference: bool) -> None:
    if not by_reference and minor != "4.2":
        pytest.skip("functions are pickled with this interpreter's PySpark")
    given = "group_functions:totals_with_state" if by_reference else g.totals_with_state
    values = [("a", 1), ("a", 2), ("b", 10), ("c", 5), ("c", 6)]
    states = state_rows([("a", 2, None), ("b", 1, 100), ("c", 2, None)])
    data = pa.table(
        {
            "k": [k for k, _ in values],
            "v": [v for _, v in values],
            "__state": pa.array(states + [None] * 2, STATE_TYPE),
        }
    )
    runner = Runner(
        EvalType.GROUPED_MAP_PANDAS_WITH_STATE,
        [[given]],
        [WITH_STATE_ARGUMENTS],
        "k string, total long",
        env=version_env,
        conf={"udfrunner.eval.state_value_schema": LONG_STRUCT.json()},
        includes=[TESTS],
    )
    with runner, runner.compute(data) as out:
        assert out.schema.names == ["_0", "_1", "_2"]
        rows: list[dict[str, Any]] = []
        updates: list[dict[str, Any]] = []
        for batch in out:
            counts, found, states = (batch.column(i).to_pylist() for i in range(3))
            # As Spark's reader: the first row has the counts, the columns are filled up.
            rows += found[: counts[0]["dataCount"]]
            updates += states[: counts[0]["stateCount"]]
    assert rows == [
        {"k": "a", "total": 3},
        {"k": "b", "total": 110},
        {"k": "c", "total": 11},
    ]
    totals = {each["keyRowAsUnsafe"].decode(): pickle.loads(each["object"]) for each in updates}
    assert {key: tuple(value) for key, value in totals.items()} == {
        "a": (3,),
        "b": (110,),
        "c": (11,),
    }


# ---------------------------------------------------------- transformWithState


class Totals(StatefulProcessor):
    """The running total of v for each key; the first total may be given."""

    def init(self, handle: Any) -> None:
        self._total = handle.getValueState("total", LONG_STRUCT)

    def _add(self, number: int) -> int:
        before = self._total.get()[0] if self._total.exists() else 0
        self._total.update((before + number,))
        return int(before + number)

    def handleInputRows(self, key: Any, rows: Iterator[Any], timers: Any) -> Iterator[Any]:
        import pandas as pd
        from pyspark.sql import Row

        total, is_frame = 0, True
        for each in rows:
            is_frame = isinstance(each, pd.DataFrame)
            total = self._add(int(each.v.sum()) if is_frame else each.v)
        if is_frame:
            yield pd.DataFrame({"k": [key[0]], "total": [total]})
        else:
            yield Row(k=key[0], total=total)

    def handleInitialState(self, key: Any, state: Any, timers: Any) -> None:
        import pandas as pd

        for number in state.v if isinstance(state, pd.DataFrame) else [state.v]:
            self._add(int(number))

    def close(self) -> None:
        pass


class Described(StatefulProcessor):
    """The time that the server says."""

    def init(self, handle: Any) -> None:
        pass

    def handleInputRows(self, key: Any, rows: Iterator[Any], timers: Any) -> Iterator[Any]:
        import pandas as pd

        now = timers.getCurrentProcessingTimeInMs()
        for _ in rows:
            yield pd.DataFrame({"k": [key[0]], "total": [now]})

    def close(self) -> None:
        pass


#: Sorted by key, as Spark's exchange brings it. The key is column 0 and among the values.
ROWS = pa.table({"k": ["a", "a", "b", "c", "c"], "v": [1, 2, 10, 5, 6]})
ARGUMENTS = [4, 1, 0, 0, 1]
EXPECTED = [{"k": "a", "total": 3}, {"k": "b", "total": 10}, {"k": "c", "total": 11}]


def transformed(
    env: Env,
    eval_type: EvalType,
    function: object,
    data: pa.Table,
    arguments: list[int],
    address: object,
    time_mode: str | None = None,
) -> list[dict[str, Any]]:
    runner = Runner(
        eval_type,
        [[function]],
        [arguments],
        "k string, total long",
        env=env,
        conf={
            "udfrunner.eval.state_server_socket_port": address,
            "udfrunner.eval.grouping_key_schema": KEY_STRUCT.json(),
        },
        includes=[TESTS],
        time_mode=time_mode,
    )
    with runner, runner.compute(data.to_reader(max_chunksize=2), deadline=30) as out:
        return out.read_all().to_pylist()


@pytest.mark.parametrize(
    "eval_type", [EvalType.TRANSFORM_WITH_STATE_PANDAS, EvalType.TRANSFORM_WITH_STATE_ROW]
)
def test_transform_with_state(shared_env: Env, eval_type: EvalType) -> None:
    state = StateServer()
    for round_ in (1, 2):
        with serve_raw(state) as port:
            found = transformed(shared_env, eval_type, Totals(), ROWS, ARGUMENTS, port)
        assert found == [{**row, "total": row["total"] * round_} for row in EXPECTED]
    totals = {key: pickle.loads(value) for key, value in state.values.items()}
    assert {key: tuple(value) for key, value in totals.items()} == {
        (("a",), "total"): (6,),
        (("b",), "total"): (20,),
        (("c",), "total"): (22,),
    }


@pytest.mark.parametrize(
    ("eval_type", "since"),
    [
        (EvalType.TRANSFORM_WITH_STATE_PANDAS, "4.0"),
        (EvalType.TRANSFORM_WITH_STATE_ROW, "4.1"),
    ],
)
def test_transform_on_every_version(
    version_env: Env, minor: str, eval_type: EvalType, since: str
) -> None:
    if is_older(minor, since):
        pytest.skip("test_every_version holds what it answers")
    reference = "group_functions:totals_of_keys"
    with serve_raw(StateServer()) as port:
        found = transformed(version_env, eval_type, reference, ROWS, ARGUMENTS, port)
    assert found == EXPECTED


def rows_and_states() -> pa.Table:
    """A batch has either input rows or initial states, the other column is null."""
    both = pa.struct([("k", pa.string()), ("v", pa.int64())])
    inputs = ROWS.to_struct_array().combine_chunks().cast(both)
    initial = pa.array([{"k": "a", "v": 100}], both)
    batches = []
    for start, end, states in ((0, 0, 1), (0, 2, 0), (2, 5, 0)):
        part = inputs.slice(start, end - start)
        rows = max(len(part), states)
        columns = [pa.nulls(rows, both), initial] if states else [part, pa.nulls(rows, both)]
        batches.append(pa.RecordBatch.from_arrays(columns, names=["inputData", "initState"]))
    return pa.Table.from_batches(batches)


@pytest.mark.parametrize(
    "eval_type",
    [
        EvalType.TRANSFORM_WITH_STATE_PANDAS_INIT_STATE,
        EvalType.TRANSFORM_WITH_STATE_ROW_INIT_STATE,
    ],
)
def test_transform_with_initial_state(shared_env: Env, eval_type: EvalType) -> None:
    state = StateServer()
    with serve_raw(state) as port:
        found = transformed(
            shared_env,
            eval_type,
            Totals(),
            rows_and_states(),
            ARGUMENTS * 2,
            port,
        )
    assert found == [{"k": "a", "total": 103}, *EXPECTED[1:]]


@pytest.mark.parametrize(
    ("eval_type", "since"),
    [
        (EvalType.TRANSFORM_WITH_STATE_PANDAS_INIT_STATE, "4.0"),
        (EvalType.TRANSFORM_WITH_STATE_ROW_INIT_STATE, "4.1"),
    ],
)
@pytest.mark.parametrize("one_batch", [True, False])
def test_initial_states_on_every_version(
    version_env: Env, minor: str, eval_type: EvalType, since: str, one_batch: bool
) -> None:
    """Workers before 4.2 want what is in one batch here in batches of uneven columns."""
    if is_older(minor, since):
        pytest.skip("test_every_version holds what it answers")
    reference = "group_functions:totals_of_keys_and_states"
    data = rows_and_states()
    if one_batch:
        data = data.combine_chunks()
    with serve_raw(StateServer()) as port:
        found = transformed(version_env, eval_type, reference, data, ARGUMENTS * 2, port)
    assert found == [{"k": "a", "total": 103}, *EXPECTED[1:]]


def test_over_a_unix_socket(shared_env: Env, tmp_path: Path) -> None:
    path = tmp_path / "state"
    if str(path) != str(path).lower():
        pytest.skip("PySpark 4.2 puts the path in lower case")
    with serve_raw(StateServer(), path) as address:
        found = transformed(
            shared_env,
            EvalType.TRANSFORM_WITH_STATE_ROW,
            Totals(),
            ROWS,
            ARGUMENTS,
            address,
        )
    assert found == EXPECTED


def test_time_mode(shared_env: Env) -> None:
    with serve_raw(StateServer(timestamps=(77, 88))) as port:
        found = transformed(
            shared_env,
            EvalType.TRANSFORM_WITH_STATE_PANDAS,
            Described(),
            ROWS.slice(0, 1),
            ARGUMENTS,
            port,
            time_mode="ProcessingTime",
        )
    assert found == [{"k": "a", "total": 77}]


def test_the_function_around_a_processor(shared_env: Env) -> None:
    """What PySpark makes of a processor is taken as it is."""
    from pyspark.sql.streaming.stateful_processor_util import TransformWithStateInPandasUdfUtils

    function = TransformWithStateInPandasUdfUtils(Totals(), "None").transformWithStateUDF
    with serve_raw(StateServer()) as port:
        found = transformed(
            shared_env, EvalType.TRANSFORM_WITH_STATE_PANDAS, function, ROWS, ARGUMENTS, port
        )
    assert found == EXPECTED


@pytest.mark.parametrize(
    ("eval_type", "time_mode", "text"),
    [
        (EvalType.TRANSFORM_WITH_STATE_ROW, "never", "time_mode 'never': must be 'None', 'Process"),
        (EvalType.GROUPED_MAP_PANDAS, "None", "time_mode 'None' is given"),
    ],
)
def test_bad_time_mode(shared_env: Env, eval_type: EvalType, time_mode: str, text: str) -> None:
    with pytest.raises(udfrunner.InvalidArgument, match=text):
        transformed(shared_env, eval_type, g.pandas_span, ROWS, ARGUMENTS, 1, time_mode)


@pytest.mark.parametrize(
    "eval_type",
    [
        EvalType.GROUPED_MAP_PANDAS_WITH_STATE,
        EvalType.TRANSFORM_WITH_STATE_ROW,
        EvalType.TRANSFORM_WITH_STATE_PANDAS_INIT_STATE,
    ],
)
def test_arguments_are_needed(shared_env: Env, eval_type: EvalType) -> None:
    with pytest.raises(udfrunner.InvalidArgument, match="arg_offsets is needed"):
        Runner(eval_type, [[Totals()]], return_type="k string", env=shared_env)
    with pytest.raises(udfrunner.InvalidArgument, match="the count of what follows"):
        Runner(eval_type, [[g.totals_with_state]], [[7, 1]], "k string", env=shared_env)
