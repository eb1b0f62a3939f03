/* Licensed under the Apache License, Version 2.0. See LICENSE. */
package org.udfrunner;

/**
 * Which protocol a PySpark function speaks: PySpark's {@code PythonEvalType}, all of it.
 *
 * <p>A worker whose PySpark lacks a type ends the task with {@link NotSupportedException}, which
 * names the type and both versions.
 *
 * @since 1.0
 */
public enum EvalType {
  // generated: eval types
  /** RDD functions ({@code mapPartitionsWithIndex}): f(partition index, iterator) to iterator. */
  NON_UDF(0),
  /** {@code udf}: a Python value from Python values, rows pickled. */
  SQL_BATCHED_UDF(100),
  /** {@code udf(useArrow=True)}: the same, rows as Arrow. */
  SQL_ARROW_BATCHED_UDF(101),
  /** {@code pandas_udf}: a Series from Series. */
  SQL_SCALAR_PANDAS_UDF(200),
  /** {@code groupBy(...).applyInPandas}: ([key,] DataFrame) to DataFrame for each group. */
  SQL_GROUPED_MAP_PANDAS_UDF(201),
  /** {@code pandas_udf} in {@code groupBy(...).agg}: a scalar from Series. */
  SQL_GROUPED_AGG_PANDAS_UDF(202),
  /** Such an aggregate over a window. */
  SQL_WINDOW_AGG_PANDAS_UDF(203),
  /** {@code pandas_udf} from an iterator of Series to an iterator of Series. */
  SQL_SCALAR_PANDAS_ITER_UDF(204),
  /** {@code mapInPandas}: an iterator of DataFrame to an iterator of DataFrame. */
  SQL_MAP_PANDAS_ITER_UDF(205),
  /** {@code cogroup(...).applyInPandas}: ([key,] DataFrame, DataFrame) to DataFrame. */
  SQL_COGROUPED_MAP_PANDAS_UDF(206),
  /** {@code mapInArrow}: an iterator of RecordBatch to an iterator of RecordBatch. */
  SQL_MAP_ARROW_ITER_UDF(207),
  /** {@code applyInPandasWithState}: (key, iterator of DataFrame, GroupState) to iterator. */
  SQL_GROUPED_MAP_PANDAS_UDF_WITH_STATE(208),
  /** {@code groupBy(...).applyInArrow}: ([key,] Table) to Table. Since PySpark 4.0. */
  SQL_GROUPED_MAP_ARROW_UDF(209),
  /** {@code cogroup(...).applyInArrow}: ([key,] Table, Table) to Table. Since PySpark 4.0. */
  SQL_COGROUPED_MAP_ARROW_UDF(210),
  /** {@code transformWithStateInPandas}: a StatefulProcessor of DataFrames. Since PySpark 4.0. */
  SQL_TRANSFORM_WITH_STATE_PANDAS_UDF(211),
  /** The same with an initial state. Since PySpark 4.0. */
  SQL_TRANSFORM_WITH_STATE_PANDAS_INIT_STATE_UDF(212),
  /** {@code transformWithState}: a StatefulProcessor of Rows. Since PySpark 4.1. */
  SQL_TRANSFORM_WITH_STATE_PYTHON_ROW_UDF(213),
  /** The same with an initial state. Since PySpark 4.1. */
  SQL_TRANSFORM_WITH_STATE_PYTHON_ROW_INIT_STATE_UDF(214),
  /** {@code applyInArrow} with an iterator of RecordBatch for each group. Since PySpark 4.1. */
  SQL_GROUPED_MAP_ARROW_ITER_UDF(215),
  /** {@code applyInPandas} with an iterator of DataFrame for each group. Since PySpark 4.1. */
  SQL_GROUPED_MAP_PANDAS_ITER_UDF(216),
  /** {@code pandas_udf} in {@code agg}, from an iterator of Series. Since PySpark 4.2. */
  SQL_GROUPED_AGG_PANDAS_ITER_UDF(217),
  /** {@code arrow_udf}: an Array from Arrays. Since PySpark 4.1. */
  SQL_SCALAR_ARROW_UDF(250),
  /** {@code arrow_udf} from an iterator of Array to an iterator of Array. Since PySpark 4.1. */
  SQL_SCALAR_ARROW_ITER_UDF(251),
  /** {@code arrow_udf} in {@code agg}: a scalar from Arrays. Since PySpark 4.1. */
  SQL_GROUPED_AGG_ARROW_UDF(252),
  /** Such an aggregate over a window. Since PySpark 4.1. */
  SQL_WINDOW_AGG_ARROW_UDF(253),
  /** {@code arrow_udf} in {@code agg}, from an iterator of Array. Since PySpark 4.2. */
  SQL_GROUPED_AGG_ARROW_ITER_UDF(254),
  /** {@code udtf}: a handler class that gives rows for each row, rows pickled. */
  SQL_TABLE_UDF(300),
  /** {@code udtf(useArrow=True)}: the same, rows as Arrow. */
  SQL_ARROW_TABLE_UDF(301),
  /** {@code arrow_udtf}: a handler class of Arrays and RecordBatches. Since PySpark 4.1. */
  SQL_ARROW_UDTF(302);
  // generated: end

  private final int code;

  EvalType(int code) {
    this.code = code;
  }

  /**
   * PySpark's number of the type.
   *
   * @return the number
   */
  public int code() {
    return code;
  }

  /**
   * The type of a number of PySpark's.
   *
   * @param code as Spark's plans have it ({@code PythonUDF.evalType})
   * @return the type
   * @throws InvalidArgumentException where PySpark has no such type
   */
  public static EvalType of(int code) {
    for (EvalType type : values()) {
      if (type.code == code) {
        return type;
      }
    }
    throw new InvalidArgumentException("eval type " + code + ": not an eval type of PySpark");
  }

  /** Whether data and results are pickled records, not Arrow. */
  boolean isPickled() {
    return this == NON_UDF || this == SQL_BATCHED_UDF || this == SQL_TABLE_UDF;
  }
}
