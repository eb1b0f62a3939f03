/* Licensed under the Apache License, Version 2.0. See LICENSE. */
package org.udfrunner;

import java.util.Map;

/**
 * No worker could be started: interpreter, PySpark or a start-up limit. Fix the cause, then retry.
 *
 * @since 1.0
 */
public final class SpawnException extends UdfRunnerException {
  /** The status code. */
  public static final int CODE = -9;

  private static final long serialVersionUID = 1L;

  SpawnException(String message) {
    this(message, Map.of());
  }

  SpawnException(String message, Map<String, String> details) {
    super(CODE, message, details);
  }
}
