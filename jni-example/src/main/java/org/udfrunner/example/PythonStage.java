/* Licensed under the Apache License, Version 2.0. See LICENSE. */
package org.udfrunner.example;

import java.util.Collections;
import java.util.Iterator;
import org.apache.spark.TaskContext;
import org.apache.spark.api.java.function.FlatMapFunction;
import org.apache.spark.sql.catalyst.InternalRow;
import org.apache.spark.sql.types.StructType;

/** What the driver sends of a stage: run on each partition, inside its task. */
abstract class PythonStage implements FlatMapFunction<Iterator<InternalRow>, InternalRow> {
  private static final long serialVersionUID = 1L;

  final StageSpec spec;
  final StructType input;
  final StructType output;

  PythonStage(StageSpec spec, StructType input, StructType output) {
    this.spec = spec;
    this.input = input;
    this.output = output;
  }

  @Override
  public final Iterator<InternalRow> call(Iterator<InternalRow> rows) {
    // As Spark's grouped stages: no rows, no worker.
    return rows.hasNext() ? run(rows, TaskContext.get()) : Collections.emptyIterator();
  }

  abstract Iterator<InternalRow> run(Iterator<InternalRow> rows, TaskContext context);
}
