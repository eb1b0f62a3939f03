/* Licensed under the Apache License, Version 2.0. See LICENSE. */
package org.udfrunner;

import java.util.Map;

/**
 * The library's own fault. Please report it.
 *
 * @since 1.0
 */
public final class InternalException extends UdfRunnerException {
  /** The status code. */
  public static final int CODE = -15;

  private static final long serialVersionUID = 1L;

  InternalException(String message) {
    this(message, Map.of());
  }

  InternalException(String message, Map<String, String> details) {
    super(CODE, message, details);
  }

  /**
   * Value and stack of the Go panic.
   *
   * @return the text, empty where there is none
   */
  public String panic() {
    return details().getOrDefault("go.panic", "");
  }
}
