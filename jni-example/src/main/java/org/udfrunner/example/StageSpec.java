/* Licensed under the Apache License, Version 2.0. See LICENSE. */
package org.udfrunner.example;

import java.io.Serializable;
import java.util.Iterator;
import java.util.Map;
import org.apache.spark.TaskContext;
import org.apache.spark.sql.catalyst.InternalRow;
import org.apache.spark.sql.types.StructType;

/**
 * What all stages are made from.
 *
 * @param function what they run
 * @param conf {@code spark.sql.*} as it was set when the stage was made
 * @param report what tasks bring back
 * @param starter makes the tasks
 */
record StageSpec(
    PySparkFunction function, Map<String, String> conf, StageReport report, Starter starter)
    implements Serializable {

  /** Makes the task that turns a partition's rows into results. */
  interface Starter extends Serializable {
    Iterator<InternalRow> start(
        StageSpec spec, Iterator<InternalRow> rows, TaskData data, TaskContext context);
  }

  /**
   * What the rows of a task are.
   *
   * @param schema their columns
   * @param keys how many of the first columns they are grouped by; 0 for none
   * @param arguments the function's arguments, as places in the schema
   */
  record TaskData(StructType schema, int keys, int[] arguments) {}

  Iterator<InternalRow> start(Iterator<InternalRow> rows, TaskData data, TaskContext context) {
    return starter.start(this, rows, data, context);
  }
}
