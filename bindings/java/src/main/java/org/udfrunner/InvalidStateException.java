/* Licensed under the Apache License, Version 2.0. See LICENSE. */
package org.udfrunner;

import java.util.Map;

/**
 * Not allowed now: closed, used concurrently, after the first compute, or in a second way of
 * reading.
 *
 * @since 1.0
 */
public final class InvalidStateException extends UdfRunnerException {
  /** The status code. */
  public static final int CODE = -3;

  private static final long serialVersionUID = 1L;

  InvalidStateException(String message) {
    this(message, Map.of());
  }

  InvalidStateException(String message, Map<String, String> details) {
    super(CODE, message, details);
  }

  @Override
  public boolean isRetryable() {
    return false;
  }
}
