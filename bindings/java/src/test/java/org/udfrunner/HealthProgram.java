/* Licensed under the Apache License, Version 2.0. See LICENSE. */
package org.udfrunner;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;

/**
 * Tasks, and on the same threads what reaches Java through signal handlers: null checks and ends of
 * the stack, whose SIGSEGV now comes through Go's handler; and children of Java's own.
 */
final class HealthProgram {
  private static final int ROUNDS = 10;

  private final AtomicReference<Throwable> failure = new AtomicReference<>();
  private final AtomicInteger storms = new AtomicInteger();

  private HealthProgram() {}

  public static void main(String[] arguments) throws Exception {
    new HealthProgram().run();
    if (!Env.shutdown(java.time.Duration.ofSeconds(20))) {
      throw new AssertionError("workers are left");
    }
    System.out.println("healthy");
  }

  private void run() throws Exception {
    try (Env env = Fixtures.env();
        Runner runner = Fixtures.pandas(env, "plus_one")) {
      List<Thread> threads = new ArrayList<>();
      for (int i = 0; i < 3; i++) {
        threads.add(start(() -> tasks(runner)));
      }
      threads.add(start(HealthProgram::children));
      threads.add(start(HealthProgram::garbage));
      for (Thread thread : threads) {
        thread.join();
      }
    }
    if (failure.get() != null) {
      throw new AssertionError(failure.get());
    }
    check(storms.get() == 3 * ROUNDS, "rounds: " + storms.get());
  }

  private interface Work {
    void run() throws Exception;
  }

  private Thread start(Work work) {
    Thread thread =
        new Thread(
            () -> {
              try {
                work.run();
              } catch (Throwable thrown) {
                failure.compareAndSet(null, thrown);
              }
            });
    thread.start();
    return thread;
  }

  private void tasks(Runner runner) {
    for (int round = 0; round < ROUNDS; round++) {
      try (ResultIterator results = runner.compute(Ipc.input(3, 100), round)) {
        List<Long> values = Fixtures.drain(results);
        check(Ipc.longs(1, 301).equals(values), "results: " + values);
      }
      check(nullPointers(20_000) == 20_000, "NullPointerExceptions");
      check(overflows(5) == 5, "StackOverflowErrors");
      storms.incrementAndGet();
    }
  }

  /** Through implicit null checks: compiled code dereferences, and the signal handler throws. */
  private static int nullPointers(int count) {
    int[][] arrays = {new int[1], null};
    int caught = 0;
    for (int i = 0; i < count; i++) {
      try {
        arrays[1][0]++;
      } catch (NullPointerException e) {
        caught++;
      }
    }
    return caught;
  }

  private static int overflows(int count) {
    int caught = 0;
    for (int i = 0; i < count; i++) {
      try {
        recurse(0);
      } catch (StackOverflowError e) {
        caught++;
      }
    }
    return caught;
  }

  private static int recurse(int depth) {
    return recurse(depth + 1) + 1;
  }

  private static void children() throws IOException, InterruptedException {
    for (int i = 0; i < 3 * ROUNDS; i++) {
      Process process = new ProcessBuilder("sh", "-c", "exit " + i).start();
      int status = process.waitFor();
      check(status == i, "child " + i + " exited with " + status);
    }
  }

  private static void garbage() {
    for (int i = 0; i < 5 * ROUNDS; i++) {
      @SuppressWarnings("unused")
      byte[][] blocks = new byte[64][];
      for (int j = 0; j < blocks.length; j++) {
        blocks[j] = new byte[64 << 10];
      }
      System.gc();
    }
  }

  private static void check(boolean holds, String what) {
    if (!holds) {
      throw new AssertionError(what);
    }
  }
}
