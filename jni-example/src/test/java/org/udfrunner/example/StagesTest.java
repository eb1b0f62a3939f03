/* Licensed under the Apache License, Version 2.0. See LICENSE. */
package org.udfrunner.example;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import java.util.stream.LongStream;
import org.apache.spark.SparkException;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.functions;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.udfrunner.EvalType;
import org.udfrunner.PythonException;
import org.udfrunner.example.StageReport.Metric;

/** Stages in a real Spark, with real workers. */
class StagesTest {
  private static TestSession tests;
  private static SparkSession session;

  @BeforeAll
  static void begin() {
    // A second attempt of a task, and batches smaller than partitions.
    tests =
        new TestSession(
            "local[2,2]", Map.of("spark.sql.execution.arrow.maxRecordsPerBatch", "100"));
    session = tests.session;
  }

  @AfterAll
  static void end() {
    tests.close();
  }

  @AfterEach
  void nothingRuns() {
    TestSession.await(
        "tasks ended", Duration.ofSeconds(5), () -> TestSession.runningTasks() == 0);
  }

  private static Dataset<Row> numbers(long count, int partitions) {
    return session.range(0, count, 1, partitions).toDF("n");
  }

  private static List<Long> longs(Dataset<Row> rows, String column) {
    return rows.select(column).collectAsList().stream().map(row -> row.getLong(0)).toList();
  }

  @Test
  void resultsStandBesideTheirRows() {
    Dataset<Row> rows =
        numbers(1000, 3)
            .selectExpr(
                "n",
                "if(n % 7 = 0, null, concat('name ', n)) as `the.name`",
                "if(n % 5 = 0, null, cast(n as double)) as x",
                "array(n, n + 1) as other");
    StageReport report = tests.report();
    Dataset<Row> results =
        PythonStages.withColumn(
            rows,
            "text",
            TestSession.scalar("describe", "string"),
            List.of("the.name", "x"),
            report);
    // The number is null or the row's own, without decimals.
    Dataset<Row> expected =
        rows.withColumn(
            "text",
            functions.expr(
                "concat(ifnull(`the.name`, '-'), '/', if(x is null, '-', cast(n as string)))"));
    assertEquals(expected.collectAsList(), results.collectAsList());
    assertEquals(3, report.sum(Metric.TASKS));
    assertEquals(1000, report.sum(Metric.OUTPUT_ROWS));
    assertTrue(report.sum(Metric.BYTES_SENT) > 0, "bytes were sent");
  }

  @Test
  void partitionsWithoutRowsStartNoTask() {
    StageReport report = tests.report();
    Dataset<Row> rows = numbers(1000, 4).where("n >= 250 and n < 300");
    Dataset<Row> results =
        PythonStages.withColumn(
            rows, "same", TestSession.scalar("missing", "long"), List.of("n"), report);
    // The function does not exist: a partition with rows would tell.
    Dataset<Row> none =
        PythonStages.withColumn(
            rows.where("n < 0"),
            "same",
            TestSession.scalar("missing", "long"),
            List.of("n"),
            report);
    assertEquals(List.of(), none.collectAsList());
    assertThrows(SparkException.class, results::collectAsList);
    assertEquals(0, report.sum(Metric.TASKS));
  }

  @Test
  void functionsSeeTheirTask() throws IOException {
    session.sparkContext().setLocalProperty("test.property", "für alle");
    List<Row> rows;
    try {
      rows =
          PythonStages.withColumn(
                  numbers(4, 2).withColumn("p", functions.spark_partition_id()),
                  "task",
                  TestSession.scalar("task", "string"),
                  List.of("n"),
                  tests.report())
              .select("p", "task")
              .collectAsList();
    } finally {
      session.sparkContext().setLocalProperty("test.property", null);
    }
    assertEquals(4, rows.size());
    Set<Long> attempts = new TreeSet<>();
    for (Row row : rows) {
      JsonNode seen = new ObjectMapper().readTree(row.getString(1));
      assertEquals(row.getInt(0), seen.get("partition").asInt());
      assertEquals(0, seen.get("attempt").asInt());
      assertEquals(1, seen.get("cpus").asInt());
      assertEquals("für alle", seen.get("property").asText());
      attempts.add(seen.get("taskAttempt").asLong());
    }
    assertEquals(2, attempts.size(), "each task has its own id");
  }

  @Test
  void aTaskThatFailsIsTriedAgain() {
    Dataset<Row> results =
        PythonStages.withColumn(
            numbers(10, 1),
            "same",
            TestSession.scalar("second_attempt", "long"),
            List.of("n"),
            tests.report());
    assertEquals(LongStream.range(0, 10).boxed().toList(), longs(results, "same"));
  }

  @Test
  void groupsAreWhole() {
    Dataset<Row> rows =
        numbers(2000, 3).selectExpr("n", "if(n % 10 = 0, null, n % 10) as k", "'x' as other");
    PySparkFunction size =
        PySparkFunction.referenced(
            EvalType.SQL_GROUPED_MAP_PANDAS_UDF,
            "k double, size long, columns string",
            "stage_functions:size");
    Map<String, Long> sizes =
        PythonStages.applyInPandas(rows, List.of("k"), size, tests.report())
            .collectAsList()
            .stream()
            .peek(row -> assertEquals("n,k,other", row.getString(2), "columns in their order"))
            .collect(Collectors.toMap(row -> String.valueOf(row.get(0)), row -> row.getLong(1)));
    assertEquals(10, sizes.size());
    assertEquals(Set.of(200L), Set.copyOf(sizes.values()));
  }

  @Test
  void accumulatorsComeBack() throws IOException, InterruptedException {
    StageReport report = tests.report();
    PySparkFunction counting =
        PySparkFunction.pickled(
            "counting", EvalType.SQL_SCALAR_PANDAS_UDF, "long", pickleOfCounting(), version());
    Dataset<Row> results =
        PythonStages.withColumn(numbers(500, 2), "same", counting, List.of("n"), report);
    assertEquals(longs(results, "n"), longs(results, "same"));
    assertEquals(Map.of(7L, 1000L), report.accumulators(), "of two jobs");
  }

  private static byte[] pickleOfCounting() throws IOException, InterruptedException {
    return python(
        "from pyspark.accumulators import Accumulator, INT_ACCUMULATOR_PARAM as P"
            + "\nfrom pyspark.serializers import CloudPickleSerializer"
            + "\nfrom pyspark.sql.types import LongType"
            + "\nimport sys, stage_functions"
            + "\ncommand = stage_functions.counting(Accumulator(7, 0, P)), LongType()"
            + "\nsys.stdout.buffer.write(CloudPickleSerializer().dumps(command))");
  }

  private static String version() throws IOException, InterruptedException {
    return new String(python("import sys; print('%d.%d' % sys.version_info[:2], end='')"));
  }

  private static byte[] python(String program) throws IOException, InterruptedException {
    ProcessBuilder builder = new ProcessBuilder(TestSession.PYTHON, "-B", "-c", program);
    builder.environment().put("PYTHONPATH", "src/test/python");
    Process process = builder.redirectError(ProcessBuilder.Redirect.INHERIT).start();
    byte[] output = process.getInputStream().readAllBytes();
    assertEquals(0, process.waitFor());
    return output;
  }

  @Test
  void exceptionsTellWhereAndWhy() {
    Dataset<Row> results =
        PythonStages.withColumn(
            numbers(10, 1),
            "x",
            TestSession.scalar("refuse", "long"),
            List.of("n"),
            tests.report());
    SparkException error = assertThrows(SparkException.class, results::collectAsList);
    TaskFailure failure = assertInstanceOf(TaskFailure.class, error.getCause());
    assertTrue(failure.getMessage().contains("executor driver"), failure.getMessage());
    assertTrue(failure.getMessage().contains("attempt 1"), failure.getMessage());
    PythonException cause = assertInstanceOf(PythonException.class, failure.getCause());
    String traceback = cause.details().get("python.traceback");
    assertTrue(traceback.contains("ValueError: no number of 10 is good enough"), traceback);
  }

  @Test
  void anErrorOfTheRowsStaysAsItIs() {
    Dataset<Row> rows = numbers(10, 1).selectExpr("n", "assert_true(n < 5, 'too many') as a");
    Dataset<Row> results =
        PythonStages.withColumn(
            rows.selectExpr("if(a is null, n, 0) as n"),
            "t",
            TestSession.scalar("task", "string"),
            List.of("n"),
            tests.report());
    Exception error = assertThrows(Exception.class, results::collectAsList);
    StringBuilder causes = new StringBuilder();
    for (Throwable cause = error; cause != null; cause = cause.getCause()) {
      assertNotEquals(TaskFailure.class, cause.getClass());
      causes.append(cause).append('\n');
    }
    assertTrue(causes.toString().contains("too many"), causes.toString());
  }

  @Test
  void whoReadsNoFurtherEndsTheTask() {
    Dataset<Row> results =
        PythonStages.withColumn(
            numbers(100_000, 1),
            "t",
            TestSession.scalar("task", "string"),
            List.of("n"),
            tests.report());
    assertEquals(1, results.limit(1).collectAsList().size());
  }

  @Test
  void aKillReachesTheWorker() throws Exception {
    Dataset<Row> results =
        PythonStages.withColumn(
            numbers(10, 2),
            "x",
            TestSession.scalar("sleep", "long"),
            List.of("n"),
            tests.report());
    CompletableFuture<List<Row>> job =
        CompletableFuture.supplyAsync(
            () -> {
              // Spark's default: threads are not interrupted.
              session.sparkContext().setJobGroup("stuck", "sleeps", false);
              return results.collectAsList();
            });
    TestSession.await(
        "two tasks run", Duration.ofSeconds(60), () -> TestSession.runningTasks() == 2);
    session.sparkContext().cancelJobGroup("stuck");
    TestSession.await(
        "tasks killed", Duration.ofSeconds(2), () -> TestSession.runningTasks() == 0);
    ExecutionException error =
        assertThrows(ExecutionException.class, () -> job.get(10, TimeUnit.SECONDS));
    assertTrue(error.toString().contains("cancelled"), error.toString());
  }

  @Test
  void wrongArgumentsAreRefusedByTheDriver() {
    PySparkFunction task = TestSession.scalar("task", "string");
    assertThrows(
        IllegalArgumentException.class,
        () ->
            PythonStages.withColumn(numbers(1, 1), "n", task, List.of("n"), tests.report()),
        "a column of that name");
    assertThrows(
        IllegalArgumentException.class,
        () ->
            PythonStages.withColumn(numbers(1, 1), "t", task, List.of("no"), tests.report()),
        "no such column");
    assertThrows(
        IllegalArgumentException.class,
        () -> PythonStages.applyInPandas(numbers(1, 1), List.of(), task, tests.report()),
        "no keys");
    assertThrows(
        IllegalArgumentException.class,
        () -> new PySparkFunction("f", EvalType.SQL_SCALAR_PANDAS_UDF, "long", null, null, null),
        "neither pickle nor reference");
  }
}
