/* Licensed under the Apache License, Version 2.0. See LICENSE. */
package org.udfrunner;

import java.time.Duration;

/**
 * A wait in slices: a native call can't be interrupted, so {@link Thread#interrupt} is looked for
 * between two of them.
 */
final class Wait {
  /** The longest single wait in the library. */
  static final long SLICE_MILLIS = 100;

  private final long end;
  private final boolean limited;

  private Wait(boolean limited, long end) {
    this.limited = limited;
    this.end = end;
  }

  /** A wait of that time from now on; null is forever. */
  static Wait of(Duration timeout) {
    if (timeout == null || timeout.compareTo(Duration.ofDays(365)) > 0) {
      return new Wait(false, 0);
    }
    return new Wait(true, System.nanoTime() + Math.max(0, timeout.toNanos()));
  }

  /** How long the next call may wait, in ms. Throws where the thread was interrupted. */
  long slice() {
    if (Thread.currentThread().isInterrupted()) {
      throw new WaitInterruptedException();
    }
    if (!limited) {
      return SLICE_MILLIS;
    }
    long left = end - System.nanoTime();
    return left <= 0 ? 0 : Math.min(SLICE_MILLIS, (left + 999_999) / 1_000_000);
  }

  boolean isOver() {
    return limited && System.nanoTime() - end >= 0;
  }
}
