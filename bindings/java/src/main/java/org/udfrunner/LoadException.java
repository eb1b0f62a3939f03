/* Licensed under the Apache License, Version 2.0. See LICENSE. */
package org.udfrunner;

import java.util.Map;

/**
 * The native library can't be loaded in this JVM; the message says what was tried and what to do.
 * Do not retry in this JVM: each later use throws the same. No {@link Error}, on which hosts such
 * as Spark end a whole executor; what the JVM threw is the cause.
 *
 * @since 1.0
 */
public final class LoadException extends UdfRunnerException {
  /** The status code: that of {@link NotSupportedException}. */
  public static final int CODE = NotSupportedException.CODE;

  private static final long serialVersionUID = 1L;

  LoadException(String message) {
    this(message, null);
  }

  LoadException(String message, Throwable cause) {
    super(CODE, message, Map.of());
    if (cause != null) {
      initCause(cause);
    }
  }

  @Override
  public boolean isRetryable() {
    return false;
  }
}
