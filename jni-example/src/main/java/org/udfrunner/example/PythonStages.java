/* Licensed under the Apache License, Version 2.0. See LICENSE. */
package org.udfrunner.example;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.apache.spark.sql.Column;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.functions;
import org.apache.spark.sql.types.DataType;
import org.apache.spark.sql.types.StructType;

/**
 * PySpark functions over the partitions of a Dataset, run by the library inside the executors,
 * whose application needs {@code spark.plugins} = {@link UdfRunnerPlugin}.
 *
 * <p>The stages run on {@code queryExecution().toRdd()}: Spark's internal rows go to Arrow and back
 * without becoming {@link Row} objects. Where the query has shuffles and adaptive execution is on,
 * Spark runs their map stages when that is called, so while the stage is being made.
 */
public final class PythonStages {
  private PythonStages() {}

  /**
   * Adds the result of a scalar function as a column, as {@code withColumn} with a {@code
   * pandas_udf}.
   *
   * @param rows the input
   * @param column the result's name, which the input must not have
   * @param function of a scalar eval type
   * @param arguments the columns that are its arguments
   * @param report receives accumulators and metrics
   * @return the rows with the column behind the others
   */
  public static Dataset<Row> withColumn(
      Dataset<Row> rows,
      String column,
      PySparkFunction function,
      List<String> arguments,
      StageReport report) {
    return withColumn(
        rows,
        column,
        arguments,
        new StageSpec(function, Sessions.conf(rows.sparkSession()), report, PythonTask::start));
  }

  static Dataset<Row> withColumn(
      Dataset<Row> rows, String column, List<String> arguments, StageSpec spec) {
    StructType input = rows.schema();
    if (Arrays.asList(input.fieldNames()).contains(column)) {
      throw new IllegalArgumentException("column " + column + ": the input has one of that name");
    }
    int[] places = arguments.stream().mapToInt(input::fieldIndex).toArray();
    StructType output = input.add(column, DataType.fromDDL(spec.function().returnType()));
    return Sessions.mapPartitions(rows, output, new ScalarStage(spec, input, output, places));
  }

  /**
   * Applies a function to each group of rows, as {@code groupBy(keys).applyInPandas}.
   *
   * @param rows the input
   * @param keys the grouping columns
   * @param function of eval type SQL_GROUPED_MAP_PANDAS_UDF, or another grouped map
   * @param report receives accumulators and metrics
   * @return the rows that it returns
   */
  public static Dataset<Row> applyInPandas(
      Dataset<Row> rows, List<String> keys, PySparkFunction function, StageReport report) {
    return applyInPandas(
        rows,
        keys,
        new StageSpec(function, Sessions.conf(rows.sparkSession()), report, PythonTask::start));
  }

  static Dataset<Row> applyInPandas(Dataset<Row> rows, List<String> keys, StageSpec spec) {
    if (keys.isEmpty()) {
      throw new IllegalArgumentException("no grouping columns: at least one is needed");
    }
    // The library cuts groups where the first columns change.
    List<String> names = List.of(rows.schema().fieldNames());
    List<String> ordered =
        Stream.concat(keys.stream(), names.stream().filter(name -> !keys.contains(name))).toList();
    Dataset<Row> sorted =
        rows.select(columns(ordered))
            .repartition(columns(keys))
            .sortWithinPartitions(columns(keys));
    StructType output = StructType.fromDDL(spec.function().returnType());
    return Sessions.mapPartitions(
        sorted,
        output,
        new GroupedStage(
            spec,
            sorted.schema(),
            output,
            keys.size(),
            groupedArguments(keys.size(), names, ordered)));
  }

  /**
   * The argument list of a grouped map, as Spark's {@code PandasGroupUtils.resolveArgOffsets} makes
   * it: the count of what follows, the count of keys, their offsets, the offsets of the values.
   */
  private static int[] groupedArguments(int keys, List<String> names, List<String> ordered) {
    List<Integer> offsets = new ArrayList<>();
    offsets.add(1 + keys + names.size());
    offsets.add(keys);
    IntStream.range(0, keys).forEach(offsets::add);
    names.forEach(name -> offsets.add(ordered.indexOf(name)));
    return offsets.stream().mapToInt(Integer::intValue).toArray();
  }

  private static Column[] columns(List<String> names) {
    return names.stream().map(PythonStages::column).toArray(Column[]::new);
  }

  /** A column by its whole name, dots and all. */
  static Column column(String name) {
    return functions.col("`" + name.replace("`", "``") + "`");
  }
}
