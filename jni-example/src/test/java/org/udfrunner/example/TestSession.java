/* Licensed under the Apache License, Version 2.0. See LICENSE. */
package org.udfrunner.example;

import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.function.BooleanSupplier;
import org.apache.spark.sql.SparkSession;
import org.udfrunner.EvalType;

/** A Spark inside of the tests' JVM, whose workers are real. Closing it checks that none is left. */
final class TestSession implements AutoCloseable {
  /** A Python with PySpark. */
  static final String PYTHON = System.getProperty("udfrunner.test.python", "");

  final SparkSession session;

  /** A session of {@code local[...]} with more configuration. */
  TestSession(String master, Map<String, String> conf) {
    assertTrue(!PYTHON.isEmpty(), "set -Dudfrunner.test.python to a Python with PySpark");
    SparkSession.Builder builder =
        SparkSession.builder()
            .master(master)
            .appName("tests")
            .config("spark.plugins", UdfRunnerPlugin.class.getName())
            .config("spark.pyspark.python", PYTHON)
            .config("spark.ui.enabled", "false")
            .config("spark.driver.host", "127.0.0.1")
            .config("spark.driver.bindAddress", "127.0.0.1")
            .config("spark.sql.shuffle.partitions", "2");
    conf.forEach(builder::config);
    session = builder.getOrCreate();
    session.sparkContext().setLogLevel("OFF");
    session.sparkContext().addFile(Path.of("src/test/python/stage_functions.py").toUri().toString());
  }

  StageReport report() {
    return new StageReport(session.sparkContext(), "test");
  }

  static PySparkFunction scalar(String name, String returnType) {
    return PySparkFunction.referenced(
        EvalType.SQL_SCALAR_PANDAS_UDF, returnType, "stage_functions:" + name);
  }

  /** Tasks of the library that run in this JVM. */
  static long runningTasks() {
    try {
      JsonNode stats = new ObjectMapper().readTree(ExecutorEnv.get().stats());
      return stats.at("/tasks/running").asLong();
    } catch (IOException e) {
      throw new AssertionError(e);
    }
  }

  /** Daemons and workers below this JVM. */
  static List<ProcessHandle> pythons() {
    return ProcessHandle.current()
        .descendants()
        .filter(ProcessHandle::isAlive)
        .filter(process -> process.info().command().orElse("").contains("python"))
        .toList();
  }

  /** Waits until something holds, and says how long that took. */
  static Duration await(String what, Duration limit, BooleanSupplier condition) {
    long start = System.nanoTime();
    while (!condition.getAsBoolean()) {
      Duration passed = Duration.ofNanos(System.nanoTime() - start);
      assertTrue(passed.compareTo(limit) < 0, what + ": not within " + limit);
      try {
        Thread.sleep(5);
      } catch (InterruptedException e) {
        throw new AssertionError(e);
      }
    }
    return Duration.ofNanos(System.nanoTime() - start);
  }

  @Override
  public void close() {
    session.stop();
    await("Python processes gone", Duration.ofSeconds(5), () -> pythons().isEmpty());
  }
}
