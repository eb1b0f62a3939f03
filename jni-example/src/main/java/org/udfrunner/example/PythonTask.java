/* Licensed under the Apache License, Version 2.0. See LICENSE. */
package org.udfrunner.example;

import java.util.Iterator;
import java.util.NoSuchElementException;
import org.apache.spark.TaskContext;
import org.apache.spark.sql.catalyst.InternalRow;
import org.apache.spark.sql.types.StructType;
import org.apache.spark.util.TaskCompletionListener;
import org.apache.spark.util.TaskInterruptListener;
import org.udfrunner.Input;
import org.udfrunner.ResultIterator;
import org.udfrunner.Runner;
import org.udfrunner.UdfRunnerException;

/**
 * One Spark task's run of a function: rows in, rows out. Everything happens on the task's thread,
 * input included. It ends with the Spark task, however that ends; a kill reaches the worker at once.
 */
final class PythonTask implements Iterator<InternalRow> {
  private final TaskContext context;
  private final PythonStage stage;
  private final Runner runner;
  private final RowsToArrow input;
  private final ResultIterator results;
  private final ArrowToRows output;
  private boolean closed;

  PythonTask(
      PythonStage stage,
      Iterator<InternalRow> rows,
      StructType schema,
      int keys,
      TaskContext context) {
    this.context = context;
    this.stage = stage;
    try {
      runner = runner(stage);
    } catch (UdfRunnerException e) {
      throw TaskFailure.of(e, context);
    }
    input = new RowsToArrow(rows, schema, ArrowOptions.of(stage.conf));
    results = compute(runner, input, keys, context);
    output = new ArrowToRows(results.channel());
    context.addTaskCompletionListener((TaskCompletionListener) ended -> close());
    context.addTaskInterruptListener(
        (TaskInterruptListener) (ended, reason) -> results.cancel(reason));
  }

  private static Runner runner(PythonStage stage) {
    Runner.Builder builder =
        Runner.builder(stage.function.evalType())
            .env(ExecutorEnv.get())
            .function(stage.function.toNative(), stage.arguments())
            .conf(stage.conf)
            // Files of SparkContext.addFile: the workers' SparkFiles, and modules to import.
            .conf("udfrunner.files.directory", org.apache.spark.SparkFiles.getRootDirectory());
    if (stage.function.pythonVersion() != null) {
      builder.conf("udfrunner.python.version", stage.function.pythonVersion());
    }
    return builder.build();
  }

  private static ResultIterator compute(
      Runner runner, RowsToArrow input, int keys, TaskContext context) {
    try {
      return runner.compute(Input.records(input).keys(keys), TaskInfos.of(context));
    } catch (UdfRunnerException e) {
      input.close();
      runner.close();
      throw TaskFailure.of(e, context);
    }
  }

  @Override
  public boolean hasNext() {
    if (closed) {
      return false;
    }
    try {
      if (output.hasNext()) {
        return true;
      }
      stage.report.add(results);
    } catch (UdfRunnerException e) {
      throw TaskFailure.of(e, context);
    }
    close();
    return false;
  }

  @Override
  public InternalRow next() {
    if (!hasNext()) {
      throw new NoSuchElementException();
    }
    return output.next();
  }

  private void close() {
    if (!closed) {
      closed = true;
      // Closes the results too, and with them the input.
      output.close();
      runner.close();
    }
  }
}
