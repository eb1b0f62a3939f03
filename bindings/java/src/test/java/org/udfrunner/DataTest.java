/* Licensed under the Apache License, Version 2.0. See LICENSE. */
package org.udfrunner;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Iterator;
import java.util.List;
import org.apache.arrow.c.ArrowArrayStream;
import org.apache.arrow.memory.RootAllocator;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Bytes in and out: arrays, direct buffers, many records per call, chunks. */
class DataTest {
  private Env env;
  private Runner runner;

  @BeforeEach
  void open() {
    env = Fixtures.env();
    runner = Fixtures.pandas(env, "plus_one");
  }

  @AfterEach
  void close() {
    runner.close();
    env.close();
  }

  private static Input of(ByteBuffer... items) {
    return Input.records(Arrays.asList(items).iterator());
  }

  private List<Long> run(Input input) {
    try (ResultIterator results = runner.compute(input, 0)) {
      return Fixtures.drain(results);
    }
  }

  @Test
  void arrays() {
    assertEquals(Ipc.longs(1, 31), run(of(ByteBuffer.wrap(Ipc.stream(3, 10)))));
  }

  @Test
  void arrayFromAnOffset() {
    byte[] stream = Ipc.stream(3, 10);
    byte[] wider = new byte[stream.length + 20];
    System.arraycopy(stream, 0, wider, 7, stream.length);
    ByteBuffer part = ByteBuffer.wrap(wider, 3, wider.length - 3).slice();
    part.position(4).limit(4 + stream.length);
    assertEquals(Ipc.longs(1, 31), run(of(part)));
    assertEquals(4, part.position());
  }

  @Test
  void directBuffers() {
    ByteBuffer stream = Ipc.direct(Ipc.stream(3, 10));
    ByteBuffer wider = ByteBuffer.allocateDirect(stream.remaining() + 16);
    wider.position(8).put(stream).flip().position(8);
    assertEquals(Ipc.longs(1, 31), run(of(wider)));
    assertEquals(8, wider.position());
  }

  @Test
  void readOnlyBuffers() {
    byte[] stream = Ipc.stream(3, 10);
    assertEquals(Ipc.longs(1, 31), run(of(ByteBuffer.wrap(stream).asReadOnlyBuffer())));
    assertEquals(Ipc.longs(1, 31), run(of(Ipc.direct(stream).asReadOnlyBuffer())));
  }

  @Test
  void messageByMessage() {
    Iterator<ByteBuffer> items = Ipc.messages(4, 10).stream().map(Ipc::direct).iterator();
    assertEquals(Ipc.longs(1, 41), run(Input.records(items)));
  }

  @Test
  void manyMessagesACall() {
    List<byte[]> messages = Ipc.messages(4, 10);
    Iterator<List<byte[]>> calls =
        List.of(messages.subList(0, 2), messages.subList(2, 5)).iterator();
    RecordSource source =
        out -> {
          if (!calls.hasNext()) {
            return Status.DONE;
          }
          out.set(calls.next());
          return Status.OK;
        };
    assertEquals(Ipc.longs(1, 41), run(Input.records(source)));
  }

  /** Its last message has a body of no bytes. */
  @Test
  void noRowsLast() {
    for (int batches : new int[] {1, 2}) {
      Iterator<ByteBuffer> items = Ipc.messages(batches, 0).stream().map(Ipc::direct).iterator();
      assertEquals(List.of(), run(Input.records(items)));
    }
  }

  /** A host cuts a chunk's bytes by itself. */
  @Test
  void offsetsOfChunks() {
    try (ResultIterator results = runner.compute(of(ByteBuffer.wrap(Ipc.stream(3, 10))), 0)) {
      while (results.hasNext()) {
        try (Chunk chunk = results.next()) {
          long[] places = chunk.offsets();
          assertEquals(chunk.count() + 1, places.length);
          assertEquals(chunk.size(), places[chunk.count()]);
          places[0] = -1; // A copy.
          for (int i = 0; i < chunk.count(); i++) {
            long from = chunk.offsets()[i];
            ByteBuffer cut = chunk.data().slice((int) from, (int) (places[i + 1] - from));
            assertEquals(cut, chunk.record(i));
          }
        }
      }
    }
  }

  @Test
  void offsetsOfADirectBuffer() {
    List<byte[]> messages = Ipc.messages(2, 10);
    ByteBuffer all = ByteBuffer.allocateDirect(messages.stream().mapToInt(m -> m.length).sum());
    long[] offsets = new long[4];
    for (int i = 0; i < 3; i++) {
      all.put(messages.get(i));
      offsets[i + 1] = all.position();
    }
    all.flip();
    boolean[] given = new boolean[1];
    RecordSource source =
        out -> {
          if (given[0]) {
            return Status.DONE;
          }
          given[0] = true;
          out.set(all, offsets);
          return Status.OK;
        };
    assertEquals(Ipc.longs(1, 21), run(Input.records(source)));
  }

  @Test
  void pickledRecords() {
    try (Runner rows =
            Fixtures.builder(env, EvalType.SQL_BATCHED_UDF)
                .function(Fixtures.function("plus_one_row").returns("int"), 0)
                .build();
        ResultIterator results =
            rows.compute(
                of(ByteBuffer.wrap(Pickles.rows(1, 2)), ByteBuffer.wrap(Pickles.rows(300))), 0)) {
      List<Integer> values = new ArrayList<>();
      while (results.hasNext()) {
        try (Chunk chunk = results.next()) {
          for (int i = 0; i < chunk.count(); i++) {
            assertArrayEquals(bytes(chunk.record(i)), chunk.bytes(i));
            values.addAll(Pickles.ints(chunk.record(i)));
          }
        }
      }
      assertEquals(List.of(2, 3, 301), values);
      assertTrue(results.isDone());
    }
  }

  private static byte[] bytes(ByteBuffer buffer) {
    byte[] copy = new byte[buffer.remaining()];
    buffer.duplicate().get(copy);
    return copy;
  }

  @Test
  void chunksOfMessages() {
    try (ResultIterator results = runner.compute(Ipc.input(3, 10), 0)) {
      int messages = 0;
      while (results.hasNext()) {
        try (Chunk chunk = results.next()) {
          ByteBuffer data = chunk.data();
          assertTrue(data.isReadOnly());
          assertEquals(chunk.size(), data.remaining());
          assertFalse(chunk.address() == 0);
          ByteBuffer copy = ByteBuffer.allocate(data.remaining());
          int half = chunk.copyTo(0, copy.limit(data.remaining() / 2));
          copy.limit(data.remaining());
          assertEquals(data.remaining() - half, chunk.copyTo(half, copy));
          assertEquals(data, copy.flip());
          messages += chunk.count();
          int count = chunk.count();
          assertThrows(IndexOutOfBoundsException.class, () -> chunk.record(count));
          assertThrows(IndexOutOfBoundsException.class, () -> chunk.bytes(-1));
        }
      }
      assertEquals(4, messages);
      assertThrows(java.util.NoSuchElementException.class, results::next);
    }
  }

  /** A source that has nothing for a while does not end the task, nor lose data. */
  @Test
  void inputThatComesLater() {
    List<byte[]> messages = Ipc.messages(3, 10);
    int[] calls = new int[1];
    RecordSource source =
        out -> {
          int call = calls[0]++;
          if (call % 2 == 1) {
            return Status.AGAIN;
          }
          if (call / 2 == messages.size()) {
            return Status.DONE;
          }
          out.set(messages.get(call / 2));
          return Status.OK;
        };
    assertEquals(Ipc.longs(1, 31), run(Input.records(source)));
  }

  @Test
  void timeout() {
    boolean[] go = new boolean[1];
    byte[] stream = Ipc.stream(1, 10);
    RecordSource source =
        new RecordSource() {
          private boolean given;

          @Override
          public Status next(Records out) {
            if (!go[0]) {
              return Status.AGAIN;
            }
            if (given) {
              return Status.DONE;
            }
            given = true;
            out.set(stream);
            return Status.OK;
          }
        };
    try (ResultIterator results = runner.compute(Input.records(source), 0)) {
      assertEquals(null, results.poll(Duration.ZERO));
      assertEquals(null, results.poll(Duration.ofMillis(30)));
      assertFalse(results.isDone());
      go[0] = true;
      assertEquals(Ipc.longs(1, 11), Fixtures.drain(results));
    }
  }

  @Test
  void everyWayOfReadingButOne() {
    try (ResultIterator results = runner.compute(Ipc.input(1, 10), 0)) {
      results.next().close();
      try (RootAllocator allocator = new RootAllocator();
          ArrowArrayStream stream = ArrowArrayStream.allocateNew(allocator)) {
        long address = stream.memoryAddress();
        assertThrows(InvalidStateException.class, () -> results.exportStream(address));
      }
    }
  }

  @Test
  void noRows() {
    assertEquals(List.of(), run(Ipc.input(0, 0)));
  }

  /** A pickled command, as Spark's PythonFunction holds it, that adds to an accumulator. */
  @Test
  @SuppressWarnings("try") // They stay readable after the close.
  void accumulators() {
    String program =
        """
        import sys
        from pyspark.accumulators import Accumulator, INT_ACCUMULATOR_PARAM
        from pyspark.serializers import CloudPickleSerializer
        from pyspark.sql.types import LongType
        total = Accumulator(7, 0, INT_ACCUMULATOR_PARAM)
        def f(n):
            total.add(int(n.sum()))
            return n
        sys.stdout.buffer.write(CloudPickleSerializer().dumps((f, LongType())).hex().encode())
        """;
    String output = Fixtures.run(List.of(Fixtures.python(), "-c", program), java.util.Map.of());
    assertTrue(output.startsWith("0\n"), output);
    byte[] command = java.util.HexFormat.of().parseHex(output.substring(2).strip());
    try (Runner pickled =
            Fixtures.builder(env, EvalType.SQL_SCALAR_PANDAS_UDF)
                .function(Function.pickle(command).returns("long"), 0)
                .build();
        ResultIterator results = pickled.compute(Ipc.input(1, 10), 0)) {
      assertEquals(Ipc.longs(0, 10), Fixtures.drain(results));
      results.close();
      // The pickled tuple (7, 45), in whatever protocol.
      assertEquals(1, results.accumulators().size());
      byte[] update = results.accumulators().get(0);
      String text = new String(update, java.nio.charset.StandardCharsets.ISO_8859_1);
      assertTrue(text.contains("K\u0007K-"), text);
    }
  }

  @Test
  void interpreterThatIsNotThere() {
    try (Runner lost =
            Fixtures.builder(env, EvalType.SQL_SCALAR_PANDAS_UDF)
                .conf("spark.pyspark.python", "/no/such/python")
                .function(Fixtures.function("plus_one").returns("long"), 0)
                .build();
        ResultIterator results = lost.compute(Ipc.input(1, 10), 0)) {
      SpawnException error = assertThrows(SpawnException.class, results::hasNext);
      assertTrue(error.getMessage().contains("/no/such/python"), error.getMessage());
      assertEquals("bad_interpreter", error.causeWord());
    }
  }
}
