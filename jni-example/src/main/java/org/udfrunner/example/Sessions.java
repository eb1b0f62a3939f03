/* Licensed under the Apache License, Version 2.0. See LICENSE. */
package org.udfrunner.example;

import java.util.HashMap;
import java.util.Iterator;
import java.util.Map;
import org.apache.spark.api.java.JavaRDD;
import org.apache.spark.api.java.function.FlatMapFunction;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.catalyst.InternalRow;
import org.apache.spark.sql.classic.SparkSession;
import org.apache.spark.sql.types.StructType;
import scala.jdk.javaapi.CollectionConverters;

/** What is used of Spark's sessions that it does not promise to keep. */
final class Sessions {
  private Sessions() {}

  /** A Dataset's rows as its physical plan makes them. */
  static JavaRDD<InternalRow> internalRows(Dataset<Row> rows) {
    return classic(rows).queryExecution().toRdd().toJavaRDD();
  }

  /** Maps a Dataset's partitions of internal rows to rows of another schema. */
  static Dataset<Row> mapPartitions(
      Dataset<Row> rows,
      StructType schema,
      FlatMapFunction<Iterator<InternalRow>, InternalRow> function) {
    SparkSession session = classic(rows).sparkSession();
    return session.internalCreateDataFrame(
        internalRows(rows).mapPartitions(function).rdd(), schema, false);
  }

  /** What is set of {@code spark.sql.*} in a session, and its time zone. */
  static Map<String, String> conf(org.apache.spark.sql.SparkSession session) {
    Map<String, String> conf = new HashMap<>(CollectionConverters.asJava(session.conf().getAll()));
    conf.keySet().removeIf(key -> !key.startsWith("spark.sql."));
    conf.put(ArrowOptions.TIME_ZONE_KEY, session.conf().get(ArrowOptions.TIME_ZONE_KEY));
    return conf;
  }

  private static org.apache.spark.sql.classic.Dataset<Row> classic(Dataset<Row> rows) {
    if (rows instanceof org.apache.spark.sql.classic.Dataset<Row> classic) {
      return classic;
    }
    throw new IllegalArgumentException("a Dataset of Spark Connect: it has no RDD");
  }
}
