/* Licensed under the Apache License, Version 2.0. See LICENSE. */
package org.udfrunner.example;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.channels.ReadableByteChannel;
import java.util.Collections;
import java.util.Iterator;
import java.util.NoSuchElementException;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.vector.VectorSchemaRoot;
import org.apache.arrow.vector.ipc.ArrowStreamReader;
import org.apache.spark.sql.catalyst.InternalRow;
import org.apache.spark.sql.util.ArrowUtils;
import org.apache.spark.sql.vectorized.ArrowColumnVector;
import org.apache.spark.sql.vectorized.ColumnVector;
import org.apache.spark.sql.vectorized.ColumnarBatch;

/**
 * Arrow IPC bytes as rows. A row is a view of its batch, valid until the next one is asked for;
 * only one batch is held.
 */
final class ArrowToRows implements Iterator<InternalRow>, AutoCloseable {
  private final BufferAllocator allocator;
  private final ArrowStreamReader reader;
  private ColumnarBatch batch;
  private Iterator<InternalRow> rows = Collections.emptyIterator();

  /** Reads from a channel, which is closed with this. */
  ArrowToRows(ReadableByteChannel channel) {
    allocator = ArrowUtils.rootAllocator().newChildAllocator("Arrow to rows", 0, Long.MAX_VALUE);
    reader = new ArrowStreamReader(channel, allocator);
  }

  @Override
  public boolean hasNext() {
    try {
      while (!rows.hasNext()) {
        if (!reader.loadNextBatch()) {
          return false;
        }
        rows = view();
      }
      return true;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  @Override
  public InternalRow next() {
    if (!hasNext()) {
      throw new NoSuchElementException();
    }
    return rows.next();
  }

  /** The rows of the reader's batch; the vectors are the same for all of its batches. */
  private Iterator<InternalRow> view() throws IOException {
    VectorSchemaRoot root = reader.getVectorSchemaRoot();
    if (batch == null) {
      batch =
          new ColumnarBatch(
              root.getFieldVectors().stream()
                  .map(ArrowColumnVector::new)
                  .toArray(ColumnVector[]::new));
    }
    batch.setNumRows(root.getRowCount());
    return batch.rowIterator();
  }

  @Override
  public void close() {
    try {
      reader.close();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } finally {
      allocator.close();
    }
  }
}
