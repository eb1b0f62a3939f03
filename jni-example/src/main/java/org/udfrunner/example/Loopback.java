/* Licensed under the Apache License, Version 2.0. See LICENSE. */
package org.udfrunner.example;

import java.nio.ByteBuffer;
import java.nio.channels.ReadableByteChannel;
import java.util.Arrays;
import java.util.Iterator;
import org.apache.spark.TaskContext;
import org.apache.spark.sql.catalyst.InternalRow;
import org.apache.spark.sql.catalyst.ProjectingInternalRow;
import org.apache.spark.sql.types.StructType;
import org.apache.spark.util.TaskCompletionListener;
import org.udfrunner.example.StageSpec.TaskData;
import scala.jdk.javaapi.CollectionConverters;

/**
 * A stage's task without Python: what goes to Arrow comes back as rows. Measures what a stage costs
 * next to the part between Arrow in and Arrow out.
 *
 * @param columns the columns of the input that stand for the result's, of the same types
 */
record Loopback(int... columns) implements StageSpec.Starter {
  @Override
  public Iterator<InternalRow> start(
      StageSpec spec, Iterator<InternalRow> rows, TaskData data, TaskContext context) {
    RowsToArrow input = new RowsToArrow(rows, data.schema(), ArrowOptions.of(spec.conf()));
    ArrowToRows output = new ArrowToRows(new Channel(input));
    context.addTaskCompletionListener((TaskCompletionListener) ended -> output.close());
    StructType types =
        new StructType(
            Arrays.stream(columns)
                .mapToObj(i -> data.schema().fields()[i])
                .toArray(org.apache.spark.sql.types.StructField[]::new));
    ProjectingInternalRow result =
        ProjectingInternalRow.apply(
            types,
            CollectionConverters.asScala(
                    Arrays.stream(columns).<Object>mapToObj(Integer::valueOf).toList())
                .toIndexedSeq());
    return new MappedIterator(
        output,
        row -> {
          result.project(row);
          return result;
        });
  }

  /** The bytes of buffers, one after the other. */
  private static final class Channel implements ReadableByteChannel {
    private final RowsToArrow buffers;
    private ByteBuffer current = ByteBuffer.allocate(0);
    private boolean open = true;

    Channel(RowsToArrow buffers) {
      this.buffers = buffers;
    }

    @Override
    public int read(ByteBuffer target) {
      if (!current.hasRemaining()) {
        if (!buffers.hasNext()) {
          return -1;
        }
        current = buffers.next();
      }
      int size = Math.min(target.remaining(), current.remaining());
      target.put(current.slice(current.position(), size));
      current.position(current.position() + size);
      return size;
    }

    @Override
    public boolean isOpen() {
      return open;
    }

    @Override
    public void close() {
      if (open) {
        open = false;
        buffers.close();
      }
    }
  }
}
