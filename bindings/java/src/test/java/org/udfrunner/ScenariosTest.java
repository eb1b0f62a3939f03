/* Licensed under the Apache License, Version 2.0. See LICENSE. */
package org.udfrunner;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** The scenarios of capi/tests/scenarios.txt, which C, Python and Java have in common. */
class ScenariosTest {
  private Env env;

  @BeforeEach
  void open() {
    env = Fixtures.env();
  }

  @AfterEach
  void close() {
    env.close();
  }

  private void works() {
    try (Runner runner = Fixtures.pandas(env, "plus_one");
        ResultIterator results = runner.compute(Ipc.input(2, 10), 0)) {
      assertEquals(Ipc.longs(1, 21), Fixtures.drain(results));
    }
  }

  /** Runs a function that fails; what else runs in the env is not harmed. */
  private <E extends UdfRunnerException> E fails(Class<E> type, String function, TaskInfo task) {
    E error;
    try (Runner runner = Fixtures.pandas(env, function);
        ResultIterator results = runner.compute(Ipc.input(1, 10), task)) {
      error = assertThrows(type, results::hasNext);
      // It is final: each later read gives it again, and so does error().
      assertEquals(error.getMessage(), assertThrows(type, results::hasNext).getMessage());
      assertEquals(error.getMessage(), results.error().getMessage());
      assertFalse(results.isDone());
    }
    assertFalse(error.getMessage().contains("\n"));
    assertFalse(error.causeWord().isEmpty());
    works();
    return error;
  }

  @Test
  void create() {
    assertTrue(env.stats().startsWith("{"));
    assertTrue(Env.libraryVersion().matches("\\d+\\.\\d+\\.\\d+"));
    try (Runner runner = Fixtures.pandas(env, "plus_one")) {
      assertEquals(EvalType.SQL_SCALAR_PANDAS_UDF, runner.evalType());
    }
    assertThrows(InvalidArgumentException.class, () -> EvalType.of(7));
    assertThrows(
        InvalidArgumentException.class, () -> Env.create(Map.of("udfrunner.no.such", "1")));
  }

  @Test
  void compute() {
    works();
    works();
    assertTrue(env.stats().contains("\"started\":1,\"reused\":1"), env.stats());
  }

  @Test
  void cancelFromAnotherThread() throws Exception {
    try (Runner runner = Fixtures.pandas(env, "sleeps");
        ResultIterator results = runner.compute(Ipc.input(1, 10), 0)) {
      assertNull(results.poll(Duration.ofMillis(1)));
      CompletableFuture<Void> cancel =
          CompletableFuture.runAsync(() -> results.cancel("not wanted"));
      CancelledException error = assertThrows(CancelledException.class, results::hasNext);
      assertTrue(error.getMessage().contains("not wanted"), error.getMessage());
      cancel.get();
      results.cancel("again");
    }
    try (Runner runner = Fixtures.pandas(env, "sleeps");
        ResultIterator first = runner.compute(Ipc.input(1, 10), 0);
        ResultIterator second = runner.compute(Ipc.input(1, 10), 1)) {
      CompletableFuture.runAsync(() -> runner.cancel("all of them"));
      assertThrows(CancelledException.class, first::hasNext);
      assertThrows(CancelledException.class, second::hasNext);
    }
    works();
  }

  @Test
  void deadline() {
    TaskInfo task = TaskInfo.builder().deadline(Duration.ofMillis(200)).build();
    DeadlineExceededException error = fails(DeadlineExceededException.class, "sleeps", task);
    assertTrue(error.getMessage().contains("200"), error.getMessage());
    assertThrows(InvalidArgumentException.class, () -> TaskInfo.builder().deadline(Duration.ZERO));
  }

  @Test
  void workerKilled() {
    TaskInfo task = TaskInfo.builder().partition(3).attempt(1).stage(5).taskAttemptId(77).build();
    WorkerExitedException error = fails(WorkerExitedException.class, "killed", task);
    assertEquals(9, error.signal().getAsInt());
    assertTrue(error.exitStatus().isEmpty());
    assertTrue(error.workerPid().getAsLong() > 1);
    assertTrue(error.peakMemory().getAsLong() > 1 << 20);
    assertEquals("3", error.details().get("task.partition"));
    assertEquals("1", error.details().get("task.attempt"));
    assertEquals("5", error.details().get("task.stage"));
    assertEquals("77", error.details().get("task.id"));
    WorkerExitedException exit = fails(WorkerExitedException.class, "exits", TaskInfo.ofDefaults());
    assertEquals(3, exit.exitStatus().getAsInt());
    assertTrue(exit.stderrTail().contains("about to exit"), exit.stderrTail());
    assertTrue(exit.isRetryable());
  }

  @Test
  void pythonException() {
    PythonException error = fails(PythonException.class, "told_to_fail", TaskInfo.ofDefaults());
    assertTrue(error.getMessage().contains("told to fail"), error.getMessage());
    assertTrue(error.traceback().contains("Traceback (most recent call last)"));
    assertTrue(error.traceback().contains("capi_functions.py"), error.traceback());
    assertFalse(error.isRetryable());
  }

  @Test
  void protocolGarbage() {
    ProtocolException error =
        fails(ProtocolException.class, "writes_garbage", TaskInfo.ofDefaults());
    assertEquals("protocol", error.causeWord());
  }

  @Test
  void doubleClose() {
    Runner runner = Fixtures.pandas(env, "plus_one");
    ResultIterator results = runner.compute(Ipc.input(1, 10), 0);
    Chunk chunk = results.next();
    for (int i = 0; i < 2; i++) {
      chunk.close();
      results.close();
      runner.close();
    }
    Env other = Fixtures.env();
    other.close();
    other.close();
    works();
  }

  /** A child whose parent is gone, and objects that were closed. */
  @Test
  void staleHandle() {
    Env other = Fixtures.env();
    Runner runner = Fixtures.pandas(other, "plus_one");
    ResultIterator results = runner.compute(Ipc.input(2, 10), 0);
    other.close();
    assertThrows(CancelledException.class, () -> runner.compute(Input.none(), 0));
    assertThrows(CancelledException.class, results::hasNext);
    runner.close();
    assertThrows(InvalidStateException.class, () -> runner.compute(Input.none(), 0));
    runner.cancel("no-op");
    results.close();
    assertThrows(InvalidStateException.class, results::hasNext);
    assertThrows(InvalidStateException.class, results::error);
    assertThrows(InvalidStateException.class, results::eventFd);
    results.cancel("no-op");
    assertThrows(InvalidStateException.class, other::stats);
    // The handle itself, as a use that came too late would have it.
    assertThrows(InvalidHandleException.class, () -> Native.envStats(1234567));
    works();
  }

  /** The classes keep kinds apart; below them the library does. */
  @Test
  void wrongKind() {
    long handle = env.enter();
    try {
      assertThrows(InvalidHandleException.class, () -> Native.iteratorEventFd(handle));
      assertThrows(
          InvalidHandleException.class, () -> Native.runnerAddInclude(handle, new byte[] {'/'}));
      Native.iteratorClose(handle, false);
      Native.runnerDestroy(handle);
    } finally {
      env.exit();
    }
    try (Runner rows =
        Fixtures.builder(env, EvalType.SQL_BATCHED_UDF)
            .function(Fixtures.function("plus_one_row").returns("int"), 0)
            .build()) {
      assertThrows(
          NotSupportedException.class, () -> rows.compute(Input.groups(streams -> Status.DONE), 0));
    }
    works();
  }

  @Test
  void absentArguments() {
    assertThrows(NullPointerException.class, () -> Runner.builder(null));
    assertThrows(NullPointerException.class, () -> Function.reference(null));
    assertThrows(NullPointerException.class, () -> Function.pickle(null));
    assertThrows(NullPointerException.class, () -> Input.records((RecordSource) null));
    assertThrows(InvalidArgumentException.class, () -> Input.stream(0));
    Runner.Builder builder = Fixtures.builder(env, EvalType.SQL_SCALAR_PANDAS_UDF);
    assertThrows(InvalidArgumentException.class, builder::build);
    builder.chains(List.of(List.of(Fixtures.function("plus_one").returns("long"))));
    InvalidArgumentException counts = assertThrows(InvalidArgumentException.class, builder::build);
    assertTrue(counts.getMessage().contains("1 chains of functions but 0"), counts.getMessage());
    assertThrows(
        InvalidArgumentException.class,
        () ->
            Fixtures.builder(env, EvalType.SQL_SCALAR_PANDAS_UDF)
                .function(Fixtures.function("plus_one"), 0)
                .build());
    try (Runner runner = Fixtures.pandas(env, "plus_one")) {
      assertThrows(NullPointerException.class, () -> runner.compute(null, 0));
      assertThrows(NullPointerException.class, () -> runner.compute(Input.none(), null));
      ResultIterator results = runner.compute(Input.records(out -> null), 0);
      try (results) {
        HostException error = assertThrows(HostException.class, results::hasNext);
        assertTrue(error.getMessage().contains("source gave null"), error.getMessage());
      }
      ResultIterator nothing = runner.compute(Input.records(out -> Status.OK), 0);
      try (nothing) {
        HostException error = assertThrows(HostException.class, nothing::hasNext);
        assertInstanceOf(IllegalStateException.class, error.getCause());
      }
    }
    works();
  }

  /** In a JVM of its own, with a library whose functions can be told to panic. */
  @Test
  void panicHook() {
    String library = Fixtures.PROJECT.resolve("build/tests/libudfrunner-panichook.so").toString();
    String output =
        Fixtures.run(
            Fixtures.java(
                PanicProgram.class, List.of("-Dudfrunner.library=" + library, "-Xcheck:jni")),
            Map.of());
    assertTrue(output.startsWith("0\n"), output);
    assertTrue(output.contains("survived 3 panics"), output);
  }

  /** What a source throws is the cause, with its own type and stack. */
  @Test
  void inputThatThrows() {
    for (int at = 0; at < 2; at++) {
      IllegalStateException thrown = new IllegalStateException("out of ink, ä\0€ 😀");
      List<byte[]> messages = Ipc.messages(3, 10);
      int[] calls = {-at};
      RecordSource source =
          out -> {
            if (calls[0]++ == 0) {
              throw thrown;
            }
            out.set(ByteBuffer.wrap(messages.get(0)));
            return Status.OK;
          };
      try (Runner runner = Fixtures.pandas(env, "plus_one");
          ResultIterator results = runner.compute(Input.records(source), 0)) {
        HostException error = assertThrows(HostException.class, results::hasNext);
        assertSame(thrown, error.getCause());
        assertTrue(error.getMessage().contains("out of ink, ä"), error.getMessage());
      }
    }
    works();
  }

  @Test
  void closeDuringACall() throws Exception {
    CountDownLatch reading = new CountDownLatch(1);
    try (Runner runner = Fixtures.pandas(env, "sleeps")) {
      boolean[] closed = new boolean[1];
      byte[] stream = Ipc.stream(1, 10);
      RecordSource source =
          new RecordSource() {
            private boolean given;

            @Override
            public Status next(Records out) {
              reading.countDown();
              if (given) {
                return Status.DONE;
              }
              given = true;
              out.set(stream);
              return Status.OK;
            }

            @Override
            public void close() {
              closed[0] = true;
            }
          };
      ResultIterator results = runner.compute(Input.records(source), 0);
      CompletableFuture<Throwable> reader =
          CompletableFuture.supplyAsync(
              () -> assertThrows(UdfRunnerException.class, results::hasNext));
      reading.await();
      results.close();
      assertInstanceOf(CancelledException.class, reader.get());
      assertTrue(closed[0]);
    }
    works();
  }

  @Test
  void metricsAndStack() throws Exception {
    ResultIterator results;
    try (Runner runner = Fixtures.pandas(env, "plus_one")) {
      results = runner.compute(Ipc.input(2, 10), 0);
      assertThrows(InvalidStateException.class, results::accumulators);
      Fixtures.drain(results);
      results.close();
    }
    assertTrue(results.metrics().contains("\""), results.metrics());
    assertEquals(List.of(), results.accumulators());
    try (Runner runner = Fixtures.pandas(env, "sleeps");
        ResultIterator sleeping = runner.compute(Ipc.input(1, 10), 0)) {
      assertTrue(
          Leaks.eventually(
              () -> {
                assertNull(sleeping.poll(Duration.ofMillis(5)));
                String stack = sleeping.stack(Duration.ofSeconds(1));
                return stack != null && stack.contains("in sleeps");
              }));
    }
    assertNotNull(results.toString());
  }
}
