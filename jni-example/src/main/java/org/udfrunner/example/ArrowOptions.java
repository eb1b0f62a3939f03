/* Licensed under the Apache License, Version 2.0. See LICENSE. */
package org.udfrunner.example;

import java.io.Serializable;
import java.util.Map;
import java.util.TimeZone;

/**
 * How rows become Arrow data, from the session's configuration.
 *
 * @param limits how large a batch may be
 * @param timeZone of timestamps with a time zone
 * @param largeVariableTypes whether strings and binaries have 64-bit offsets
 */
record ArrowOptions(BatchLimits limits, String timeZone, boolean largeVariableTypes)
    implements Serializable {
  static final String TIME_ZONE_KEY = "spark.sql.session.timeZone";
  private static final String LARGE_KEY = "spark.sql.execution.arrow.useLargeVarTypes";

  static ArrowOptions of(Map<String, String> conf) {
    return new ArrowOptions(
        BatchLimits.of(conf),
        conf.getOrDefault(TIME_ZONE_KEY, TimeZone.getDefault().getID()),
        Boolean.parseBoolean(conf.get(LARGE_KEY)));
  }
}
