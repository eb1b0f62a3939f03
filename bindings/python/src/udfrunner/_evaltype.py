"""Eval types: which protocol a PySpark function speaks (PySpark's ``PythonEvalType``)."""

from __future__ import annotations

import enum


class EvalType(enum.IntEnum):
    """PySpark's ``PythonEvalType``, all of it, with short names as aliases.

    A worker whose PySpark lacks a type ends the task with :class:`udfrunner.NotSupported`, which
    names the type and both versions.
    """

    # generated: eval types
    #: RDD functions (``mapPartitionsWithIndex``): f(partition index, iterator) to iterator.
    NON_UDF = 0

    #: ``udf``: a Python value from Python values, rows pickled.
    SQL_BATCHED_UDF = 100
    #: ``udf(useArrow=True)``: the same, rows as Arrow.
    SQL_ARROW_BATCHED_UDF = 101

    #: ``pandas_udf``: a Series from Series.
    SQL_SCALAR_PANDAS_UDF = 200
    #: ``groupBy(...).applyInPandas``: ([key,] DataFrame) to DataFrame for each group.
    SQL_GROUPED_MAP_PANDAS_UDF = 201
    #: ``pandas_udf`` in ``groupBy(...).agg``: a scalar from Series.
    SQL_GROUPED_AGG_PANDAS_UDF = 202
    #: Such an aggregate over a window.
    SQL_WINDOW_AGG_PANDAS_UDF = 203
    #: ``pandas_udf`` from an iterator of Series to an iterator of Series.
    SQL_SCALAR_PANDAS_ITER_UDF = 204
    #: ``mapInPandas``: an iterator of DataFrame to an iterator of DataFrame.
    SQL_MAP_PANDAS_ITER_UDF = 205
    #: ``cogroup(...).applyInPandas``: ([key,] DataFrame, DataFrame) to DataFrame.
    SQL_COGROUPED_MAP_PANDAS_UDF = 206
    #: ``mapInArrow``: an iterator of RecordBatch to an iterator of RecordBatch.
    SQL_MAP_ARROW_ITER_UDF = 207
    #: ``applyInPandasWithState``: (key, iterator of DataFrame, GroupState) to iterator.
    SQL_GROUPED_MAP_PANDAS_UDF_WITH_STATE = 208
    #: ``groupBy(...).applyInArrow``: ([key,] Table) to Table. Since PySpark 4.0.
    SQL_GROUPED_MAP_ARROW_UDF = 209
    #: ``cogroup(...).applyInArrow``: ([key,] Table, Table) to Table. Since PySpark 4.0.
    SQL_COGROUPED_MAP_ARROW_UDF = 210
    #: ``transformWithStateInPandas``: a StatefulProcessor of DataFrames. Since PySpark 4.0.
    SQL_TRANSFORM_WITH_STATE_PANDAS_UDF = 211
    #: The same with an initial state. Since PySpark 4.0.
    SQL_TRANSFORM_WITH_STATE_PANDAS_INIT_STATE_UDF = 212
    #: ``transformWithState``: a StatefulProcessor of Rows. Since PySpark 4.1.
    SQL_TRANSFORM_WITH_STATE_PYTHON_ROW_UDF = 213
    #: The same with an initial state. Since PySpark 4.1.
    SQL_TRANSFORM_WITH_STATE_PYTHON_ROW_INIT_STATE_UDF = 214
    #: ``applyInArrow`` with an iterator of RecordBatch for each group. Since PySpark 4.1.
    SQL_GROUPED_MAP_ARROW_ITER_UDF = 215
    #: ``applyInPandas`` with an iterator of DataFrame for each group. Since PySpark 4.1.
    SQL_GROUPED_MAP_PANDAS_ITER_UDF = 216
    #: ``pandas_udf`` in ``agg``, from an iterator of Series. Since PySpark 4.2.
    SQL_GROUPED_AGG_PANDAS_ITER_UDF = 217

    #: ``arrow_udf``: an Array from Arrays. Since PySpark 4.1.
    SQL_SCALAR_ARROW_UDF = 250
    #: ``arrow_udf`` from an iterator of Array to an iterator of Array. Since PySpark 4.1.
    SQL_SCALAR_ARROW_ITER_UDF = 251
    #: ``arrow_udf`` in ``agg``: a scalar from Arrays. Since PySpark 4.1.
    SQL_GROUPED_AGG_ARROW_UDF = 252
    #: Such an aggregate over a window. Since PySpark 4.1.
    SQL_WINDOW_AGG_ARROW_UDF = 253
    #: ``arrow_udf`` in ``agg``, from an iterator of Array. Since PySpark 4.2.
    SQL_GROUPED_AGG_ARROW_ITER_UDF = 254

    #: ``udtf``: a handler class that gives rows for each row, rows pickled.
    SQL_TABLE_UDF = 300
    #: ``udtf(useArrow=True)``: the same, rows as Arrow.
    SQL_ARROW_TABLE_UDF = 301
    #: ``arrow_udtf``: a handler class of Arrays and RecordBatches. Since PySpark 4.1.
    SQL_ARROW_UDTF = 302

    BATCHED = 100
    ARROW_BATCHED = 101
    SCALAR_PANDAS = 200
    GROUPED_MAP_PANDAS = 201
    GROUPED_AGG_PANDAS = 202
    WINDOW_AGG_PANDAS = 203
    SCALAR_PANDAS_ITER = 204
    MAP_PANDAS = 205
    COGROUPED_MAP_PANDAS = 206
    MAP_ARROW = 207
    GROUPED_MAP_PANDAS_WITH_STATE = 208
    GROUPED_MAP_ARROW = 209
    COGROUPED_MAP_ARROW = 210
    TRANSFORM_WITH_STATE_PANDAS = 211
    TRANSFORM_WITH_STATE_PANDAS_INIT_STATE = 212
    TRANSFORM_WITH_STATE_ROW = 213
    TRANSFORM_WITH_STATE_ROW_INIT_STATE = 214
    GROUPED_MAP_ARROW_ITER = 215
    GROUPED_MAP_PANDAS_ITER = 216
    GROUPED_AGG_PANDAS_ITER = 217
    SCALAR_ARROW = 250
    SCALAR_ARROW_ITER = 251
    GROUPED_AGG_ARROW = 252
    WINDOW_AGG_ARROW = 253
    GROUPED_AGG_ARROW_ITER = 254
    TABLE = 300
    ARROW_TABLE = 301
    ARROW_UDTF = 302
    # generated: end


#: Every kind of function by its word, such as "scalar-pandas": the short names above.
KINDS: dict[str, EvalType] = {
    name.lower().replace("_", "-"): member
    for name, member in EvalType.__members__.items()
    if not name.startswith("SQL_")
}

#: Functions of columns, which give one value for each row.
COLUMN_TYPES = frozenset(
    {
        EvalType.BATCHED,
        EvalType.ARROW_BATCHED,
        EvalType.SCALAR_PANDAS,
        EvalType.SCALAR_PANDAS_ITER,
        EvalType.SCALAR_ARROW,
        EvalType.SCALAR_ARROW_ITER,
    }
)

#: Functions from an iterator of batches to an iterator of batches.
MAP_TYPES = frozenset({EvalType.MAP_PANDAS, EvalType.MAP_ARROW})

#: Functions of one group's rows, which give rows.
GROUPED_MAP_TYPES = frozenset(
    {
        EvalType.GROUPED_MAP_PANDAS,
        EvalType.GROUPED_MAP_ARROW,
        EvalType.GROUPED_MAP_PANDAS_ITER,
        EvalType.GROUPED_MAP_ARROW_ITER,
    }
)

#: Functions of the rows of two inputs that have one key.
COGROUPED_TYPES = frozenset({EvalType.COGROUPED_MAP_PANDAS, EvalType.COGROUPED_MAP_ARROW})

#: Functions of one group's columns, which give one value.
AGGREGATE_TYPES = frozenset(
    {
        EvalType.GROUPED_AGG_PANDAS,
        EvalType.GROUPED_AGG_PANDAS_ITER,
        EvalType.GROUPED_AGG_ARROW,
        EvalType.GROUPED_AGG_ARROW_ITER,
    }
)

#: Aggregates over the windows of a partition's rows.
WINDOW_TYPES = frozenset({EvalType.WINDOW_AGG_PANDAS, EvalType.WINDOW_AGG_ARROW})

#: Stateful processors.
TRANSFORM_TYPES = frozenset(
    {
        EvalType.TRANSFORM_WITH_STATE_PANDAS,
        EvalType.TRANSFORM_WITH_STATE_PANDAS_INIT_STATE,
        EvalType.TRANSFORM_WITH_STATE_ROW,
        EvalType.TRANSFORM_WITH_STATE_ROW_INIT_STATE,
    }
)

#: Stateful processors whose input has initial states besides the rows.
INIT_STATE_TYPES = frozenset(
    {
        EvalType.TRANSFORM_WITH_STATE_PANDAS_INIT_STATE,
        EvalType.TRANSFORM_WITH_STATE_ROW_INIT_STATE,
    }
)

#: Table functions: handler classes.
TABLE_TYPES = frozenset({EvalType.TABLE, EvalType.ARROW_TABLE, EvalType.ARROW_UDTF})

#: Functions that need no argument offsets.
WITHOUT_OFFSETS = MAP_TYPES | GROUPED_MAP_TYPES | COGROUPED_TYPES | {EvalType.NON_UDF}

#: Functions whose data is pickled.
PICKLED_TYPES = frozenset({EvalType.NON_UDF, EvalType.BATCHED, EvalType.TABLE})
