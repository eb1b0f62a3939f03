/* Licensed under the Apache License, Version 2.0. See LICENSE. */
package org.udfrunner;

import java.util.Map;

/**
 * The thread was interrupted while it waited, or before. Its interrupt flag stays set; the task
 * goes on, nothing is lost, and reading may go on once the flag is cleared.
 *
 * @since 1.0
 */
public final class WaitInterruptedException extends UdfRunnerException {
  private static final long serialVersionUID = 1L;

  WaitInterruptedException() {
    super(CancelledException.CODE, "the waiting thread was interrupted", Map.of());
  }
}
