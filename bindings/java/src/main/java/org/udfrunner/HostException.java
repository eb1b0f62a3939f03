/* Licensed under the Apache License, Version 2.0. See LICENSE. */
package org.udfrunner;

import java.util.Map;

/**
 * The input failed or supplied malformed data. Where a source threw, that is the cause.
 *
 * @since 1.0
 */
public final class HostException extends UdfRunnerException {
  /** The status code. */
  public static final int CODE = -14;

  private static final long serialVersionUID = 1L;

  HostException(String message) {
    this(message, Map.of());
  }

  HostException(String message, Map<String, String> details) {
    super(CODE, message, details);
  }
}
