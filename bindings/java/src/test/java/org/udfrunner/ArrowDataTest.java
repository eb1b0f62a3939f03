/* Licensed under the Apache License, Version 2.0. See LICENSE. */
package org.udfrunner;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.memory.RootAllocator;
import org.apache.arrow.vector.BigIntVector;
import org.apache.arrow.vector.VectorSchemaRoot;
import org.apache.arrow.vector.ipc.ArrowReader;
import org.apache.arrow.vector.ipc.ArrowStreamReader;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.udfrunner.arrow.ArrowInput;
import org.udfrunner.arrow.ArrowResults;

/** Arrow Java's own data, in place. Each allocator checks at its close that nothing is left. */
class ArrowDataTest {
  private Env env;
  private BufferAllocator allocator;

  @BeforeEach
  void open() {
    env = Fixtures.env();
    allocator = new RootAllocator();
  }

  @AfterEach
  void close() {
    env.close();
    allocator.close();
  }

  private ArrowReader reader(int batches, int rows) {
    return new ArrowStreamReader(new ByteArrayInputStream(Ipc.stream(batches, rows)), allocator);
  }

  private List<Long> drain(ResultIterator results) throws IOException {
    List<Long> values = new ArrayList<>();
    try (ArrowResults reader = new ArrowResults(results, allocator)) {
      while (reader.loadNextBatch()) {
        BigIntVector vector = (BigIntVector) reader.getVectorSchemaRoot().getVector(0);
        for (int i = 0; i < vector.getValueCount(); i++) {
          values.add(vector.get(i));
        }
      }
      assertTrue(reader.bytesRead() >= 8L * values.size());
      assertFalse(reader.loadNextBatch());
    }
    return values;
  }

  @Test
  void readers() throws IOException {
    try (Runner runner = Fixtures.pandas(env, "plus_one")) {
      ResultIterator results =
          ArrowInput.compute(runner, allocator, reader(5, 100), 0, TaskInfo.ofDefaults());
      assertEquals(Ipc.longs(1, 501), drain(results));
    }
  }

  @Test
  void schemaComesFirst() throws IOException {
    try (Runner runner = Fixtures.pandas(env, "sleeps");
        ArrowResults results =
            new ArrowResults(
                ArrowInput.compute(runner, allocator, reader(1, 10), 0, TaskInfo.ofDefaults()),
                allocator)) {
      assertEquals("_0", results.getVectorSchemaRoot().getSchema().getFields().get(0).getName());
    }
  }

  @Test
  void closedEarly() throws IOException {
    try (Runner runner = Fixtures.pandas(env, "plus_one");
        ArrowResults results =
            new ArrowResults(
                ArrowInput.compute(runner, allocator, reader(500, 10), 0, TaskInfo.ofDefaults()),
                allocator)) {
      assertTrue(results.loadNextBatch());
    }
  }

  /** A batch does not take up memory while the next one is waited for. */
  @Test
  void batchBeforeIsGivenBack() throws IOException {
    try (Runner runner =
            Fixtures.builder(env, EvalType.SQL_MAP_ARROW_ITER_UDF)
                .function(Fixtures.function("java_functions:two_then_none").returns("_0 long"))
                .build();
        ArrowResults results =
            new ArrowResults(
                ArrowInput.compute(runner, allocator, reader(1, 50_000), 0, TaskInfo.ofDefaults()),
                allocator)) {
      assertTrue(results.loadNextBatch());
      VectorSchemaRoot root = results.getVectorSchemaRoot();
      assertEquals(50_000, root.getRowCount());
      Thread.currentThread().interrupt();
      assertThrows(
          WaitInterruptedException.class,
          () -> {
            while (results.loadNextBatch()) {
              assertEquals(50_000, root.getRowCount());
            }
          });
      assertTrue(Thread.interrupted());
      assertEquals(0, root.getRowCount());
      assertEquals(0, root.getVector(0).getBufferSize());
    }
  }

  @Test
  void refused() {
    try (Runner runner = Fixtures.pandas(env, "plus_one")) {
      assertThrows(
          UdfRunnerException.class,
          () -> ArrowInput.compute(runner, allocator, reader(1, 10), -1, TaskInfo.ofDefaults()));
    }
  }

  @Test
  void readerThatFails() {
    byte[] cut = java.util.Arrays.copyOf(Ipc.stream(2, 1000), 9000);
    ArrowReader reader = new ArrowStreamReader(new ByteArrayInputStream(cut), allocator);
    try (Runner runner = Fixtures.pandas(env, "plus_one");
        ResultIterator results =
            ArrowInput.compute(runner, allocator, reader, 0, TaskInfo.ofDefaults())) {
      HostException error =
          assertThrows(HostException.class, () -> results.forEachRemaining(Chunk::close));
      assertTrue(error.getMessage().contains("get_next"), error.getMessage());
    }
  }

  @Test
  void errorOfTheTask() {
    try (Runner runner = Fixtures.pandas(env, "told_to_fail")) {
      ResultIterator results =
          ArrowInput.compute(runner, allocator, reader(1, 10), 0, TaskInfo.ofDefaults());
      assertThrows(PythonException.class, () -> drain(results));
    }
  }

  @Test
  void groups() throws IOException {
    List<List<ArrowReader>> groups =
        List.of(List.of(reader(1, 3)), List.of(reader(2, 10)), List.of(reader(1, 1)));
    try (Runner runner =
        Fixtures.builder(env, EvalType.SQL_GROUPED_MAP_PANDAS_UDF)
            .function(Fixtures.function("java_functions:count_rows").returns("rows long"))
            .build()) {
      Input input = ArrowInput.groups(allocator, groups.iterator()).keys(1);
      assertEquals(List.of(3L, 20L, 1L), drain(runner.compute(input, 0)));
    }
  }

  @Test
  void cogroups() throws IOException {
    List<List<ArrowReader>> groups = List.of(List.of(reader(1, 3), reader(2, 10)));
    try (Runner runner =
        Fixtures.builder(env, EvalType.SQL_COGROUPED_MAP_PANDAS_UDF)
            .function(Fixtures.function("java_functions:count_both").returns("rows long"))
            .build()) {
      Input input = ArrowInput.groups(allocator, groups.iterator()).keys(1);
      assertEquals(List.of(320L), drain(runner.compute(input, 0)));
    }
  }

  /** Data that was taken out of the reader outlives task, runner and env. */
  @Test
  void transferredBatchesOutliveEverything() throws IOException {
    BigIntVector kept = new BigIntVector("kept", allocator);
    try (kept) {
      try (Env other = Fixtures.env();
          Runner runner = Fixtures.pandas(other, "plus_one");
          ArrowResults results =
              new ArrowResults(
                  ArrowInput.compute(runner, allocator, reader(1, 100), 0, TaskInfo.ofDefaults()),
                  allocator)) {
        assertTrue(results.loadNextBatch());
        VectorSchemaRoot root = results.getVectorSchemaRoot();
        ((BigIntVector) root.getVector(0)).makeTransferPair(kept).transfer();
      }
      assertEquals(100, kept.get(99));
    }
  }
}
