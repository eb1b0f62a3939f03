/* Licensed under the Apache License, Version 2.0. See LICENSE. */
package org.udfrunner;

import java.util.Map;

/**
 * The task's deadline passed. A retry needs more time.
 *
 * @since 1.0
 */
public final class DeadlineExceededException extends UdfRunnerException {
  /** The status code. */
  public static final int CODE = -11;

  private static final long serialVersionUID = 1L;

  DeadlineExceededException(String message) {
    this(message, Map.of());
  }

  DeadlineExceededException(String message, Map<String, String> details) {
    super(CODE, message, details);
  }
}
