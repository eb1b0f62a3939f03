/* Licensed under the Apache License, Version 2.0. See LICENSE. */
package org.udfrunner.example;

import java.io.Serializable;
import java.util.Map;
import org.apache.spark.network.util.JavaUtils;

/**
 * How large a record batch may be.
 *
 * @param rows the most rows
 * @param bytes the size at which no further row is added
 */
record BatchLimits(int rows, long bytes) implements Serializable {
  static final String ROWS_KEY = "spark.sql.execution.arrow.maxRecordsPerBatch";
  static final String BYTES_KEY = "spark.sql.execution.arrow.maxBytesPerBatch";

  /** Calls of a Python function cost more than rows: Spark's own default is 10,000. */
  private static final int DEFAULT_ROWS = 1 << 16;

  private static final long DEFAULT_BYTES = 64L << 20;

  /** The limits that are set; Spark's rule holds that zero rows or less are no limit. */
  static BatchLimits of(Map<String, String> conf) {
    String rows = conf.get(ROWS_KEY);
    String bytes = conf.get(BYTES_KEY);
    int most = rows == null ? DEFAULT_ROWS : Integer.parseInt(rows.trim());
    return new BatchLimits(
        most <= 0 ? Integer.MAX_VALUE : most,
        bytes == null ? DEFAULT_BYTES : JavaUtils.byteStringAsBytes(bytes));
  }
}
