/* Licensed under the Apache License, Version 2.0. See LICENSE. */
package org.udfrunner.example;

import java.util.Iterator;
import org.apache.spark.TaskContext;
import org.apache.spark.sql.catalyst.InternalRow;
import org.apache.spark.sql.catalyst.expressions.UnsafeProjection;
import org.apache.spark.sql.types.StructType;
import org.udfrunner.example.StageSpec.TaskData;

/** A grouped map: the rows are sorted by the first columns, the result's rows replace them. */
final class GroupedStage extends PythonStage {
  private static final long serialVersionUID = 1L;

  private final int keys;
  private final int[] arguments;

  GroupedStage(StageSpec spec, StructType input, StructType output, int keys, int[] arguments) {
    super(spec, input, output);
    this.keys = keys;
    this.arguments = arguments;
  }

  @Override
  Iterator<InternalRow> run(Iterator<InternalRow> rows, TaskContext context) {
    Iterator<InternalRow> results = spec.start(rows, new TaskData(input, keys, arguments), context);
    return new MappedIterator(results, UnsafeProjection.create(output)::apply);
  }
}
