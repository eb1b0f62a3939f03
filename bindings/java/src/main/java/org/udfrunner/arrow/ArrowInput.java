/* Licensed under the Apache License, Version 2.0. See LICENSE. */
package org.udfrunner.arrow;

import java.io.Closeable;
import java.io.IOException;
import java.util.Iterator;
import java.util.List;
import org.apache.arrow.c.ArrowArrayStream;
import org.apache.arrow.c.Data;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.vector.ipc.ArrowReader;
import org.udfrunner.GroupSource;
import org.udfrunner.Input;
import org.udfrunner.ResultIterator;
import org.udfrunner.Runner;
import org.udfrunner.Status;
import org.udfrunner.TaskInfo;

/**
 * Arrow readers as the input of tasks.
 *
 * @since 1.0
 */
public final class ArrowInput {
  private ArrowInput() {}

  /**
   * Starts a task over the batches of a reader; see {@link Runner#compute(Input, TaskInfo)}.
   *
   * @param runner the functions
   * @param allocator of the reader's batches
   * @param reader the batches, taken over: it is closed with the task, or where this throws
   * @param keys how many of the first columns are the key of groups that the task is to cut, else 0
   * @param task its identity
   * @return the results, to be closed
   */
  public static ResultIterator compute(
      Runner runner, BufferAllocator allocator, ArrowReader reader, int keys, TaskInfo task) {
    try (ArrowArrayStream stream = ArrowArrayStream.allocateNew(allocator)) {
      Data.exportArrayStream(allocator, reader, stream);
      try {
        return runner.compute(Input.stream(stream.memoryAddress()).keys(keys), task);
      } catch (Throwable thrown) {
        stream.release();
        throw thrown;
      }
    }
  }

  /**
   * Groups of rows that the host formed, as an input.
   *
   * @param allocator of the readers' batches
   * @param groups a list for each group: of one reader or, for cogroups, of two; each reader is
   *     closed when it was read. Where it is {@link Closeable} it is closed with the input
   * @return the input
   */
  public static Input groups(BufferAllocator allocator, Iterator<List<ArrowReader>> groups) {
    return Input.groups(
        new GroupSource() {
          @Override
          public Status next(long[] streams) {
            if (!groups.hasNext()) {
              return Status.DONE;
            }
            List<ArrowReader> sides = groups.next();
            if (sides.size() != streams.length) {
              throw new IllegalArgumentException(
                  "group of " + sides.size() + " readers: " + streams.length + " are needed");
            }
            for (int i = 0; i < streams.length; i++) {
              Data.exportArrayStream(allocator, sides.get(i), ArrowArrayStream.wrap(streams[i]));
            }
            return Status.OK;
          }

          @Override
          public void close() throws IOException {
            if (groups instanceof Closeable closeable) {
              closeable.close();
            }
          }
        });
  }
}
