/* Licensed under the Apache License, Version 2.0. See LICENSE. */
package org.udfrunner.example;

import java.io.IOException;
import java.util.ArrayList;
import java.util.Collections;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;

/**
 * Times the same functions over the same rows by Spark's own Python runner and by the library, in
 * one session and taking turns, and splits the times: a stage is what is before Arrow, what is
 * between Arrow in and Arrow out, and what comes after. Of each way the best round counts: what
 * else a machine does only adds.
 */
final class SpeedComparison {
  /** What takes turns. */
  private enum Way {
    /** The input's rows alone. */
    ROWS,
    /** The input's rows to Arrow and back, in the JVM. */
    LOOPBACK,
    SPARK,
    LIBRARY
  }

  private final SparkSession session;
  private final FlightData data;
  private final int rounds;

  /** What stages reported, in their order. */
  private final List<StageReport> reports = new ArrayList<>();

  SpeedComparison(SparkSession session, FlightData data, int rounds) {
    this.session = session;
    this.data = data;
    this.rounds = rounds;
  }

  void run() throws IOException {
    Dataset<Row> flights = session.read().parquet(data.path("more-flights"));
    long rows = flights.count();
    scalar(flights.select("id", "distance", "air_time"), rows);
    grouped(flights.select("id", "dest", "arr_delay"), rows);
  }

  private void scalar(Dataset<Row> rows, long count) throws IOException {
    PySparkFunction speed = data.speed();
    List<String> arguments = FlightData.SPEED_ARGUMENTS;
    compare(
        "pandas function",
        count,
        Map.of(
            Way.ROWS,
            () -> rows.select("id", "distance", "air_time"),
            Way.LOOPBACK,
            () -> PythonStages.withColumn(rows, "speed", arguments, spec(speed, new Loopback(1))),
            Way.SPARK,
            () -> SparkPython.withColumn(rows, "speed", speed, arguments),
            Way.LIBRARY,
            () ->
                PythonStages.withColumn(rows, "speed", arguments, spec(speed, PythonTask::start))));
  }

  private void grouped(Dataset<Row> rows, long count) throws IOException {
    PySparkFunction lateness = data.lateness();
    List<String> keys = FlightData.LATENESS_KEYS;
    compare(
        "grouped function",
        count,
        Map.of(
            Way.ROWS,
            () -> rows.repartition(rows.col("dest")).sortWithinPartitions("dest"),
            Way.LOOPBACK,
            // Sorted by dest, which comes first.
            () -> PythonStages.applyInPandas(rows, keys, spec(lateness, new Loopback(1, 0, 2))),
            Way.SPARK,
            () -> SparkPython.applyInPandas(rows, keys, lateness),
            Way.LIBRARY,
            () -> PythonStages.applyInPandas(rows, keys, spec(lateness, PythonTask::start))));
  }

  private StageSpec spec(PySparkFunction function, StageSpec.Starter starter) {
    StageReport report = new StageReport(session.sparkContext(), function.name());
    reports.add(report);
    return new StageSpec(function, Sessions.conf(session), report, starter);
  }

  private void compare(String what, long rows, Map<Way, Supplier<Dataset<Row>>> ways) {
    reports.clear();
    Map<Way, List<Double>> seconds = new EnumMap<>(Way.class);
    for (Way way : Way.values()) {
      time(ways.get(way)); // warms up: code, workers, page cache
      seconds.put(way, new ArrayList<>());
    }
    for (int round = 0; round < rounds; round++) {
      for (Way way : Way.values()) {
        seconds.get(way).add(time(ways.get(way)));
      }
    }
    double scan = Collections.min(seconds.get(Way.ROWS));
    double loopback = Collections.min(seconds.get(Way.LOOPBACK));
    double spark = Collections.min(seconds.get(Way.SPARK));
    double library = Collections.min(seconds.get(Way.LIBRARY));
    System.out.printf(
        "%n%s, %,d rows, best of %d rounds%n%-34s %14s %11s %7s%n",
        what, rows, rounds, "", "Spark's runner", "library", "ratio");
    line("whole stage", spark, library);
    line("  the rows themselves", scan, scan);
    line("  rows to Arrow and back", loopback - scan, loopback - scan);
    line("  between Arrow in and Arrow out", spark - loopback, library - loopback);
    // A loopback's report stays empty.
    double inside =
        reports.stream()
                .skip(2)
                .mapToLong(report -> report.sum(StageReport.Metric.ARROW_MS))
                .filter(millis -> millis > 0)
                .min()
                .orElse(0)
            / 1e3
            / session.sparkContext().defaultParallelism();
    line("  the same, as the tasks measured it", spark - loopback, inside);
  }

  private static void line(String what, double spark, double library) {
    System.out.printf("%-34s %12.3f s %9.3f s %7.2f%n", what, spark, library, library / spark);
  }

  private double time(Supplier<Dataset<Row>> way) {
    long start = System.nanoTime();
    Sessions.internalRows(way.get())
        .foreachPartition(
            rows -> {
              while (rows.hasNext()) {
                rows.next();
              }
            });
    return (System.nanoTime() - start) / 1e9;
  }
}
