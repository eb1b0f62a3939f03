/* Licensed under the Apache License, Version 2.0. See LICENSE. */
package org.udfrunner;

import java.util.Map;

/**
 * Known, but not available: eval type, PySpark version, feature. Do not retry.
 *
 * @since 1.0
 */
public final class NotSupportedException extends UdfRunnerException {
  /** The status code. */
  public static final int CODE = -13;

  private static final long serialVersionUID = 1L;

  NotSupportedException(String message) {
    this(message, Map.of());
  }

  NotSupportedException(String message, Map<String, String> details) {
    super(CODE, message, details);
  }

  @Override
  public boolean isRetryable() {
    return false;
  }
}
