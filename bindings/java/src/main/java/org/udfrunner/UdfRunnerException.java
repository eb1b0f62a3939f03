/* Licensed under the Apache License, Version 2.0. See LICENSE. */
package org.udfrunner;

import java.util.Map;
import java.util.OptionalInt;
import java.util.OptionalLong;

/**
 * An error of the library or of this binding; a subclass for each status code of {@code
 * udfrunner.h}.
 *
 * @since 1.0
 */
public class UdfRunnerException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  /** The status of udfrunner.h. */
  private final int code;

  /** The details by key, in the library's order. */
  private final Map<String, String> details;

  UdfRunnerException(int code, String message, Map<String, String> details) {
    super(message);
    this.code = code;
    this.details = Map.copyOf(details);
  }

  /**
   * The status code.
   *
   * @return a negative number, {@code UDFRUNNER_...} in {@code udfrunner.h}
   */
  public int code() {
    return code;
  }

  /**
   * All that is known besides the message, by the keys of {@code udfrunner_error_detail}, such as
   * {@code python.traceback} or {@code worker.exit_status}; {@code udfrunner.h} lists them.
   *
   * @return the details; those that are not known are absent
   */
  public Map<String, String> details() {
    return details;
  }

  /**
   * What ended the task, a word that programs may decide on and count; {@code udfrunner.h} lists
   * them.
   *
   * @return such as {@code "signal"} or {@code "out_of_memory"}; empty where no task was ended
   */
  public String causeWord() {
    return details.getOrDefault("cause", "");
  }

  /**
   * Whether another attempt of the task makes sense: false where it would meet the same error.
   *
   * @return what {@code udfrunner.h} says of the code
   */
  public boolean isRetryable() {
    return true;
  }

  /**
   * The process id of the task's worker.
   *
   * @return the id, where a worker was involved
   */
  public OptionalLong workerPid() {
    return number("worker.pid");
  }

  /**
   * The last lines that the worker wrote to stderr.
   *
   * @return the text, empty where there is none
   */
  public String stderrTail() {
    return details.getOrDefault("worker.stderr_tail", "");
  }

  final OptionalLong number(String key) {
    String value = details.get(key);
    return value == null ? OptionalLong.empty() : OptionalLong.of(Long.parseLong(value));
  }

  final OptionalInt integer(String key) {
    String value = details.get(key);
    return value == null ? OptionalInt.empty() : OptionalInt.of(Integer.parseInt(value));
  }
}
