/* Licensed under the Apache License, Version 2.0. See LICENSE. */
package org.udfrunner.example;

import java.util.Iterator;
import java.util.Map;
import org.apache.spark.TaskContext;
import org.apache.spark.sql.catalyst.InternalRow;
import org.apache.spark.sql.catalyst.expressions.UnsafeProjection;
import org.apache.spark.sql.types.StructType;

/** A grouped map: the rows are sorted by the first columns, the result's rows replace them. */
final class GroupedStage extends PythonStage {
  private static final long serialVersionUID = 1L;

  private final int keys;

  GroupedStage(
      PySparkFunction function,
      Map<String, String> conf,
      StructType input,
      StructType output,
      int keys,
      int[] offsets,
      StageReport report) {
    super(function, conf, input, output, offsets, report);
    this.keys = keys;
  }

  @Override
  Iterator<InternalRow> run(Iterator<InternalRow> rows, TaskContext context) {
    PythonTask task = new PythonTask(this, rows, input, keys, context);
    UnsafeProjection projection = UnsafeProjection.create(output);
    return new MappedIterator(task, projection::apply);
  }
}
