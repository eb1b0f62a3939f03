/* Licensed under the Apache License, Version 2.0. See LICENSE. */
package org.udfrunner;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;

/**
 * Tasks of all kinds for minutes, from threads that come and go; then counters that must be flat:
 * descriptors, children, threads, memory of the process. Run by {@code make soak-java}.
 *
 * <p>Argument: minutes.
 */
final class SoakProgram {
  private static final int THREADS = 3;
  private static final int TASKS_A_THREAD = 20;
  private static final long SAMPLE_MILLIS = 5_000;

  private final AtomicLong tasks = new AtomicLong();
  private final AtomicReference<Throwable> failure = new AtomicReference<>();

  private SoakProgram() {}

  /** What is counted, at one time. */
  private record Counters(long descriptors, long children, long threads, long residentKilobytes) {
    static Counters now() throws IOException {
      System.gc();
      String status = Files.readString(Path.of("/proc/self/status"));
      return new Counters(
          Leaks.descriptors().size(),
          Leaks.children().size(),
          number(status, "Threads:"),
          number(status, "VmRSS:"));
    }

    private static long number(String status, String key) {
      return status
          .lines()
          .filter(line -> line.startsWith(key))
          .mapToLong(line -> Long.parseLong(line.replaceAll("\\D", "")))
          .findFirst()
          .orElseThrow();
    }
  }

  public static void main(String[] arguments) throws Exception {
    TestNative.load();
    double minutes = Double.parseDouble(arguments[0]);
    new SoakProgram().run((long) (minutes * 60_000));
  }

  private void run(long millis) throws Exception {
    List<Counters> samples = new ArrayList<>();
    try (Env env = Fixtures.env()) {
      long start = System.nanoTime();
      long next = 0;
      for (long seed = 0; failure.get() == null; seed++) {
        rounds(env, seed);
        long passed = (System.nanoTime() - start) / 1_000_000;
        if (passed >= next) {
          Counters counters = Counters.now();
          samples.add(counters);
          System.out.println(passed / 1000 + " s, " + tasks + " tasks, " + counters);
          next = passed + SAMPLE_MILLIS;
        }
        if (passed > millis) {
          break;
        }
      }
    }
    if (failure.get() != null) {
      throw new AssertionError(failure.get());
    }
    check(samples);
    if (!Leaks.eventually(() -> Leaks.children().isEmpty())) {
      throw new AssertionError("children left: " + Leaks.children());
    }
    System.out.println("flat: " + tasks + " tasks");
  }

  /** The last third compared with the third before it: the first one warms up. */
  private static void check(List<Counters> samples) {
    int third = samples.size() / 3;
    if (third == 0) {
      throw new AssertionError(samples.size() + " samples: a longer soak is needed");
    }
    List<Counters> before = samples.subList(third, 2 * third);
    List<Counters> last = samples.subList(2 * third, samples.size());
    grows("descriptors", before, last, Counters::descriptors, 2);
    grows("children", before, last, Counters::children, 2);
    grows("threads", before, last, Counters::threads, 4);
    grows("kB of memory", before, last, Counters::residentKilobytes, 16 << 10);
  }

  private static void grows(
      String what,
      List<Counters> before,
      List<Counters> last,
      java.util.function.ToLongFunction<Counters> counter,
      long allowed) {
    long most = before.stream().mapToLong(counter).max().orElseThrow();
    long least = last.stream().mapToLong(counter).min().orElseThrow();
    if (least > most + allowed) {
      throw new AssertionError(what + " grow: at most " + most + ", then at least " + least);
    }
  }

  private void rounds(Env env, long seed) throws InterruptedException {
    List<Thread> threads = new ArrayList<>();
    for (int i = 0; i < THREADS; i++) {
      Random random = new Random(seed * THREADS + i);
      Thread thread =
          new Thread(
              () -> {
                try {
                  for (int task = 0; task < TASKS_A_THREAD; task++) {
                    one(env, random);
                    tasks.incrementAndGet();
                  }
                } catch (Throwable thrown) {
                  failure.compareAndSet(null, thrown);
                }
              });
      thread.start();
      threads.add(thread);
    }
    for (Thread thread : threads) {
      thread.join();
    }
  }

  private static void one(Env env, Random random) {
    int rows = 1 + random.nextInt(1000);
    switch (random.nextInt(20)) {
      case 0 -> fails(env, "told_to_fail");
      case 1 -> fails(env, random.nextInt(10) == 0 ? "killed" : "told_to_fail");
      case 2 -> cancelled(env, rows);
      case 3 -> closedEarly(env, rows);
      case 4 -> Fixtures.pandas(env, "plus_one").compute(Ipc.input(2, rows), 0).poll(null);
      case 5, 6, 7, 8 -> structs(env, rows);
      default -> bytes(env, rows);
    }
  }

  private static void bytes(Env env, int rows) {
    try (Runner runner = Fixtures.pandas(env, "plus_one");
        ResultIterator results = runner.compute(Ipc.input(2, rows), 0)) {
      if (!Ipc.longs(1, 2L * rows + 1).equals(Fixtures.drain(results))) {
        throw new AssertionError("wrong results");
      }
      results.metrics();
    }
  }

  private static void structs(Env env, long rows) {
    long stream = TestNative.allocate(40);
    long array = TestNative.allocate(80);
    TestNative.numbers(stream, 2, (int) rows);
    long sum = 0;
    try (Runner runner = Fixtures.pandas(env, "plus_one");
        ResultIterator results = runner.compute(Input.stream(stream), 0)) {
      while (results.nextArrow(array, 0)) {
        sum += TestNative.sum(array);
        TestNative.releaseArray(array);
      }
    } finally {
      TestNative.free(stream);
      TestNative.free(array);
    }
    if (sum != rows * (2 * rows + 1)) {
      throw new AssertionError("wrong sum " + sum + " of " + rows + " rows");
    }
  }

  private static void fails(Env env, String function) {
    try (Runner runner = Fixtures.pandas(env, function);
        ResultIterator results = runner.compute(Ipc.input(1, 10), 0)) {
      results.hasNext();
      throw new AssertionError("no error");
    } catch (PythonException | WorkerExitedException e) {
      // As it shall.
    }
  }

  private static void cancelled(Env env, int rows) {
    try (Runner runner = Fixtures.pandas(env, "plus_one");
        ResultIterator results = runner.compute(Ipc.input(3, rows), 0)) {
      results.cancel("soak");
      Fixtures.drain(results);
      throw new AssertionError("not cancelled");
    } catch (CancelledException e) {
      // As it shall.
    }
  }

  private static void closedEarly(Env env, int rows) {
    try (Runner runner = Fixtures.pandas(env, "plus_one");
        ResultIterator results = runner.compute(Ipc.input(50, rows), 0)) {
      results.next().close();
    }
  }
}
