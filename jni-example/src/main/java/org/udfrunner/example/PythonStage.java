/* Licensed under the Apache License, Version 2.0. See LICENSE. */
package org.udfrunner.example;

import java.util.Collections;
import java.util.Iterator;
import java.util.Map;
import org.apache.spark.TaskContext;
import org.apache.spark.api.java.function.FlatMapFunction;
import org.apache.spark.sql.catalyst.InternalRow;
import org.apache.spark.sql.types.StructType;

/** What the driver sends of a stage: run on each partition, inside its task. */
abstract class PythonStage implements FlatMapFunction<Iterator<InternalRow>, InternalRow> {
  private static final long serialVersionUID = 1L;

  final PySparkFunction function;
  final Map<String, String> conf;
  final StructType input;
  final StructType output;
  final int[] offsets;
  final StageReport report;

  PythonStage(
      PySparkFunction function,
      Map<String, String> conf,
      StructType input,
      StructType output,
      int[] offsets,
      StageReport report) {
    this.function = function;
    this.conf = conf;
    this.input = input;
    this.output = output;
    this.offsets = offsets;
    this.report = report;
  }

  @Override
  public final Iterator<InternalRow> call(Iterator<InternalRow> rows) {
    // As Spark's grouped stages: no rows, no worker.
    return rows.hasNext() ? run(rows, TaskContext.get()) : Collections.emptyIterator();
  }

  /** The function's arguments, as places in what is sent to it. */
  int[] arguments() {
    return offsets;
  }

  abstract Iterator<InternalRow> run(Iterator<InternalRow> rows, TaskContext context);
}
