/* Licensed under the Apache License, Version 2.0. See LICENSE. */
package org.udfrunner;

import java.util.Map;

/**
 * The task was cancelled, closed, destroyed or shut down. Retry at will.
 *
 * @since 1.0
 */
public final class CancelledException extends UdfRunnerException {
  /** The status code. */
  public static final int CODE = -5;

  private static final long serialVersionUID = 1L;

  CancelledException(String message) {
    this(message, Map.of());
  }

  CancelledException(String message, Map<String, String> details) {
    super(CODE, message, details);
  }
}
