"""Wrong uses of every public function: each is one line of the package's own error, in time."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest
from uses import TABLE, TWICE, Handler, Table, Uses, broken, mean, plain, rows, scalar

import udfrunner
from udfrunner import (
    Barrier,
    BroadcastServer,
    Env,
    EvalType,
    HostError,
    InvalidArgument,
    InvalidState,
    NotSupported,
)

#: Bytes of a message that can still be read.
MESSAGE_LIMIT = 500
Use = Callable[[Uses], Any]
COLUMNS = "columns are price, name"
PIRCE = f"no column 'pirce'; did you mean 'price'? {COLUMNS}"
NUMBER = "a positive integer is needed, not"

WRONG: dict[str, tuple[Use, type[udfrunner.Error], str]] = {
    # ------------------------------------------------ what kind of function
    "apply of a table function": (
        lambda u: u.apply(Table),
        InvalidArgument,
        "function Table is a table function (eval type 300): use Runner",
    ),
    "apply of a handler class": (
        lambda u: u.apply(Handler, kind="batched", return_type="long"),
        InvalidArgument,
        "function Handler is the handler class of a table function",
    ),
    "apply of an aggregate": (
        lambda u: u.apply(mean),
        InvalidArgument,
        "function mean is an aggregate (eval type 202): use aggregate; apply takes",
    ),
    "apply of a map": (
        lambda u: u.apply("a:b", kind="map-arrow", return_type="long"),
        InvalidArgument,
        "(eval type 207): use map_batches",
    ),
    "apply of a grouped map": (
        lambda u: u.apply("a:b", kind="grouped-map-pandas", return_type="long"),
        InvalidArgument,
        "(eval type 201): use map_groups",
    ),
    "apply of windows": (
        lambda u: u.apply("a:b", kind=EvalType.WINDOW_AGG_PANDAS, return_type="long"),
        InvalidArgument,
        "an aggregate over windows (eval type 203): use Runner",
    ),
    "map_batches of a scalar": (
        lambda u: u.map_batches(function=scalar),
        InvalidArgument,
        "function scalar is a function of columns (eval type 200): use apply",
    ),
    "map_groups of an aggregate": (
        lambda u: u.groups(function=mean),
        InvalidArgument,
        "use aggregate; map_groups takes a function of a group's rows",
    ),
    "map_groups of cogroups": (
        lambda u: u.groups(function="a:b", kind=EvalType.COGROUPED_MAP_ARROW),
        InvalidArgument,
        "(eval type 210): use map_cogroups",
    ),
    "map_cogroups of a scalar": (
        lambda u: u.cogroups(function=scalar),
        InvalidArgument,
        "use apply; map_cogroups takes a function of two groups' rows",
    ),
    "aggregate of a scalar": (
        lambda u: u.aggregate(function=scalar),
        InvalidArgument,
        "(eval type 200): use apply; aggregate takes an aggregate",
    ),
    "aggregate of a grouped map": (
        lambda u: u.aggregate(function=rows, kind="grouped-map-arrow"),
        InvalidArgument,
        "(eval type 209): use map_groups",
    ),
    "no function": (lambda u: u.apply(None), InvalidArgument, "function None: must be a callable"),
    "function of a number": (
        lambda u: u.groups(function=5, kind="arrow"),
        InvalidArgument,
        "function 5: must be a callable, pickled bytes or 'module:qualname'",
    ),
    "reference without a colon": (
        lambda u: u.apply("functions.plus", kind="batched", return_type="long"),
        InvalidArgument,
        "function 'functions.plus': 'module:qualname' is needed",
    ),
    # ------------------------------------------------ kinds
    "kind with a slip": (
        lambda u: u.apply("a:b", kind="scalar-panda", return_type="long"),
        InvalidArgument,
        "no kind 'scalar-panda'; did you mean 'scalar-pandas'? kinds are pandas,",
    ),
    "kind of no eval type": (
        lambda u: u.apply("a:b", kind=7, return_type="long"),
        InvalidArgument,
        "kind 7: not an eval type of PySpark",
    ),
    "kind of a truth": (
        lambda u: u.apply("a:b", kind=True, return_type="long"),
        InvalidArgument,
        "kind True: not an eval type of PySpark",
    ),
    "kind of groups with a slip": (
        lambda u: u.groups(function="a:b", kind="arow"),
        InvalidArgument,
        "no kind 'arow'; did you mean 'arrow'? kinds are pandas, pandas-iter, arrow, arrow-iter",
    ),
    "kind of cogroups": (
        lambda u: u.cogroups(kind="arrow-iter"),
        InvalidArgument,
        "did you mean 'arrow'? kinds are pandas, arrow",
    ),
    "no kind": (
        lambda u: u.map_batches(function=lambda given: given),
        InvalidArgument,
        "kind= is needed, one of pandas, arrow",
    ),
    # ------------------------------------------------ columns
    "apply of a missing column": (
        lambda u: u.apply(scalar, TABLE, "pirce"),
        InvalidArgument,
        PIRCE,
    ),
    "apply of a missing keyword's": (
        lambda u: udfrunner.apply(scalar, TABLE, x="pirce", env=u.env),
        InvalidArgument,
        PIRCE,
    ),
    "apply of a keyword with two columns": (
        lambda u: udfrunner.apply(scalar, TABLE, keywords={"x": "price"}, x="price", env=u.env),
        InvalidArgument,
        "keyword argument 'x' has two columns: 'price' in keywords= and 'price'",
    ),
    "apply of keywords that are a list": (
        lambda u: udfrunner.apply(scalar, TABLE, keywords=["x"], env=u.env),
        InvalidArgument,
        "keywords ['x']: a dict of keys and values is needed, not list",
    ),
    "apply of a number for a column": (
        lambda u: u.apply(scalar, TABLE, 0),
        InvalidArgument,
        "column 0: a name is needed, not int",
    ),
    "apply of a list of columns": (
        lambda u: u.apply(scalar, TABLE, ["price"]),
        InvalidArgument,
        "column ['price']: a name is needed, not list",
    ),
    "apply of a name that two have": (
        lambda u: u.apply(scalar, TWICE, "a"),
        InvalidArgument,
        "column 'a': there are 2 of that name; columns are a, a",
    ),
    "apply of no columns": (
        lambda u: udfrunner.apply(scalar, pa.table({}), env=u.env),
        InvalidArgument,
        "data has no columns",
    ),
    "key that is missing": (lambda u: u.groups(by="pirce"), InvalidArgument, f"by: {PIRCE}"),
    "key of a number": (lambda u: u.groups(by=0), InvalidArgument, "by 0: a column's name or"),
    "key of numbers": (
        lambda u: u.groups(by=[0]),
        InvalidArgument,
        "by [0]: a column's name is needed, not int 0",
    ),
    "key of nothing": (lambda u: u.groups(by=None), InvalidArgument, "by None: a column's name"),
    "key of a dict": (lambda u: u.groups(by={"price": 1}), InvalidArgument, "not dict"),
    "key twice": (
        lambda u: u.groups(by=["price", "price"]),
        InvalidArgument,
        "by ['price', 'price']: a column may be named only once",
    ),
    "key that two columns are": (
        lambda u: u.groups(data=TWICE, by="a"),
        InvalidArgument,
        "by: column 'a': there are 2 of that name",
    ),
    "right key that is missing": (
        lambda u: u.cogroups(right=pa.table({"prize": [1]})),
        InvalidArgument,
        "right: no column 'price'; did you mean 'prize'? columns are prize",
    ),
    "keys of unlike number": (
        lambda u: u.cogroups(right_by=["price", "name"]),
        InvalidArgument,
        "by has 1 columns, right_by 2: the counts must be equal",
    ),
    "keys of unlike types": (
        lambda u: u.cogroups(right=pa.table({"price": ["x"]})),
        InvalidArgument,
        "price int64 on the left and price string on the right",
    ),
    "aggregate of a missing column": (lambda u: u.aggregate("pirce"), InvalidArgument, PIRCE),
    "aggregate of a number for a column": (
        lambda u: udfrunner.aggregate(mean, TABLE, "name", x=5, env=u.env),  # type: ignore[arg-type]
        InvalidArgument,
        "column 5: a name is needed, not int",
    ),
    "aggregate with a key's name": (
        lambda u: u.aggregate(name="name"),
        InvalidArgument,
        "name 'name': a key column has it",
    ),
    "aggregate with a number for a name": (
        lambda u: u.aggregate(name=5),
        InvalidArgument,
        "name 5: text is needed, not int",
    ),
    # ------------------------------------------------ data
    "data of a number": (
        lambda u: u.apply(scalar, 5),
        InvalidArgument,
        "input of type int: Arrow data is needed",
    ),
    "data of a dict": (
        lambda u: u.groups(data={"price": [1]}),
        InvalidArgument,
        "input of type dict",
    ),
    "data of rows": (
        lambda u: u.apply(scalar, [(1,)]),
        InvalidArgument,
        "batch 0 of the input is a tuple: pyarrow.RecordBatch is needed",
    ),
    "data of nothing": (lambda u: u.apply(scalar, []), InvalidArgument, "without batches"),
    "data that raises, in apply": (
        lambda u: u.apply(scalar, broken()),
        HostError,
        "input failed: ValueError: no ink",
    ),
    "data that raises, in map_batches": (
        lambda u: u.map_batches(data=broken()),
        HostError,
        "input failed: ValueError: no ink",
    ),
    "data that raises, in two workers": (
        lambda u: u.map_batches(data=broken(), workers=2),
        HostError,
        "input failed: ValueError: no ink",
    ),
    "data that raises, in map_groups": (
        lambda u: u.groups(data=broken()),
        HostError,
        "input failed: ValueError: no ink",
    ),
    "data that raises, in compute": (
        lambda u: u.compute(broken()),
        HostError,
        "input failed: ValueError: no ink",
    ),
    "frame of mixed values": (
        lambda u: u.apply(scalar, pd.DataFrame({"price": [1, "x", object()]})),
        InvalidArgument,
        "input DataFrame: Could not convert 'x'",
    ),
    "frame of a name twice": (
        lambda u: u.apply(scalar, pd.DataFrame([[1, 2]], columns=["a", "a"])),
        InvalidArgument,
        "Duplicate column names found: ['a', 'a']",
    ),
    "file that is missing": (
        lambda u: u.map_batches(data="/no/such.parquet"),
        InvalidArgument,
        "file /no/such.parquet: no such file",
    ),
    "file of an unknown kind": (
        lambda u: u.map_batches(data="/no/such.xlsx"),
        InvalidArgument,
        "file /no/such.xlsx: a name that ends in one of .parquet",
    ),
    # ------------------------------------------------ counts and the like
    "workers of text": (lambda u: u.apply(workers="2"), InvalidArgument, f"workers '2': {NUMBER}"),
    "workers of half a number": (
        lambda u: u.groups(workers=2.0),
        InvalidArgument,
        f"workers 2.0: {NUMBER} float",
    ),
    "workers of a truth": (
        lambda u: u.aggregate(workers=True),
        InvalidArgument,
        f"workers True: {NUMBER} bool",
    ),
    "no workers": (lambda u: u.cogroups(workers=None), InvalidArgument, f"workers None: {NUMBER}"),
    "batches of no rows": (lambda u: u.apply(batch_size=0), InvalidArgument, "batch_size 0: a pos"),
    "partitions of text": (
        lambda u: u.map_batches(partition_rows="5"),
        InvalidArgument,
        f"partition_rows '5': {NUMBER} str",
    ),
    "progress of text": (
        lambda u: u.groups(progress="yes"),
        InvalidArgument,
        "progress 'yes': True",
    ),
    "env of a dict": (
        lambda u: u.apply(env={}),
        InvalidArgument,
        "env {}: udfrunner.Env is needed",
    ),
    "conf of a list": (
        lambda u: u.groups(conf=["a"]),
        InvalidArgument,
        "conf ['a']: a dict of keys",
    ),
    "conf of numbers": (
        lambda u: u.apply(conf={1: 2}),
        InvalidArgument,
        "conf key 1: text is needed",
    ),
    "conf of no size": (
        lambda u: u.apply(conf={"spark.buffer.size": None}),
        InvalidArgument,
        'key spark.buffer.size: value "None" is not allowed',
    ),
    "includes of text": (
        lambda u: u.apply(includes="/tmp"),
        InvalidArgument,
        "includes '/tmp': a list of paths is needed, not str",
    ),
    "includes of numbers": (
        lambda u: u.aggregate(includes=[5]),
        InvalidArgument,
        "includes 5: a path is needed, not int",
    ),
    # ------------------------------------------------ return types
    "return type of no type": (
        lambda u: u.apply(plain, return_type="lnog"),
        InvalidArgument,
        "return type 'lnog'",
    ),
    "return type of a class": (
        lambda u: u.apply(plain, return_type=int),
        InvalidArgument,
        "return type <class 'int'>: must be a DDL or JSON text",
    ),
    "no return type": (lambda u: u.apply(plain), InvalidArgument, "no return type"),
    "schema of one type": (
        lambda u: u.map_batches(schema="long"),
        InvalidArgument,
        "must be a struct",
    ),
    "no schema": (lambda u: u.groups(schema=None), InvalidArgument, "no return type"),
    # ------------------------------------------------ Runner
    "eval type of text": (
        lambda u: u.runner(eval_type="scalar"),
        InvalidArgument,
        "no kind 'scalar'; did you mean 'scalar-arrow'? kinds are",
    ),
    "eval type of half a number": (
        lambda u: u.runner(eval_type=250.5),
        InvalidArgument,
        "eval type 250.5: int is needed, not float",
    ),
    "no chains": (lambda u: u.runner(chains=None), InvalidArgument, "chains None: a list of lists"),
    "flat chains": (lambda u: u.runner(chains=[plain]), InvalidArgument, "a list of functions is"),
    "flat offsets": (
        lambda u: u.runner(arg_offsets=[0]),
        InvalidArgument,
        "arg_offsets 0 of a chain: a list is needed",
    ),
    "offsets of a number": (
        lambda u: u.runner(arg_offsets=0),
        InvalidArgument,
        "arg_offsets 0: a list for each chain is needed",
    ),
    "offset of text": (lambda u: u.runner(arg_offsets=[["a"]]), InvalidArgument, "argument 'a':"),
    "offset below zero": (lambda u: u.runner(arg_offsets=[[-1]]), InvalidArgument, "offset -1"),
    "runner's env of text": (
        lambda u: u.runner(env="x"),
        InvalidArgument,
        "env 'x': udfrunner.Env",
    ),
    "runner of a closed env": (
        lambda u: u.runner(env=u.closed_env()),
        InvalidState,
        "env is closed",
    ),
    "broadcasts of a list": (
        lambda u: u.runner(broadcasts=["/x"]),
        InvalidArgument,
        "broadcasts ['/x']: a dict of ids and files is needed",
    ),
    "broadcast of a number": (
        lambda u: u.runner(broadcasts={1: 5}),
        InvalidArgument,
        "broadcast 1 5",
    ),
    "broadcast server of text": (
        lambda u: u.runner(broadcast_server="x"),
        InvalidArgument,
        "broadcast_server 'x': udfrunner.BroadcastServer is needed, not str",
    ),
    "broadcast server at half a number": (
        lambda u: u.runner(broadcast_server=BroadcastServer(1.5)),  # type: ignore[arg-type]
        InvalidArgument,
        "address of broadcast_server 1.5",
    ),
    "table function of text": (
        lambda u: u.runner(table_function="x"),
        InvalidArgument,
        "table_function 'x': udfrunner.TableFunction is needed",
    ),
    "table function's name of a number": (
        lambda u: u.table_function(name=5),
        InvalidArgument,
        "name of a table function 5: str is needed",
    ),
    "table function's children of text": (
        lambda u: u.table_function(partition_children=["a"]),
        InvalidArgument,
        "partition_children 'a': an integer of 32 bits",
    ),
    "time mode of a number": (
        lambda u: u.runner(eval_type=EvalType.TRANSFORM_WITH_STATE_PANDAS, time_mode=5),
        InvalidArgument,
        "time_mode 5: str is needed",
    ),
    "cancel for a number": (
        lambda u: u.runner().cancel(5),  # type: ignore[arg-type]
        InvalidArgument,
        "reason 5: str is needed",
    ),
    # ------------------------------------------------ tasks
    "keys of text": (lambda u: u.compute(keys="1"), InvalidArgument, "keys '1': an integer of 32"),
    "partition of half a number": (
        lambda u: u.compute(partition=1.0),
        InvalidArgument,
        "partition 1.0: an integer of 32 bits",
    ),
    "deadline of text": (
        lambda u: u.compute(deadline="1s"),
        InvalidArgument,
        "deadline '1s': a number of seconds or a timedelta is needed, not str",
    ),
    "deadline before now": (
        lambda u: u.compute(deadline=-1),
        InvalidArgument,
        "deadline -1: a pos",
    ),
    "schema of text": (
        lambda u: u.compute(TABLE.to_batches(), schema="a long"),
        InvalidArgument,
        "schema 'a long': a pyarrow.Schema is needed, not str",
    ),
    "context of a dict": (
        lambda u: u.compute(context={"partition": 1}),
        InvalidArgument,
        "udfrunner.TaskContext is needed, not dict",
    ),
    "stage of text": (lambda u: u.task(stage="x"), InvalidArgument, "stage 'x': an integer of 32"),
    "properties of a list": (
        lambda u: u.task(properties=["x"]),
        InvalidArgument,
        "properties ['x']",
    ),
    "resources of text": (
        lambda u: u.task(resources={"gpu": "0"}),
        InvalidArgument,
        "addresses of resource 'gpu' of type str: an iterable of text is needed",
    ),
    "resource of a number": (
        lambda u: u.task(resources={"gpu": [0]}),
        InvalidArgument,
        "address of resource 'gpu' 0: str is needed, not int",
    ),
    "barrier of text": (
        lambda u: u.task(barrier="x"),
        InvalidArgument,
        "udfrunner.Barrier is needed",
    ),
    "barrier's secret of a number": (
        lambda u: u.task(barrier=Barrier(secret=5)),  # type: ignore[arg-type]
        InvalidArgument,
        "barrier secret 5: str is needed",
    ),
    "rows for an Arrow function": (
        lambda u: u.runner().compute_rows([(1,)]),
        NotSupported,
        "use compute instead of compute_rows",
    ),
    "Arrow data for a row function": (
        lambda u: u.rows(TABLE, "compute"),
        NotSupported,
        "use compute_rows instead of compute",
    ),
    "rows of a number": (lambda u: u.rows(5), InvalidArgument, "rows of type int: an iterable of"),
    "rows of text": (lambda u: u.rows("abc"), InvalidArgument, "rows of type str: an iterable of"),
    "records of a number": (
        lambda u: u.rows(5, "compute_records"),
        InvalidArgument,
        "records of type int: an iterable of bytes",
    ),
    "groups of a number": (lambda u: u.groups_of(5), InvalidArgument, "groups of type int"),
    # ------------------------------------------------ Env and the rest
    "env's conf of a list": (lambda u: Env(["a"]), InvalidArgument, "conf ['a']"),  # type: ignore[arg-type]
    "env's conf of numbers": (lambda u: Env({1: 2}), InvalidArgument, "conf key 1"),  # type: ignore[dict-item]
    "env's conf with a slip": (
        lambda u: Env({"udfrunner.zygot.enabled": True}),
        InvalidArgument,
        "did you mean udfrunner.zygote.enabled?",
    ),
    "log for a text": (
        lambda u: u.env.read_log("x"),  # type: ignore[arg-type]
        InvalidArgument,
        "timeout 'x': a number of",
    ),
    "log before now": (lambda u: u.env.read_log(-1), InvalidArgument, "timeout -1"),
    "counters of a closed env": (lambda u: u.closed_env().stats(), InvalidState, "env is closed"),
    "shutdown for a text": (
        lambda u: udfrunner.shutdown("x"),  # type: ignore[arg-type]
        InvalidArgument,
        "timeout 'x': a number of seconds",
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_use(shared_env: Env, name: str) -> None:
    use, kind, part = WRONG[name]
    with pytest.raises(udfrunner.Error) as caught:
        use(Uses(shared_env))
    error = caught.value
    assert type(error) is kind
    assert part in error.message
    assert "\n" not in error.message
    assert str(os.path.sep + "udfrunner" + os.path.sep) not in error.message, (
        "no file of the package's"
    )
    assert len(error.message) < MESSAGE_LIMIT


def test_what_the_wrong_uses_do_right(shared_env: Env) -> None:
    """The same calls with nothing wrong work."""
    uses = Uses(shared_env)
    assert uses.apply().to_pylist() == [1, 2]
    assert uses.map_batches() == TABLE
    assert uses.groups() == TABLE
    assert uses.cogroups() == TABLE
    assert uses.aggregate()["mean"].to_pylist() == [1.0, 2.0]
    assert uses.compute().num_rows == 2
    assert uses.task(stage=1).num_rows == 2
    assert uses.rows([(1,)]) == [1]
    uses.table_function().close()
