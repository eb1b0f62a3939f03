/* Licensed under the Apache License, Version 2.0. See LICENSE. */
package org.udfrunner.example;

import java.util.List;
import java.util.Map;
import org.apache.spark.api.python.SimplePythonFunction;
import org.apache.spark.sql.Column;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.classic.RelationalGroupedDataset;
import org.apache.spark.sql.execution.python.UserDefinedPythonFunction;
import org.apache.spark.sql.types.DataType;
import org.apache.spark.sql.types.StructType;
import org.apache.spark.util.CollectionAccumulator;
import scala.jdk.javaapi.CollectionConverters;

/**
 * The same stages by Spark's own Python runner, made as PySpark makes them: what the library is
 * compared with, in one session and on the same rows.
 */
final class SparkPython {
  private SparkPython() {}

  /** Adds the result of a pickled scalar function as a column. */
  static Dataset<Row> withColumn(
      Dataset<Row> rows, String column, PySparkFunction function, List<String> arguments) {
    DataType type = DataType.fromDDL(function.returnType());
    return rows.withColumn(column, call(rows, function, type, arguments));
  }

  /** Applies a pickled function to each group of rows. */
  static Dataset<Row> applyInPandas(
      Dataset<Row> rows, List<String> keys, PySparkFunction function) {
    Column[] columns = keys.stream().map(PythonStages::column).toArray(Column[]::new);
    StructType type = StructType.fromDDL(function.returnType());
    RelationalGroupedDataset groups = (RelationalGroupedDataset) rows.groupBy(columns);
    return groups.flatMapGroupsInPandas(
        call(rows, function, type, List.of(rows.schema().fieldNames())));
  }

  private static Column call(
      Dataset<Row> rows, PySparkFunction function, DataType type, List<String> arguments) {
    CollectionAccumulator<byte[]> accumulator = new CollectionAccumulator<>();
    rows.sparkSession().sparkContext().register(accumulator);
    SimplePythonFunction python =
        new SimplePythonFunction(
            function.pickle(),
            Map.of(),
            List.of(),
            rows.sparkSession().conf().get("spark.pyspark.python"),
            function.pythonVersion(),
            List.of(),
            accumulator);
    List<Column> columns = arguments.stream().map(PythonStages::column).toList();
    return new UserDefinedPythonFunction(
            function.name(), python, type, function.evalType().code(), true)
        .apply(CollectionConverters.asScala(columns).toSeq());
  }
}
