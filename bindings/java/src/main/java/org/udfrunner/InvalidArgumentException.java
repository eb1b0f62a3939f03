/* Licensed under the Apache License, Version 2.0. See LICENSE. */
package org.udfrunner;

import java.util.Map;

/**
 * A value that is not allowed. Do not retry.
 *
 * @since 1.0
 */
public final class InvalidArgumentException extends UdfRunnerException {
  /** The status code. */
  public static final int CODE = -2;

  private static final long serialVersionUID = 1L;

  InvalidArgumentException(String message) {
    this(message, Map.of());
  }

  InvalidArgumentException(String message, Map<String, String> details) {
    super(CODE, message, details);
  }

  @Override
  public boolean isRetryable() {
    return false;
  }
}
