/* Licensed under the Apache License, Version 2.0. See LICENSE. */
package org.udfrunner;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** Many threads: each with a task, and thousands that call once and end. */
class ThreadsTest {
  private static long nativeThreads() {
    try (Stream<Path> tasks = Files.list(Path.of("/proc/self/task"))) {
      return tasks.count();
    } catch (IOException e) {
      throw new IllegalStateException(e);
    }
  }

  private static void join(List<Thread> threads) throws InterruptedException {
    for (Thread thread : threads) {
      thread.join();
    }
  }

  /** Go binds something of its own to each thread that calls it, and gives it back at its end. */
  @Test
  void thousandsOfThreadsThatCallOnce() throws Exception {
    try (Env env = Fixtures.env()) {
      long before = nativeThreads();
      AtomicInteger answers = new AtomicInteger();
      for (int round = 0; round < 50; round++) {
        List<Thread> threads = new ArrayList<>();
        for (int i = 0; i < 100; i++) {
          Thread thread =
              new Thread(
                  () -> {
                    if (env.stats().startsWith("{")) {
                      answers.incrementAndGet();
                    }
                  });
          thread.start();
          threads.add(thread);
        }
        join(threads);
      }
      assertEquals(5000, answers.get());
      assertTrue(Leaks.eventually(() -> nativeThreads() < before + 100));
    }
  }

  @Test
  void taskInEachThread() throws Exception {
    try (Env env = Fixtures.env();
        Runner runner = Fixtures.pandas(env, "plus_one")) {
      List<Thread> threads = new ArrayList<>();
      AtomicInteger good = new AtomicInteger();
      for (int i = 0; i < 4; i++) {
        int partition = i;
        Thread thread =
            new Thread(
                () -> {
                  for (int task = 0; task < 10; task++) {
                    try (ResultIterator results = runner.compute(Ipc.input(3, 100), partition)) {
                      if (Ipc.longs(1, 301).equals(Fixtures.drain(results))) {
                        good.incrementAndGet();
                      }
                    }
                  }
                });
        thread.start();
        threads.add(thread);
      }
      join(threads);
      assertEquals(40, good.get());
    }
  }

  /** An iterator may move between threads. */
  @Test
  void readByManyThreadsInTurn() throws Exception {
    try (Env env = Fixtures.env();
        Runner runner = Fixtures.pandas(env, "plus_one");
        ResultIterator results = runner.compute(Ipc.input(10, 10), 0)) {
      AtomicInteger messages = new AtomicInteger();
      while (!results.isDone()) {
        Thread thread =
            new Thread(
                () -> {
                  if (results.hasNext()) {
                    try (Chunk chunk = results.next()) {
                      messages.addAndGet(chunk.count());
                    }
                  }
                });
        thread.start();
        thread.join();
      }
      assertEquals(11, messages.get());
    }
  }
}
