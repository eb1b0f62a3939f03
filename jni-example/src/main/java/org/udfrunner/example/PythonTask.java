/* Licensed under the Apache License, Version 2.0. See LICENSE. */
package org.udfrunner.example;

import java.util.Iterator;
import java.util.NoSuchElementException;
import org.apache.spark.SparkFiles;
import org.apache.spark.TaskContext;
import org.apache.spark.sql.catalyst.InternalRow;
import org.apache.spark.util.TaskCompletionListener;
import org.apache.spark.util.TaskInterruptListener;
import org.udfrunner.Input;
import org.udfrunner.ResultIterator;
import org.udfrunner.Runner;
import org.udfrunner.UdfRunnerException;
import org.udfrunner.example.StageSpec.TaskData;

/**
 * One Spark task's run of a function: rows in, rows out. Everything happens on the task's thread,
 * input included. It ends with the Spark task, however that ends; a kill reaches the worker at
 * once.
 */
final class PythonTask implements Iterator<InternalRow> {
  private final TaskContext context;
  private final StageReport report;
  private final Runner runner;
  private final ResultIterator results;
  private final TimedChannel channel;
  private final ArrowToRows output;
  private boolean closed;

  private PythonTask(StageSpec spec, Runner runner, ResultIterator results, TaskContext context) {
    this.context = context;
    this.report = spec.report();
    this.runner = runner;
    this.results = results;
    channel = new TimedChannel(results.channel());
    output = new ArrowToRows(channel);
    context.addTaskCompletionListener((TaskCompletionListener) ended -> close());
    context.addTaskInterruptListener(
        (TaskInterruptListener) (ended, reason) -> results.cancel(reason));
  }

  /** Starts the task; its worker starts, or is taken from the pool, meanwhile. */
  static PythonTask start(
      StageSpec spec, Iterator<InternalRow> rows, TaskData data, TaskContext context) {
    try {
      Runner runner = runner(spec, data);
      RowsToArrow input = new RowsToArrow(rows, data.schema(), ArrowOptions.of(spec.conf()));
      try {
        ResultIterator results =
            runner.compute(Input.records(input).keys(data.keys()), TaskInfos.of(context));
        return new PythonTask(spec, runner, results, context);
      } catch (Throwable e) {
        input.close();
        runner.close();
        throw e;
      }
    } catch (UdfRunnerException e) {
      throw TaskFailure.of(e, context);
    }
  }

  private static Runner runner(StageSpec spec, TaskData data) {
    PySparkFunction function = spec.function();
    Runner.Builder builder =
        Runner.builder(function.evalType())
            .env(ExecutorEnv.get())
            .function(function.toNative(), data.arguments())
            .conf(spec.conf())
            // Files of SparkContext.addFile: the workers' SparkFiles, and modules to import.
            .conf("udfrunner.files.directory", SparkFiles.getRootDirectory());
    if (function.pythonVersion() != null) {
      builder.conf("udfrunner.python.version", function.pythonVersion());
    }
    return builder.build();
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
      report.add(results, channel.milliseconds());
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
