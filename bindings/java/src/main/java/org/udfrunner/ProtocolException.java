/* Licensed under the Apache License, Version 2.0. See LICENSE. */
package org.udfrunner;

import java.util.Map;

/**
 * The worker broke the protocol. A retry may help.
 *
 * @since 1.0
 */
public final class ProtocolException extends UdfRunnerException {
  /** The status code. */
  public static final int CODE = -8;

  private static final long serialVersionUID = 1L;

  ProtocolException(String message) {
    this(message, Map.of());
  }

  ProtocolException(String message, Map<String, String> details) {
    super(CODE, message, details);
  }
}
