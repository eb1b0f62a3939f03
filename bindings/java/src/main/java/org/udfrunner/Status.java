/* Licensed under the Apache License, Version 2.0. See LICENSE. */
package org.udfrunner;

/**
 * Outcomes that are not errors, of input sources and of reads.
 *
 * @since 1.0
 */
public enum Status {
  /** There is something: the output was filled. */
  OK,
  /** The end: of a source's input, of a task's results. */
  DONE,
  /** The time ran out; nothing is lost, call again. Only of reads. */
  TIMED_OUT,
  /**
   * No input now. A source says so; a read passes it on where no output is ready either. Call again
   * when there is input.
   */
  AGAIN;

  private static final Status[] VALUES = values();

  static Status of(int code) {
    return VALUES[code];
  }
}
