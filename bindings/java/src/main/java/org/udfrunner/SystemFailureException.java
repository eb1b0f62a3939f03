/* Licensed under the Apache License, Version 2.0. See LICENSE. */
package org.udfrunner;

import java.util.Map;

/**
 * The operating system: sockets, descriptors, files. A retry may help.
 *
 * @since 1.0
 */
public final class SystemFailureException extends UdfRunnerException {
  /** The status code. */
  public static final int CODE = -10;

  private static final long serialVersionUID = 1L;

  SystemFailureException(String message) {
    this(message, Map.of());
  }

  SystemFailureException(String message, Map<String, String> details) {
    super(CODE, message, details);
  }
}
