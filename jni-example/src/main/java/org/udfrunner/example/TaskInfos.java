/* Licensed under the Apache License, Version 2.0. See LICENSE. */
package org.udfrunner.example;

import java.util.List;
import java.util.Properties;
import org.apache.spark.TaskContext;
import org.udfrunner.TaskInfo;

/** Spark's task context as the library takes it, and PySpark's functions see it. */
final class TaskInfos {
  private TaskInfos() {}

  static TaskInfo of(TaskContext context) {
    TaskInfo.Builder builder =
        TaskInfo.builder()
            .partition(context.partitionId())
            .attempt(context.attemptNumber())
            .stage(context.stageId())
            .taskAttemptId(context.taskAttemptId())
            .cpus(context.cpus());
    Properties properties = context.getLocalProperties();
    properties
        .stringPropertyNames()
        .forEach(name -> builder.property(name, properties.getProperty(name)));
    context
        .resourcesJMap()
        .forEach((name, resource) -> builder.resource(name, List.of(resource.addresses())));
    return builder.build();
  }
}
