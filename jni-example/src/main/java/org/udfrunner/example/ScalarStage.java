/* Licensed under the Apache License, Version 2.0. See LICENSE. */
package org.udfrunner.example;

import java.util.Arrays;
import java.util.Iterator;
import java.util.Map;
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
import scala.collection.immutable.IndexedSeq;
import scala.jdk.javaapi.CollectionConverters;

/**
 * A scalar function: its results stand beside the rows that they were made from. As in Spark's {@code
 * EvalPythonExec} the rows wait in a queue, which may spill to disk, while their arguments are on
 * the way through Python.
 */
final class ScalarStage extends PythonStage {
  private static final long serialVersionUID = 1L;

  ScalarStage(
      PySparkFunction function,
      Map<String, String> conf,
      StructType input,
      StructType output,
      int[] offsets,
      StageReport report) {
    super(function, conf, input, output, offsets, report);
  }

  @Override
  Iterator<InternalRow> run(Iterator<InternalRow> rows, TaskContext context) {
    HybridRowQueue queue = HybridRowQueue.apply(context.taskMemoryManager(), input.length());
    // Listeners run last to first: the task ends before the queue that its input fills.
    context.addTaskCompletionListener((TaskCompletionListener) ended -> queue.close());
    StructType argumentTypes = argumentTypes();
    ProjectingInternalRow arguments = ProjectingInternalRow.apply(argumentTypes, ordinals());
    UnsafeProjection unsafe = UnsafeProjection.create(input);
    Iterator<InternalRow> inputs =
        new MappedIterator(
            rows,
            row -> {
              queue.add(row instanceof UnsafeRow bytes ? bytes : unsafe.apply(row));
              arguments.project(row);
              return arguments;
            });
    PythonTask task = new PythonTask(this, inputs, argumentTypes, 0, context);
    JoinedRow joined = new JoinedRow();
    UnsafeProjection projection = UnsafeProjection.create(output);
    return new MappedIterator(
        task, result -> projection.apply(joined.apply(queue.remove(), result)));
  }

  /** The arguments' types, by place: names may repeat. */
  private StructType argumentTypes() {
    StructField[] fields = new StructField[offsets.length];
    Arrays.setAll(
        fields,
        i -> {
          StructField field = input.fields()[offsets[i]];
          return new StructField("_" + i, field.dataType(), field.nullable(), field.metadata());
        });
    return new StructType(fields);
  }

  private IndexedSeq<Object> ordinals() {
    return CollectionConverters.asScala(
            IntStream.of(offsets).<Object>mapToObj(Integer::valueOf).toList())
        .toIndexedSeq();
  }

  @Override
  int[] arguments() {
    return IntStream.range(0, offsets.length).toArray();
  }
}
