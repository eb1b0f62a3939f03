/* Licensed under the Apache License, Version 2.0. See LICENSE. */
package org.udfrunner.example;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.channels.WritableByteChannel;
import java.util.Iterator;
import java.util.NoSuchElementException;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.vector.VectorSchemaRoot;
import org.apache.arrow.vector.VectorUnloader;
import org.apache.arrow.vector.ipc.WriteChannel;
import org.apache.arrow.vector.ipc.message.ArrowRecordBatch;
import org.apache.arrow.vector.ipc.message.MessageSerializer;
import org.apache.spark.sql.catalyst.InternalRow;
import org.apache.spark.sql.execution.arrow.ArrowWriter;
import org.apache.spark.sql.types.StructType;
import org.apache.spark.sql.util.ArrowUtils;

/**
 * Rows as Arrow IPC messages, a record batch an item, the schema before the first; without rows the
 * schema alone. An item is valid until the next one is asked for. Rows are pulled when an item is.
 */
final class RowsToArrow implements Iterator<ByteBuffer>, AutoCloseable {
  /** Rows between two looks at the batch's size, which costs a call per column. */
  private static final int ROWS_BETWEEN_SIZES = 64;

  private final Iterator<InternalRow> rows;
  private final BatchLimits limits;
  private final BufferAllocator allocator;
  private final VectorSchemaRoot root;
  private final VectorUnloader unloader;
  private final ArrowWriter writer;
  private final Buffer bytes = new Buffer();
  private boolean begun;

  RowsToArrow(Iterator<InternalRow> rows, StructType schema, ArrowOptions options) {
    this.rows = rows;
    limits = options.limits();
    allocator = ArrowUtils.rootAllocator().newChildAllocator("rows to Arrow", 0, Long.MAX_VALUE);
    root =
        VectorSchemaRoot.create(
            ArrowUtils.toArrowSchema(
                schema, options.timeZone(), false, options.largeVariableTypes()),
            allocator);
    unloader = new VectorUnloader(root);
    writer = ArrowWriter.create(root);
  }

  @Override
  public boolean hasNext() {
    return !begun || rows.hasNext();
  }

  @Override
  public ByteBuffer next() {
    if (!hasNext()) {
      throw new NoSuchElementException();
    }
    bytes.clear();
    WriteChannel channel = new WriteChannel(bytes);
    try {
      if (!begun) {
        begun = true;
        MessageSerializer.serialize(channel, root.getSchema());
      }
      if (rows.hasNext()) {
        fill();
        try (ArrowRecordBatch batch = unloader.getRecordBatch()) {
          MessageSerializer.serialize(channel, batch);
        }
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return bytes.content();
  }

  private void fill() {
    writer.reset();
    int count = 0;
    do {
      writer.write(rows.next());
      count++;
    } while (count < limits.rows()
        && (count % ROWS_BETWEEN_SIZES != 0 || writer.sizeInBytes() < limits.bytes())
        && rows.hasNext());
    writer.finish();
  }

  @Override
  public void close() {
    root.close();
    allocator.close();
  }

  /** Direct memory that grows and is used again: the library sends from where it is. */
  private static final class Buffer implements WritableByteChannel {
    private ByteBuffer memory = ByteBuffer.allocateDirect(1 << 16);

    void clear() {
      memory.clear();
    }

    ByteBuffer content() {
      return memory.duplicate().flip();
    }

    @Override
    public int write(ByteBuffer source) {
      int size = source.remaining();
      if (memory.remaining() < size) {
        long needed = (long) memory.position() + size;
        if (needed > Integer.MAX_VALUE) {
          throw new IllegalStateException(
              "a record batch of more than 2 GiB: lower "
                  + BatchLimits.ROWS_KEY
                  + " or "
                  + BatchLimits.BYTES_KEY);
        }
        long capacity = Math.min(Integer.MAX_VALUE, Math.max(needed, 2L * memory.capacity()));
        memory = ByteBuffer.allocateDirect((int) capacity).put(memory.flip());
      }
      memory.put(source);
      return size;
    }

    @Override
    public boolean isOpen() {
      return true;
    }

    @Override
    public void close() {}
  }
}
