/* Licensed under the Apache License, Version 2.0. See LICENSE. */
package org.udfrunner;

import java.util.Map;

/**
 * Used in a forked child of the process that loaded the library.
 *
 * @since 1.0
 */
public final class ForkedException extends UdfRunnerException {
  /** The status code. */
  public static final int CODE = -16;

  private static final long serialVersionUID = 1L;

  ForkedException(String message) {
    this(message, Map.of());
  }

  ForkedException(String message, Map<String, String> details) {
    super(CODE, message, details);
  }

  @Override
  public boolean isRetryable() {
    return false;
  }
}
