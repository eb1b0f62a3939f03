/* Licensed under the Apache License, Version 2.0. See LICENSE. */
package org.udfrunner;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.lang.ref.WeakReference;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Raw addresses of Arrow's C structs, with no Arrow Java at all; and groups. */
class StructsTest {
  private static final long ARRAY_SIZE = 80;
  private static final long SCHEMA_SIZE = 72;
  private static final long STREAM_SIZE = 40;

  private final List<Long> memory = new ArrayList<>();
  private long alive;
  private Env env;

  @BeforeEach
  void open() throws IOException {
    TestNative.load();
    alive = TestNative.alive();
    env = Fixtures.env();
  }

  @AfterEach
  void close() {
    env.close();
    memory.forEach(TestNative::free);
    assertEquals(alive, TestNative.alive(), "streams or arrays of the host's not released");
  }

  private long allocate(long size) {
    long address = TestNative.allocate(size);
    memory.add(address);
    return address;
  }

  private long numbers(int batches, int rows) {
    long stream = allocate(STREAM_SIZE);
    TestNative.numbers(stream, batches, rows);
    return stream;
  }

  private static long sum(long rows) {
    return rows * (rows + 1) / 2;
  }

  @Test
  void arrays() {
    long array = allocate(ARRAY_SIZE);
    long schema = allocate(SCHEMA_SIZE);
    try (Runner runner = Fixtures.pandas(env, "plus_one");
        ResultIterator results = runner.compute(Input.stream(numbers(5, 100)), 0)) {
      results.exportSchema(schema);
      TestNative.releaseSchema(schema);
      long total = 0;
      while (results.nextArrow(array, schema)) {
        total += TestNative.sum(array);
        TestNative.releaseArray(array);
        TestNative.releaseSchema(schema);
      }
      assertEquals(sum(500), total);
      assertEquals(Status.DONE, results.nextArrow(array, 0, Duration.ZERO));
      assertTrue(results.isDone());
    }
  }

  @Test
  void refusedStreamIsUntouched() {
    long stream = numbers(1, 10);
    try (Runner runner = Fixtures.pandas(env, "plus_one")) {
      assertThrows(
          UdfRunnerException.class, () -> runner.compute(Input.stream(stream).keys(-1), 0));
      assertEquals(alive + 1, TestNative.alive());
      assertEquals(45, TestNative.sumOnForeignThread(stream));
      TestNative.releaseStream(stream);
      assertThrows(InvalidArgumentException.class, () -> runner.compute(Input.stream(stream), 0));
    }
  }

  @Test
  void closedEarlyReleasesTheStream() {
    try (Runner runner = Fixtures.pandas(env, "plus_one");
        ResultIterator results = runner.compute(Input.stream(numbers(1000, 10)), 0)) {
      results.next().close();
    }
  }

  /** Other native code reads it, on a thread that is not Java's; the source is Java's. */
  @Test
  void exportedStream() {
    long stream = allocate(STREAM_SIZE);
    try (Runner runner = Fixtures.pandas(env, "plus_one");
        ResultIterator results = runner.compute(Ipc.input(5, 100), 0)) {
      results.exportStream(stream);
      assertThrows(InvalidStateException.class, results::hasNext);
      assertEquals(sum(500), TestNative.sumOnForeignThread(stream));
      TestNative.releaseStream(stream);
      assertEquals(null, results.error());
    }
  }

  @Test
  void errorOfAnExportedStream() {
    long stream = allocate(STREAM_SIZE);
    RecordSource source =
        out -> {
          throw new IOException("no paper");
        };
    try (Runner runner = Fixtures.pandas(env, "plus_one");
        ResultIterator results = runner.compute(Input.records(source), 0)) {
      results.exportStream(stream);
      assertTrue(TestNative.sumOnForeignThread(stream) < 0);
      HostException error = assertInstanceOf(HostException.class, results.error());
      assertInstanceOf(IOException.class, error.getCause());
      TestNative.releaseStream(stream);
    }
  }

  /** Iterator, runner and env are collected while somebody still reads the stream. */
  @Test
  void exportedStreamOutlivesWhatWasForgotten() {
    long stream = allocate(STREAM_SIZE);
    WeakReference<ResultIterator> gone = leave(stream, numbers(200, 1000));
    assertTrue(
        Leaks.eventually(
            () -> {
              System.gc();
              return gone.get() == null;
            }));
    assertEquals(sum(200_000), TestNative.sumOnForeignThread(stream));
    TestNative.releaseStream(stream);
  }

  private static WeakReference<ResultIterator> leave(long stream, long input) {
    ResultIterator results =
        Fixtures.pandas(Fixtures.env(), "plus_one").compute(Input.stream(input), 0);
    results.exportStream(stream);
    return new WeakReference<>(results);
  }

  private Runner grouped() {
    return Fixtures.builder(env, EvalType.SQL_GROUPED_MAP_PANDAS_UDF)
        .function(Fixtures.function("java_functions:count_rows").returns("rows long"))
        .build();
  }

  @Test
  void groups() {
    int[] given = new int[1];
    GroupSource source =
        streams -> {
          assertEquals(1, streams.length);
          if (given[0] == 3) {
            return Status.DONE;
          }
          TestNative.numbers(streams[0], 1, 10 * ++given[0]);
          return Status.OK;
        };
    try (Runner runner = grouped();
        ResultIterator results = runner.compute(Input.groups(source).keys(1), 0)) {
      assertEquals(List.of(10L, 20L, 30L), Fixtures.drain(results));
    }
  }

  @Test
  void cogroups() {
    int[] given = new int[1];
    GroupSource source =
        streams -> {
          assertEquals(2, streams.length);
          if (given[0] == 2) {
            return Status.DONE;
          }
          TestNative.numbers(streams[0], 1, ++given[0]);
          TestNative.numbers(streams[1], 1, 5);
          return Status.OK;
        };
    try (Runner runner =
            Fixtures.builder(env, EvalType.SQL_COGROUPED_MAP_PANDAS_UDF)
                .function(Fixtures.function("java_functions:count_both").returns("rows long"))
                .build();
        ResultIterator results = runner.compute(Input.groups(source).keys(1), 0)) {
      assertEquals(List.of(105L, 205L), Fixtures.drain(results));
    }
  }

  /** Rows that are sorted by their key, cut into groups on their way. */
  @Test
  void recordsAreCutIntoGroups() {
    try (Runner runner = grouped();
        ResultIterator results = runner.compute(Ipc.input(1, 7).keys(1), 0)) {
      assertEquals(List.of(1L, 1L, 1L, 1L, 1L, 1L, 1L), Fixtures.drain(results));
    }
  }

  @Test
  void badGroups() {
    IOException thrown = new IOException("no group");
    GroupSource[] sources = {
      streams -> Status.OK,
      streams -> {
        TestNative.numbers(streams[0], 1, 1);
        throw thrown;
      },
      streams -> null,
      streams -> {
        TestNative.numbers(streams[0], 1, 1);
        return Status.DONE;
      },
    };
    try (Runner runner = grouped()) {
      for (int i = 0; i < sources.length; i++) {
        try (ResultIterator results = runner.compute(Input.groups(sources[i]).keys(1), 0)) {
          if (i == 3) {
            assertFalse(results.hasNext() && results.next().count() > 1);
            continue;
          }
          HostException error = assertThrows(HostException.class, results::hasNext);
          if (i == 1) {
            assertEquals(thrown, error.getCause());
          }
        }
      }
    }
  }
}
