/* Licensed under the Apache License, Version 2.0. See LICENSE. */
package org.udfrunner;

import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.MethodType;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.locks.LockSupport;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Supplier;

/**
 * Waits of virtual threads. A native call pins the carrier thread, so that none may wait: the
 * virtual thread parks, and one platform thread, which is there while it is needed, waits for the
 * event descriptors of all.
 */
final class VirtualThreads {
  /** The helper ends where nobody has waited for so long. */
  private static final int IDLE_MILLIS = 1000;

  /** What a descriptor-less wait pauses between two looks. */
  private static final long LOOK_MILLIS = 10;

  private static final MethodHandle IS_VIRTUAL = find();
  private static final ReentrantLock LOCK = new ReentrantLock();
  private static final Map<Long, Thread> PARKED = new HashMap<>();
  private static long lastId;

  /** The helper's epoll descriptor; -1 where there is no helper. */
  private static int epoll = -1;

  private VirtualThreads() {}

  private static MethodHandle find() {
    try {
      return MethodHandles.publicLookup()
          .findVirtual(Thread.class, "isVirtual", MethodType.methodType(boolean.class));
    } catch (ReflectiveOperationException e) {
      return null; // Before Java 21 there are none.
    }
  }

  /** Whether this is one. */
  static boolean isCurrent() {
    if (IS_VIRTUAL == null) {
      return false;
    }
    try {
      return (boolean) IS_VIRTUAL.invokeExact(Thread.currentThread());
    } catch (Throwable e) {
      throw new IllegalStateException(e);
    }
  }

  /**
   * Parks until a descriptor is readable, the thread is interrupted or the time is over; may end
   * earlier. The descriptor stays open meanwhile.
   */
  static void awaitReadable(int fd, long millis) {
    long id = register(fd);
    if (id == 0) {
      pause(millis);
      return;
    }
    try {
      park(millis);
    } finally {
      unregister(id, fd);
    }
  }

  /** Parks between two looks for something that has no descriptor. */
  static void pause(long millis) {
    park(Math.min(millis, LOOK_MILLIS));
  }

  /** Runs on a platform thread what waits in native code without slices. */
  static <T> T onPlatformThread(Supplier<T> call) {
    if (!isCurrent()) {
      return call.get();
    }
    Call<T> helper = new Call<>(call);
    helper.start();
    boolean interrupted = false;
    while (true) {
      try {
        helper.join();
        break;
      } catch (InterruptedException e) {
        interrupted = true;
      }
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
    return helper.result();
  }

  private static void park(long millis) {
    LockSupport.parkNanos(VirtualThreads.class, millis * 1_000_000);
  }

  /** The id of the wait; 0 where descriptors are short. */
  private static long register(int fd) {
    LOCK.lock();
    try {
      if (epoll < 0 && !startHelper()) {
        return 0;
      }
      long id = ++lastId;
      if (!Native.epollAdd(epoll, fd, id)) {
        return 0;
      }
      PARKED.put(id, Thread.currentThread());
      return id;
    } finally {
      LOCK.unlock();
    }
  }

  private static boolean startHelper() {
    int opened = Native.epollOpen();
    if (opened < 0) {
      return false;
    }
    try {
      new Daemon(() -> serve(opened)).start();
    } catch (Throwable thrown) {
      Native.epollClose(opened);
      throw thrown;
    }
    epoll = opened;
    return true;
  }

  private static void unregister(long id, int fd) {
    LOCK.lock();
    try {
      PARKED.remove(id);
      // The helper does not end between: this thread was parked, or has just been.
      if (epoll >= 0) {
        Native.epollRemove(epoll, fd);
      }
    } finally {
      LOCK.unlock();
    }
  }

  /** The helper: wakes those whose descriptor is readable. */
  private static void serve(int opened) {
    long[] ready = new long[64];
    while (true) {
      int n = Native.epollWait(opened, ready, IDLE_MILLIS);
      LOCK.lock();
      try {
        for (int i = 0; i < n; i++) {
          LockSupport.unpark(PARKED.remove(ready[i]));
        }
        if (n == 0 && PARKED.isEmpty()) {
          Native.epollClose(opened);
          epoll = -1;
          return;
        }
      } finally {
        LOCK.unlock();
      }
    }
  }

  private static class Daemon extends Thread {
    Daemon(Runnable run) {
      super(null, run, "udfrunner-wait", 0, false);
      setDaemon(true);
    }
  }

  /** One call, and what came of it. */
  private static final class Call<T> extends Daemon {
    private final Supplier<T> call;
    private T value;
    private RuntimeException thrown;

    Call(Supplier<T> call) {
      super(null);
      this.call = call;
    }

    @Override
    public void run() {
      try {
        value = call.get();
      } catch (RuntimeException e) {
        thrown = e;
      }
    }

    T result() {
      if (thrown != null) {
        throw thrown;
      }
      return value;
    }
  }
}
