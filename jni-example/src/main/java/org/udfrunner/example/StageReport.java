/* Licensed under the Apache License, Version 2.0. See LICENSE. */
package org.udfrunner.example;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.Serializable;
import java.io.UncheckedIOException;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.TreeMap;
import net.razorvine.pickle.Unpickler;
import org.apache.spark.SparkContext;
import org.apache.spark.scheduler.TaskInfo;
import org.apache.spark.util.CollectionAccumulator;
import org.apache.spark.util.LongAccumulator;
import org.udfrunner.ResultIterator;
import scala.jdk.javaapi.CollectionConverters;

/**
 * What the tasks of a stage report in addition to their rows: accumulator updates of the Python
 * functions, and the library's metrics, summed. Spark's web interface shows the sums with the
 * stage.
 *
 * <p>Complete tasks count. As with all of Spark's accumulators, one that Spark runs again for lost
 * shuffle files counts again.
 */
public final class StageReport implements Serializable {
  private static final long serialVersionUID = 1L;
  private static final ObjectMapper JSON = new ObjectMapper();

  private final CollectionAccumulator<byte[]> python;
  private final Map<Metric, LongAccumulator> sums = new TreeMap<>();

  /** What is summed. */
  public enum Metric {
    /** Tasks that ran to their end. */
    TASKS(null),
    /** Rows of results. */
    OUTPUT_ROWS("output_rows"),
    /** Arrow batches given to the library. */
    INPUT_BATCHES("input_batches"),
    /** Bytes that went to workers. */
    BYTES_SENT("bytes_sent"),
    /** Bytes that came from workers. */
    BYTES_RECEIVED("bytes_received"),
    /** Milliseconds from a task's start to its end. */
    ELAPSED_MS("elapsed_ms"),
    /** Milliseconds in which rows were made and became Arrow data. */
    INPUT_MS("input_ms"),
    /** Milliseconds of waiting for workers. */
    WAIT_MS("wait_ms"),
    /** Milliseconds between Arrow in and Arrow out: of reading results, less those of the input. */
    ARROW_MS(null),
    /** Milliseconds until workers were there, as Spark's pythonBootTime. */
    WORKER_BOOT_MS("worker_boot_ms"),
    /** Milliseconds in which workers unpickled functions, as Spark's pythonInitTime. */
    WORKER_INIT_MS("worker_init_ms"),
    /** Bytes of memory that functions spilled. */
    MEMORY_BYTES_SPILLED("memory_bytes_spilled"),
    /** Bytes of disk to which functions spilled. */
    DISK_BYTES_SPILLED("disk_bytes_spilled");

    private final String key;

    Metric(String key) {
      this.key = key;
    }
  }

  /**
   * A report of one stage.
   *
   * @param context the application's
   * @param name of the stage, for the web interface
   */
  public StageReport(SparkContext context, String name) {
    python = new CollectionAccumulator<>();
    context.register(python);
    for (Metric metric : Metric.values()) {
      sums.put(metric, context.longAccumulator(name + " " + metric.name().toLowerCase()));
    }
  }

  /** Adds a complete task, which read its results for so long: on its executor. */
  void add(ResultIterator results, double readMillis) {
    JsonNode metrics;
    try {
      metrics = JSON.readTree(results.metrics());
    } catch (JsonProcessingException e) {
      throw new UncheckedIOException(e);
    }
    sums.forEach((metric, sum) -> sum.add(Math.round(value(metric, metrics, readMillis))));
    results.accumulators().forEach(python::add);
  }

  private static double value(Metric metric, JsonNode metrics, double readMillis) {
    return switch (metric) {
      case TASKS -> 1;
      case ARROW_MS -> readMillis - metrics.path(Metric.INPUT_MS.key).asDouble();
      default -> metrics.path(metric.key).asDouble();
    };
  }

  /** Whether a task, which has ended, added something to this report. */
  boolean isOf(TaskInfo task) {
    long id = sums.get(Metric.TASKS).id();
    return CollectionConverters.asJava(task.accumulables()).stream()
        .anyMatch(update -> update.id() == id);
  }

  /**
   * One sum, over the complete tasks so far.
   *
   * @param metric which
   * @return the sum
   */
  public long sum(Metric metric) {
    return sums.get(metric).sum();
  }

  /**
   * All sums.
   *
   * @return each metric's
   */
  public Map<Metric, Long> sums() {
    Map<Metric, Long> all = new LinkedHashMap<>();
    sums.forEach((metric, sum) -> all.put(metric, sum.sum()));
    return all;
  }

  /**
   * The sums of the functions' whole-number accumulators.
   *
   * @return by the id that PySpark gave the accumulator
   * @throws IllegalStateException for an accumulator of something else
   */
  public Map<Long, Long> accumulators() {
    Map<Long, Long> values = new TreeMap<>();
    for (byte[] update : python.value()) {
      if (!(unpickle(update) instanceof Object[] pair
          && pair.length == 2
          && pair[0] instanceof Number id
          && pair[1] instanceof Number value)) {
        throw new IllegalStateException("an accumulator update that is no (id, number)");
      }
      values.merge(id.longValue(), value.longValue(), Long::sum);
    }
    return values;
  }

  private static Object unpickle(byte[] pickle) {
    try {
      return new Unpickler().loads(pickle);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
