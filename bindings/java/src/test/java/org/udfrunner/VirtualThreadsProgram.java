/* Licensed under the Apache License, Version 2.0. See LICENSE. */
package org.udfrunner;

import java.lang.reflect.Method;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

/**
 * Tasks on virtual threads; their count and the folder in which their functions meet are the
 * arguments. By reflection, since the tests are compiled for Java 17.
 */
final class VirtualThreadsProgram {
  private VirtualThreadsProgram() {}

  static Thread start(Runnable run) {
    try {
      Method start = Thread.class.getMethod("startVirtualThread", Runnable.class);
      return (Thread) start.invoke(null, run);
    } catch (ReflectiveOperationException e) {
      throw new IllegalStateException(e);
    }
  }

  public static void main(String[] arguments) throws InterruptedException {
    int tasks = Integer.parseInt(arguments[0]);
    try (Env env = Fixtures.env("spark.executorEnv.MEETING", arguments[1]);
        Runner runner =
            Fixtures.builder(env, EvalType.SQL_SCALAR_PANDAS_UDF)
                .function(Fixtures.function("java_functions:meet").returns("long"), 0)
                .build()) {
      System.out.println(run(runner, tasks));
      interrupted(runner);
      System.out.println(Env.shutdown(Duration.ofSeconds(20)));
    }
  }

  private static List<Long> run(Runner runner, int tasks) throws InterruptedException {
    List<Long> results = new ArrayList<>();
    CountDownLatch ended = new CountDownLatch(tasks);
    for (int i = 0; i < tasks; i++) {
      int partition = i;
      start(
          () -> {
            try (ResultIterator task = runner.compute(Ipc.inputOf(tasks), partition)) {
              List<Long> read = Fixtures.drain(task);
              synchronized (results) {
                results.addAll(read);
              }
            } finally {
              ended.countDown();
            }
          });
    }
    if (!ended.await(60, TimeUnit.SECONDS)) {
      System.out.println("tasks did not end");
      Runtime.getRuntime().halt(1);
    }
    return results;
  }

  /** A wait on a virtual thread ends by interrupt, and by a cancel of another thread's. */
  private static void interrupted(Runner runner) throws InterruptedException {
    // Nobody else meets it.
    try (ResultIterator task = runner.compute(Ipc.inputOf(1_000_000), 0)) {
      for (boolean cancel : new boolean[] {false, true}) {
        CountDownLatch runs = new CountDownLatch(1);
        Thread reader =
            start(
                () -> {
                  runs.countDown();
                  try {
                    while (task.hasNext()) {
                      task.next().close();
                    }
                  } catch (UdfRunnerException e) {
                    System.out.println(e.getClass().getSimpleName());
                  }
                });
        runs.await();
        if (cancel) {
          task.cancel("test");
        } else {
          reader.interrupt();
        }
        reader.join();
      }
    }
  }
}
