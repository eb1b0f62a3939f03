/* Licensed under the Apache License, Version 2.0. See LICENSE. */
package org.udfrunner;

import java.util.Map;

/**
 * Out of memory.
 *
 * @since 1.0
 */
public final class NoMemoryException extends UdfRunnerException {
  /** The status code. */
  public static final int CODE = -12;

  private static final long serialVersionUID = 1L;

  NoMemoryException(String message) {
    this(message, Map.of());
  }

  NoMemoryException(String message, Map<String, String> details) {
    super(CODE, message, details);
  }
}
