/* Licensed under the Apache License, Version 2.0. See LICENSE. */
package org.udfrunner.example;

import org.apache.spark.scheduler.SparkListener;
import org.apache.spark.scheduler.SparkListenerExecutorRemoved;
import org.apache.spark.scheduler.SparkListenerTaskEnd;

/** Prints each end of a task that ran Python, and each loss of an executor. */
final class Progress extends SparkListener {
  private volatile StageReport watched;

  /** From now on tasks of that report are printed; null for none. */
  void watch(StageReport report) {
    watched = report;
  }

  @Override
  public void onTaskEnd(SparkListenerTaskEnd end) {
    StageReport report = watched;
    if (report != null && report.isOf(end.taskInfo())) {
      System.out.printf(
          "task %d of stage %d ended on executor %s: %s%n",
          end.taskInfo().index(),
          end.stageId(),
          end.taskInfo().executorId(),
          end.taskInfo().status());
    }
  }

  @Override
  public void onExecutorRemoved(SparkListenerExecutorRemoved removed) {
    System.out.printf("executor %s lost: %s%n", removed.executorId(), removed.reason());
  }
}
