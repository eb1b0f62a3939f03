/* Licensed under the Apache License, Version 2.0. See LICENSE. */
package org.udfrunner;

import java.util.Map;

/**
 * An object of the library's that is gone, or of another kind.
 *
 * @since 1.0
 */
public final class InvalidHandleException extends UdfRunnerException {
  /** The status code. */
  public static final int CODE = -4;

  private static final long serialVersionUID = 1L;

  InvalidHandleException(String message) {
    this(message, Map.of());
  }

  InvalidHandleException(String message, Map<String, String> details) {
    super(CODE, message, details);
  }

  @Override
  public boolean isRetryable() {
    return false;
  }
}
