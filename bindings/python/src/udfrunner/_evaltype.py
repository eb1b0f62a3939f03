"""Eval types: which protocol a PySpark function speaks (PySpark's ``PythonEvalType``)."""

from __future__ import annotations

import enum


class EvalType(enum.IntEnum):
    """PySpark's ``PythonEvalType``, all of it; the short names are those that the library runs.

    The library answers :class:`udfrunner.NotSupported` to the others.
    """

    NON_UDF = 0

    SQL_BATCHED_UDF = 100
    SQL_ARROW_BATCHED_UDF = 101

    SQL_SCALAR_PANDAS_UDF = 200
    SQL_GROUPED_MAP_PANDAS_UDF = 201
    SQL_GROUPED_AGG_PANDAS_UDF = 202
    SQL_WINDOW_AGG_PANDAS_UDF = 203
    SQL_SCALAR_PANDAS_ITER_UDF = 204
    SQL_MAP_PANDAS_ITER_UDF = 205
    SQL_COGROUPED_MAP_PANDAS_UDF = 206
    SQL_MAP_ARROW_ITER_UDF = 207
    SQL_GROUPED_MAP_PANDAS_UDF_WITH_STATE = 208
    SQL_GROUPED_MAP_ARROW_UDF = 209
    SQL_COGROUPED_MAP_ARROW_UDF = 210
    SQL_TRANSFORM_WITH_STATE_PANDAS_UDF = 211
    SQL_TRANSFORM_WITH_STATE_PANDAS_INIT_STATE_UDF = 212
    SQL_TRANSFORM_WITH_STATE_PYTHON_ROW_UDF = 213
    SQL_TRANSFORM_WITH_STATE_PYTHON_ROW_INIT_STATE_UDF = 214
    SQL_GROUPED_MAP_ARROW_ITER_UDF = 215
    SQL_GROUPED_MAP_PANDAS_ITER_UDF = 216
    SQL_GROUPED_AGG_PANDAS_ITER_UDF = 217

    SQL_SCALAR_ARROW_UDF = 250
    SQL_SCALAR_ARROW_ITER_UDF = 251
    SQL_GROUPED_AGG_ARROW_UDF = 252
    SQL_WINDOW_AGG_ARROW_UDF = 253
    SQL_GROUPED_AGG_ARROW_ITER_UDF = 254

    SQL_TABLE_UDF = 300
    SQL_ARROW_TABLE_UDF = 301
    SQL_ARROW_UDTF = 302

    BATCHED = 100
    ARROW_BATCHED = 101
    SCALAR_PANDAS = 200
    SCALAR_PANDAS_ITER = 204
    MAP_PANDAS = 205
    MAP_ARROW = 207
    SCALAR_ARROW = 250
    SCALAR_ARROW_ITER = 251


#: Kinds of functions by the names that the command line and ``apply`` use.
KINDS: dict[str, EvalType] = {
    "batched": EvalType.BATCHED,
    "arrow-batched": EvalType.ARROW_BATCHED,
    "scalar-pandas": EvalType.SCALAR_PANDAS,
    "scalar-pandas-iter": EvalType.SCALAR_PANDAS_ITER,
    "scalar-arrow": EvalType.SCALAR_ARROW,
    "scalar-arrow-iter": EvalType.SCALAR_ARROW_ITER,
    "map-pandas": EvalType.MAP_PANDAS,
    "map-arrow": EvalType.MAP_ARROW,
}

#: Functions from an iterator of batches to an iterator of batches.
MAP_TYPES = frozenset({EvalType.MAP_PANDAS, EvalType.MAP_ARROW})

#: Functions whose data is pickled rows.
PICKLED_TYPES = frozenset({EvalType.NON_UDF, EvalType.BATCHED, EvalType.SQL_TABLE_UDF})
