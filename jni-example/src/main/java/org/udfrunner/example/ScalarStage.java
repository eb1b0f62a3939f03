/* Licensed under the Apache License, Version 2.0. See LICENSE. */
package org.udfrunner.example;

import java.util.Arrays;
import java.util.Iterator;
import java.util.stream.IntStream;
import org.apache.spark.TaskContext;
import org.apache.spark.sql.catalyst.InternalRow;
import org.apache.spark.sql.catalyst.ProjectingInternalRow;
import org.apache.spark.sql.catalyst.expressions.JoinedRow;
import org.apache.spark.sql.catalyst.expressions.UnsafeProjection;
import org.apache.spark.sql.catalyst.expressions.UnsafeRow;
import org.apache.spark.sql.execution.python.HybridRowQueue;
import org.apache.spark.sql.types.StructField;
import org.apache.spark.sql.types.StructType;
import org.apache.spark.util.TaskCompletionListener;
import org.udfrunner.example.StageSpec.TaskData;
import scala.collection.immutable.IndexedSeq;
import scala.jdk.javaapi.CollectionConverters;

/**
 * A scalar function: its results stand next to the rows that they were made from. As in Spark's
 * {@code EvalPythonExec} the rows wait in a queue, which may spill to disk, while their arguments
 * are on the way through Python.
 */
final class ScalarStage extends PythonStage {
  private static final long serialVersionUID = 1L;

  private final int[] arguments;

  ScalarStage(StageSpec spec, StructType input, StructType output, int[] arguments) {
    super(spec, input, output);
    this.arguments = arguments;
  }

  @Override
  Iterator<InternalRow> run(Iterator<InternalRow> rows, TaskContext context) {
    HybridRowQueue queue = HybridRowQueue.apply(context.taskMemoryManager(), input.length());
    // Listeners run last to first: the task ends before the queue that its input fills.
    context.addTaskCompletionListener((TaskCompletionListener) ended -> queue.close());
    StructType types = argumentTypes();
    ProjectingInternalRow projected = ProjectingInternalRow.apply(types, ordinals());
    UnsafeProjection unsafe = UnsafeProjection.create(input);
    Iterator<InternalRow> inputs =
        new MappedIterator(
            rows,
            row -> {
              queue.add(row instanceof UnsafeRow bytes ? bytes : unsafe.apply(row));
              projected.project(row);
              return projected;
            });
    int[] all = IntStream.range(0, arguments.length).toArray();
    Iterator<InternalRow> results = spec.start(inputs, new TaskData(types, 0, all), context);
    JoinedRow joined = new JoinedRow();
    UnsafeProjection projection = UnsafeProjection.create(output);
    return new MappedIterator(
        results, result -> projection.apply(joined.apply(queue.remove(), result)));
  }

  /** The arguments' types; their names are by place, as one column may be given twice. */
  private StructType argumentTypes() {
    StructField[] fields = new StructField[arguments.length];
    Arrays.setAll(
        fields,
        i -> {
          StructField field = input.fields()[arguments[i]];
          return new StructField("_" + i, field.dataType(), field.nullable(), field.metadata());
        });
    return new StructType(fields);
  }

  private IndexedSeq<Object> ordinals() {
    return CollectionConverters.asScala(
            IntStream.of(arguments).<Object>mapToObj(Integer::valueOf).toList())
        .toIndexedSeq();
  }
}
