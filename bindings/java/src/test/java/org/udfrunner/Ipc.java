/* Licensed under the Apache License, Version 2.0. See LICENSE. */
package org.udfrunner;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.channels.Channels;
import java.nio.channels.ReadableByteChannel;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.LongStream;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.memory.RootAllocator;
import org.apache.arrow.vector.BigIntVector;
import org.apache.arrow.vector.FieldVector;
import org.apache.arrow.vector.VectorSchemaRoot;
import org.apache.arrow.vector.ipc.ArrowStreamReader;
import org.apache.arrow.vector.ipc.ArrowStreamWriter;
import org.apache.arrow.vector.types.pojo.ArrowType;
import org.apache.arrow.vector.types.pojo.Field;
import org.apache.arrow.vector.types.pojo.Schema;

/** Arrow IPC bytes of one column "n" of longs, as Arrow Java writes and reads them. */
final class Ipc {
  static final Schema SCHEMA =
      new Schema(List.of(Field.nullable("n", new ArrowType.Int(64, true))));

  private Ipc() {}

  /** A stream of so many batches of so many rows: 0, 1, 2 ... */
  static byte[] stream(int batches, int rows) {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    try (BufferAllocator allocator = new RootAllocator();
        VectorSchemaRoot root = VectorSchemaRoot.create(SCHEMA, allocator);
        ArrowStreamWriter writer = new ArrowStreamWriter(root, null, Channels.newChannel(bytes))) {
      writer.start();
      for (int batch = 0; batch < batches; batch++) {
        fill(root, (long) batch * rows, rows);
        writer.writeBatch();
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return bytes.toByteArray();
  }

  static void fill(VectorSchemaRoot root, long first, int rows) {
    BigIntVector vector = (BigIntVector) root.getVector(0);
    vector.allocateNew(rows);
    for (int i = 0; i < rows; i++) {
      vector.set(i, first + i);
    }
    root.setRowCount(rows);
  }

  /** The messages of a stream, each with its body: schema, batches; without the end mark. */
  static List<byte[]> messages(int batches, int rows) {
    List<byte[]> messages = new ArrayList<>();
    byte[] schema = stream(0, 0);
    byte[] all = stream(batches, rows);
    int head = schema.length - 8;
    messages.add(java.util.Arrays.copyOf(all, head));
    int size = batches == 0 ? 0 : (all.length - 8 - head) / batches;
    for (int i = 0; i < batches; i++) {
      messages.add(java.util.Arrays.copyOfRange(all, head + i * size, head + (i + 1) * size));
    }
    return messages;
  }

  /** Bytes outside of Java's heap. */
  static ByteBuffer direct(byte[] bytes) {
    return ByteBuffer.allocateDirect(bytes.length).put(bytes).flip();
  }

  static List<Long> read(ReadableByteChannel channel) throws IOException {
    List<Long> values = new ArrayList<>();
    try (BufferAllocator allocator = new RootAllocator();
        ArrowStreamReader reader = new ArrowStreamReader(channel, allocator)) {
      while (reader.loadNextBatch()) {
        FieldVector vector = reader.getVectorSchemaRoot().getVector(0);
        for (int i = 0; i < vector.getValueCount(); i++) {
          values.add((Long) vector.getObject(i));
        }
      }
    }
    return values;
  }

  static List<Long> longs(long first, long end) {
    return LongStream.range(first, end).boxed().toList();
  }

  /** An input of a stream's bytes. */
  static Input input(int batches, int rows) {
    return Input.records(List.of(ByteBuffer.wrap(stream(batches, rows))).iterator());
  }

  /** An input of one batch of these values. */
  static Input inputOf(long... values) {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    try (BufferAllocator allocator = new RootAllocator();
        VectorSchemaRoot root = VectorSchemaRoot.create(SCHEMA, allocator);
        ArrowStreamWriter writer = new ArrowStreamWriter(root, null, Channels.newChannel(bytes))) {
      fill(root, 0, values.length);
      for (int i = 0; i < values.length; i++) {
        ((BigIntVector) root.getVector(0)).set(i, values[i]);
      }
      writer.start();
      writer.writeBatch();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return Input.records(List.of(ByteBuffer.wrap(bytes.toByteArray())).iterator());
  }
}
