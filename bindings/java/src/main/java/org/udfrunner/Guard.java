/* Licensed under the Apache License, Version 2.0. See LICENSE. */
package org.udfrunner;

import java.util.concurrent.atomic.AtomicLong;

/**
 * Counts the uses of something native, which is freed once: when it is closed and no use is left.
 *
 * <p>It holds no reference to the object that it guards, so that a {@link java.lang.ref.Cleaner}
 * may run it.
 */
abstract class Guard {
  private static final long CLOSED = 1L << 62;

  private final String what;
  private final AtomicLong state = new AtomicLong();

  Guard(String what) {
    this.what = what;
  }

  /** Begins a use; each is ended by {@link #exit}. */
  final void enter() {
    if (!tryEnter()) {
      throw new InvalidStateException(what + " is closed");
    }
  }

  /** Begins a use, or gives false where it is closed. */
  final boolean tryEnter() {
    while (true) {
      long now = state.get();
      if (now >= CLOSED) {
        return false;
      }
      if (state.compareAndSet(now, now + 1)) {
        return true;
      }
    }
  }

  /** Ends a use, and frees where it is closed and this was the last. */
  final void exit() {
    if (state.decrementAndGet() == CLOSED) {
      free(false);
    }
  }

  final boolean isClosed() {
    return state.get() >= CLOSED;
  }

  /** Closes; frees now or, where uses go on, at the end of the last of them. */
  final void close() {
    while (true) {
      long now = state.get();
      if (now >= CLOSED) {
        return;
      }
      if (state.compareAndSet(now, now + CLOSED)) {
        if (now == 0) {
          free(false);
        } else {
          interrupt();
        }
        return;
      }
    }
  }

  /** What a Cleaner does: nobody can use it any more. Runs no code of the host's. */
  final void forget() {
    if (state.getAndUpdate(now -> now | CLOSED) < CLOSED) {
      free(true);
    }
  }

  /** Frees what is guarded; where it was forgotten without running code of the host's. */
  abstract void free(boolean forgotten);

  /** Hastens the end of uses that go on while it is closed. */
  void interrupt() {}
}
