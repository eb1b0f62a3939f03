/* Licensed under the Apache License, Version 2.0. See LICENSE. */
package org.udfrunner.example;

import org.apache.spark.SparkEnv;
import org.apache.spark.TaskContext;
import org.apache.spark.util.Utils;
import org.udfrunner.HostException;
import org.udfrunner.NotSupportedException;
import org.udfrunner.SpawnException;

/**
 * Why a function's task failed, and on which executor: the driver shows messages without saying
 * where they come from.
 */
public final class TaskFailure extends RuntimeException {
  private static final long serialVersionUID = 1L;

  private TaskFailure(String message, Throwable cause) {
    super(message, cause);
  }

  /**
   * The failure of a task, with the executor's host and, where the executor's Python is the cause,
   * what to do there. An error of the rows' own source, which Spark may have to see, stays as it
   * is.
   */
  static RuntimeException of(Throwable error, TaskContext context) {
    if (error instanceof HostException && error.getCause() != null) {
      throw sneak(error.getCause());
    }
    return new TaskFailure(
        "host %s, executor %s, stage %d, partition %d, attempt %d: %s%s"
            .formatted(
                Utils.localHostName(),
                SparkEnv.get().executorId(),
                context.stageId(),
                context.partitionId(),
                context.attemptNumber(),
                error.getMessage(),
                remedy(error)),
        error);
  }

  private static String remedy(Throwable error) {
    if (error instanceof SpawnException || error instanceof NotSupportedException) {
      return "; every executor needs a Python with PySpark 3.5 or later, PyArrow and pandas, named by"
          + " spark.pyspark.python or, where that is not set, PYSPARK_PYTHON";
    }
    return "";
  }

  /** Throws what is not declared, as Scala does. */
  @SuppressWarnings("unchecked")
  private static <E extends Throwable> RuntimeException sneak(Throwable error) throws E {
    throw (E) error;
  }
}
