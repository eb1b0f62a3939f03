/* Licensed under the Apache License, Version 2.0. See LICENSE. */
package org.udfrunner;

import java.util.Map;

/**
 * The function raised, or returned what its return type does not allow. A retry hits the same
 * error.
 *
 * @since 1.0
 */
public final class PythonException extends UdfRunnerException {
  /** The status code. */
  public static final int CODE = -6;

  private static final long serialVersionUID = 1L;

  PythonException(String message) {
    this(message, Map.of());
  }

  PythonException(String message, Map<String, String> details) {
    super(CODE, message, details);
  }

  /**
   * The traceback as the worker sent it, whole.
   *
   * @return the text, empty where it sent none
   */
  public String traceback() {
    return details().getOrDefault("python.traceback", "");
  }

  @Override
  public boolean isRetryable() {
    return false;
  }
}
