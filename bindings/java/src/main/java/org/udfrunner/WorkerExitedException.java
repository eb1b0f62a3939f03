/* Licensed under the Apache License, Version 2.0. See LICENSE. */
package org.udfrunner;

import java.util.Map;
import java.util.OptionalInt;
import java.util.OptionalLong;

/**
 * The worker process ended before its task. A retry runs on another worker.
 *
 * @since 1.0
 */
public final class WorkerExitedException extends UdfRunnerException {
  /** The status code. */
  public static final int CODE = -7;

  private static final long serialVersionUID = 1L;

  WorkerExitedException(String message) {
    this(message, Map.of());
  }

  WorkerExitedException(String message, Map<String, String> details) {
    super(CODE, message, details);
  }

  /**
   * Its exit status.
   *
   * @return the status, where it exited
   */
  public OptionalInt exitStatus() {
    return integer("worker.exit_status");
  }

  /**
   * The signal that ended it.
   *
   * @return the signal's number, where one did
   */
  public OptionalInt signal() {
    return integer("worker.signal");
  }

  /**
   * Its Python stack at its death.
   *
   * @return the text, empty where none was left
   */
  public String pythonStack() {
    return details().getOrDefault("worker.python_stack", "");
  }

  /**
   * The most memory that it had.
   *
   * @return bytes, where known
   */
  public OptionalLong peakMemory() {
    return number("worker.peak_rss");
  }
}
