/* Licensed under the Apache License, Version 2.0. See LICENSE. */
package org.udfrunner.example;

import java.io.IOException;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;

/**
 * The application: a scalar and a grouped PySpark function over all flights out of New York in 2013,
 * compared with what PySpark itself answers. Ends with status 1 where an answer differs.
 */
public final class FlightsJob {
  private final Options options;
  private final SparkSession session;
  private final FlightData data;
  private final Progress progress = new Progress();
  private boolean right = true;

  private FlightsJob(Options options, SparkSession session) throws IOException {
    this.options = options;
    this.session = session;
    data = new FlightData(options.data());
  }

  /**
   * Runs the application; its master and files come from spark-submit.
   *
   * @param arguments as {@link Options#USAGE} tells
   * @throws Exception ends the application
   */
  public static void main(String[] arguments) throws Exception {
    Options options;
    try {
      options = Options.parse(arguments);
    } catch (IllegalArgumentException e) {
      System.err.println(e.getMessage() + "\n" + Options.USAGE);
      System.exit(2);
      return;
    }
    SparkSession session =
        SparkSession.builder()
            .appName("udfrunner: flights")
            .config("spark.plugins", UdfRunnerPlugin.class.getName())
            .getOrCreate();
    boolean right;
    try {
      right = new FlightsJob(options, session).run();
    } finally {
      session.stop();
    }
    System.exit(right ? 0 : 1);
  }

  private boolean run() throws IOException {
    if (options.progress()) {
      session.sparkContext().addSparkListener(progress);
    }
    if (options.pauseSeconds() > 0) {
      // Reaches the functions as a local property of their tasks.
      session.sparkContext().setLocalProperty(
          "flights.pause.seconds", Double.toString(options.pauseSeconds()));
    }
    Dataset<Row> flights = session.read().parquet(data.path("flights"));
    if (options.partitions() > 0) {
      flights = flights.repartition(options.partitions());
    }
    Dataset<Row> speedInput = flights.select("id", "distance", "air_time");
    PySparkFunction speed = data.speed();
    Map<Long, Long> unknown =
        compare(
            "speed",
            report ->
                PythonStages.withColumn(
                        speedInput, "speed", speed, FlightData.SPEED_ARGUMENTS, report)
                    .select("id", "speed"));
    boolean same = unknown.equals(data.accumulators());
    right &= same;
    System.out.printf("accumulators %s, as PySpark's: %s%n", unknown, same ? "yes" : "NO");
    Dataset<Row> latenessInput = flights.select("id", "dest", "arr_delay");
    compare(
        "lateness",
        report ->
            PythonStages.applyInPandas(
                latenessInput, FlightData.LATENESS_KEYS, data.latenessByReference(), report));
    session.sparkContext().setLocalProperty("flights.pause.seconds", null);
    if (options.rounds() > 0) {
      new SpeedComparison(session, data, options.rounds()).run();
    }
    return right;
  }

  /** Runs a stage into a file, as jobs do, and compares the file with PySpark's. */
  private Map<Long, Long> compare(String name, Function<StageReport, Dataset<Row>> stage) {
    StageReport report = new StageReport(session.sparkContext(), name);
    System.out.printf("%s: begins%n", name);
    long start = System.nanoTime();
    String file = data.path("results/" + name);
    progress.watch(report);
    stage.apply(report).write().mode("overwrite").parquet(file);
    double seconds = (System.nanoTime() - start) / 1e9;
    progress.watch(null);
    Dataset<Row> ours = session.read().parquet(file);
    Dataset<Row> theirs = session.read().parquet(data.path("answers/" + name));
    long rows = ours.count();
    long answered = theirs.count();
    boolean same =
        rows == answered
            && ours.exceptAll(theirs).isEmpty()
            && theirs.exceptAll(ours).isEmpty();
    right &= same;
    System.out.printf(
        "%s: %,d rows in %.1f s, by PySpark %,d in %.1f s, first run each; equal: %s%n",
        name, rows, seconds, answered, data.seconds(name), same ? "yes" : "NO");
    System.out.println("metrics " + report.sums());
    return report.accumulators();
  }
}
