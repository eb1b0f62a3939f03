/* Licensed under the Apache License, Version 2.0. See LICENSE. */
package org.udfrunner;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.lang.ref.Reference;
import java.lang.ref.WeakReference;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Closing in any order, at any time, or never; interrupts; sources that misbehave. */
class MisuseTest {
  private Env env;

  @BeforeEach
  void open() {
    env = Fixtures.env();
  }

  @AfterEach
  void close() {
    env.close();
  }

  private static boolean collected(WeakReference<?> reference) {
    return Leaks.eventually(
        () -> {
          System.gc();
          return reference.get() == null;
        });
  }

  /** How many tasks of the env run. */
  private boolean nothingRuns() {
    return env.stats().contains("\"running\":0,\"done\"");
  }

  /** A source that counts, and has batches forever. */
  private static final class Endless implements RecordSource {
    private final List<byte[]> messages = Ipc.messages(1, 10);
    private final AtomicInteger calls;
    private final AtomicInteger closes;

    Endless(AtomicInteger calls, AtomicInteger closes) {
      this.calls = calls;
      this.closes = closes;
    }

    @Override
    public Status next(Records out) {
      out.set(messages.get(calls.getAndIncrement() == 0 ? 0 : 1));
      return Status.OK;
    }

    @Override
    public void close() {
      closes.incrementAndGet();
    }
  }

  @Test
  void sourceIsClosedOnceAtTheClose() {
    AtomicInteger closes = new AtomicInteger();
    try (Runner runner = Fixtures.pandas(env, "plus_one")) {
      ResultIterator results =
          runner.compute(Input.records(new Endless(new AtomicInteger(), closes)), 0);
      results.next().close();
      results.next().close();
      assertEquals(0, closes.get());
      results.close();
      assertEquals(1, closes.get());
      results.close();
    }
    assertEquals(1, closes.get());
  }

  @Test
  void refusedInputIsLeftAlone() {
    AtomicInteger closes = new AtomicInteger();
    try (Runner runner = Fixtures.pandas(env, "plus_one")) {
      Input input = Input.records(new Endless(new AtomicInteger(), closes)).keys(-1);
      assertThrows(UdfRunnerException.class, () -> runner.compute(input, 0));
    }
    assertEquals(0, closes.get());
  }

  @Test
  void inputGivenTwice() {
    AtomicInteger closes = new AtomicInteger();
    try (Runner runner = Fixtures.pandas(env, "plus_one")) {
      Input input = Input.records(new Endless(new AtomicInteger(), closes));
      // Refused, it is as it was.
      assertThrows(UdfRunnerException.class, () -> runner.compute(input.keys(-1), 0));
      try (ResultIterator results = runner.compute(input, 0)) {
        for (Input again : List.of(input, input.keys(0))) {
          InvalidStateException error =
              assertThrows(InvalidStateException.class, () -> runner.compute(again, 1));
          assertTrue(error.getMessage().contains("an input is used once"), error.getMessage());
        }
        // The task that has it goes on.
        results.next().close();
      }
      assertThrows(InvalidStateException.class, () -> runner.compute(input, 0));
    }
    assertEquals(1, closes.get());
  }

  /** The Cleaner ends the task and frees it, and calls nothing of the source. */
  @Test
  void forgottenIterator() {
    AtomicInteger calls = new AtomicInteger();
    AtomicInteger closes = new AtomicInteger();
    try (Runner runner = Fixtures.pandas(env, "plus_one")) {
      WeakReference<ResultIterator> gone = forget(runner, calls, closes);
      int before = calls.get();
      assertTrue(collected(gone));
      assertTrue(Leaks.eventually(this::nothingRuns), env.stats());
      assertEquals(before, calls.get());
      assertEquals(0, closes.get());
    }
  }

  private static WeakReference<ResultIterator> forget(
      Runner runner, AtomicInteger calls, AtomicInteger closes) {
    ResultIterator results = runner.compute(Input.records(new Endless(calls, closes)), 0);
    results.next().close();
    return new WeakReference<>(results);
  }

  @Test
  void forgottenStreamIsNotReleasedByTheCleaner() throws IOException {
    TestNative.load();
    long alive = TestNative.alive();
    try (Runner runner = Fixtures.pandas(env, "plus_one")) {
      assertTrue(collected(forgetStream(runner)));
      assertTrue(Leaks.eventually(this::nothingRuns), env.stats());
      assertTrue(TestNative.alive() > alive, "the host's release was called");
    }
  }

  private static WeakReference<ResultIterator> forgetStream(Runner runner) {
    long stream = TestNative.allocate(40);
    TestNative.numbers(stream, 1000, 10);
    ResultIterator results = runner.compute(Input.stream(stream), 0);
    TestNative.free(stream);
    results.next().close();
    return new WeakReference<>(results);
  }

  @Test
  void forgottenEnvAndRunner() {
    WeakReference<Runner> gone = forgetAll();
    assertTrue(collected(gone));
    // Leaks sees whether the workers of the forgotten env have ended.
  }

  private static WeakReference<Runner> forgetAll() {
    Runner runner = Fixtures.pandas(Fixtures.env(), "plus_one");
    ResultIterator results = runner.compute(Ipc.input(1, 10), 0);
    Fixtures.drain(results);
    return new WeakReference<>(runner);
  }

  /** Parents that nobody else holds live as long as the iterator. */
  @Test
  void temporariesStayAlive() {
    try (ResultIterator results =
        Fixtures.pandas(Fixtures.env(), "plus_one").compute(Ipc.input(20, 10), 0)) {
      System.gc();
      assertEquals(Ipc.longs(1, 201), Fixtures.drain(results));
    }
  }

  @Test
  void chunksOutliveEverything() {
    Env other = Fixtures.env();
    Runner runner = Fixtures.pandas(other, "plus_one");
    ResultIterator results = runner.compute(Ipc.input(1, 1000), 0);
    List<Chunk> chunks = new ArrayList<>();
    results.forEachRemaining(chunks::add);
    List<ByteBuffer> views = chunks.stream().map(Chunk::data).toList();
    List<byte[]> copies = new ArrayList<>();
    chunks.forEach(chunk -> copies.add(chunk.bytes(0)));
    results.close();
    runner.close();
    other.close();
    chunks.forEach(Chunk::close);
    chunks.forEach(Chunk::close);
    // Views that were taken before the close are good as long as somebody has them.
    for (int i = 0; i < views.size(); i++) {
      byte[] first = new byte[copies.get(i).length];
      views.get(i).slice(0, first.length).get(first);
      org.junit.jupiter.api.Assertions.assertArrayEquals(copies.get(i), first);
    }
    assertThrows(InvalidStateException.class, () -> chunks.get(0).data());
    assertThrows(InvalidStateException.class, () -> chunks.get(0).bytes(0));
    assertThrows(InvalidStateException.class, () -> chunks.get(0).address());
    Reference.reachabilityFence(views);
  }

  @Test
  void closeOfAChunkDuringCopies() throws Exception {
    try (Runner runner = Fixtures.pandas(env, "plus_one");
        ResultIterator results = runner.compute(Ipc.input(1, 100_000), 0)) {
      results.next().close();
      for (int round = 0; round < 3 && results.hasNext(); round++) {
        Chunk chunk = results.next();
        CountDownLatch copying = new CountDownLatch(2);
        List<CompletableFuture<Void>> copies = new ArrayList<>();
        for (int i = 0; i < 2; i++) {
          copies.add(
              CompletableFuture.runAsync(
                  () -> {
                    ByteBuffer target = ByteBuffer.allocate((int) chunk.size());
                    try {
                      while (true) {
                        chunk.copyTo(0, target.clear());
                        copying.countDown();
                      }
                    } catch (InvalidStateException closed) {
                      copying.countDown();
                    }
                  }));
        }
        copying.await();
        chunk.close();
        for (CompletableFuture<Void> copy : copies) {
          copy.get();
        }
      }
    }
  }

  @Test
  void interrupt() throws Exception {
    try (Runner runner = Fixtures.pandas(env, "sleeps");
        ResultIterator results = runner.compute(Ipc.input(1, 10), 0)) {
      Thread.currentThread().interrupt();
      assertThrows(WaitInterruptedException.class, results::hasNext);
      assertTrue(Thread.interrupted());
      Thread reader = Thread.currentThread();
      CompletableFuture<Void> other = CompletableFuture.runAsync(reader::interrupt);
      WaitInterruptedException error =
          assertThrows(WaitInterruptedException.class, results::hasNext);
      assertTrue(Thread.interrupted());
      other.get();
      assertEquals(CancelledException.CODE, error.code());
      // The task goes on.
      assertEquals(null, results.error());
    }
  }

  @Test
  void killedWhenTheHostSaysSo() {
    AtomicInteger asked = new AtomicInteger();
    TaskInfo task =
        TaskInfo.builder()
            .killedWhen(() -> asked.incrementAndGet() > 2 ? "stage cancelled" : null)
            .build();
    try (Runner runner = Fixtures.pandas(env, "sleeps");
        ResultIterator results = runner.compute(Ipc.input(1, 10), task)) {
      CancelledException error = assertThrows(CancelledException.class, results::hasNext);
      assertTrue(error.getMessage().contains("stage cancelled"), error.getMessage());
    }
  }

  @Test
  void sourceThatUsesItsOwnIterator() {
    try (Runner runner = Fixtures.pandas(env, "plus_one")) {
      for (boolean closes : new boolean[] {false, true}) {
        ResultIterator[] results = new ResultIterator[1];
        byte[] schema = Ipc.messages(0, 0).get(0);
        RecordSource source =
            out -> {
              assertThrows(
                  InvalidStateException.class, () -> results[0].poll(Duration.ofMillis(1)));
              if (closes) {
                results[0].close();
              } else {
                results[0].cancel("enough");
              }
              out.set(schema);
              return Status.OK;
            };
        results[0] = runner.compute(Input.records(source), 0);
        assertThrows(CancelledException.class, results[0]::hasNext);
        results[0].close();
      }
    }
  }

  /** A chain of tasks on one thread: a source that reads another task's results. */
  @Test
  void sourceThatReadsAnotherIterator() {
    try (Runner runner = Fixtures.pandas(env, "plus_one");
        ResultIterator first = runner.compute(Ipc.input(5, 10), 0);
        ResultIterator second =
            runner.compute(
                Input.records(
                    out -> {
                      if (!first.hasNext()) {
                        return Status.DONE;
                      }
                      try (Chunk chunk = first.next()) {
                        ByteBuffer copy = ByteBuffer.allocate((int) chunk.size());
                        chunk.copyTo(0, copy);
                        out.set(copy.flip());
                      }
                      return Status.OK;
                    }),
                1)) {
      assertEquals(Ipc.longs(2, 52), Fixtures.drain(second));
    }
  }

  @Test
  void recordsAfterTheCall() {
    Records[] kept = new Records[1];
    try (Runner runner = Fixtures.pandas(env, "plus_one");
        ResultIterator results =
            runner.compute(
                Input.records(
                    out -> {
                      kept[0] = out;
                      throw new IOException("no more");
                    }),
                0)) {
      HostException error = assertThrows(HostException.class, results::hasNext);
      assertInstanceOf(IOException.class, error.getCause());
    }
    assertThrows(InvalidStateException.class, () -> kept[0].set(new byte[1]));
  }

  @Test
  void badOffsets() {
    long[][] bad = {{}, {0}, {0, 9}, {2, 1}, {-1, 2}};
    try (Runner runner = Fixtures.pandas(env, "plus_one")) {
      for (long[] offsets : bad) {
        RecordSource source =
            out -> {
              out.set(ByteBuffer.allocate(8), offsets);
              return Status.OK;
            };
        try (ResultIterator results = runner.compute(Input.records(source), 0)) {
          HostException error = assertThrows(HostException.class, results::hasNext);
          assertInstanceOf(InvalidArgumentException.class, error.getCause());
        }
      }
    }
  }

  /** The source's error is thrown by close, and the task is closed all the same. */
  @Test
  void sourceThatThrowsAtItsClose() {
    IOException thrown = new IOException("jammed");
    RecordSource source =
        new RecordSource() {
          @Override
          public Status next(Records out) {
            return Status.DONE;
          }

          @Override
          public void close() throws IOException {
            throw thrown;
          }
        };
    try (Runner runner = Fixtures.pandas(env, "plus_one")) {
      ResultIterator results = runner.compute(Input.records(source), 0);
      HostException error = assertThrows(HostException.class, results::close);
      assertEquals(thrown, error.getCause());
      results.close();
      assertTrue(Leaks.eventually(this::nothingRuns));
    }
  }

  /** The stack ends inside a source: its error comes back as the cause, nothing breaks. */
  @Test
  void stackOverflowInASource() {
    RecordSource source =
        out -> {
          throw new AssertionError(overflow(0));
        };
    try (Runner runner = Fixtures.pandas(env, "plus_one")) {
      for (int i = 0; i < 20; i++) {
        try (ResultIterator results = runner.compute(Input.records(source), i)) {
          HostException error = assertThrows(HostException.class, results::hasNext);
          assertInstanceOf(StackOverflowError.class, error.getCause());
        }
      }
      try (ResultIterator results = runner.compute(Ipc.input(2, 10), 0)) {
        assertEquals(Ipc.longs(1, 21), Fixtures.drain(results));
      }
    }
  }

  @SuppressWarnings("InfiniteRecursion")
  private static int overflow(int depth) {
    return overflow(depth + 1) + 1;
  }

  @Test
  void logLines() {
    try (Runner runner = Fixtures.pandas(env, "exits");
        ResultIterator results = runner.compute(Ipc.input(1, 1), 4)) {
      assertThrows(WorkerExitedException.class, results::hasNext);
    }
    StringBuilder log = new StringBuilder();
    assertTrue(
        Leaks.eventually(
            () -> {
              String lines = env.nextLog(Duration.ofMillis(50));
              log.append(lines == null ? "" : lines);
              return log.toString().contains("about to exit");
            }),
        log::toString);
    assertTrue(log.toString().contains("\"partition\":4"), log.toString());
  }

  @Test
  void closeOfAnEnvEndsTheWaitForItsLog() throws Exception {
    Env other = Fixtures.env();
    CompletableFuture<String> waiting = CompletableFuture.supplyAsync(() -> other.nextLog(null));
    assertFalse(waiting.isDone());
    other.close();
    try {
      assertEquals(null, waiting.get());
    } catch (java.util.concurrent.ExecutionException e) {
      // The close came before the wait.
      assertInstanceOf(InvalidStateException.class, e.getCause());
    }
  }
}
