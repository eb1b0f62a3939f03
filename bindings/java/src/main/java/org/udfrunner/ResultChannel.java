/* Licensed under the Apache License, Version 2.0. See LICENSE. */
package org.udfrunner;

import java.nio.ByteBuffer;
import java.nio.channels.ClosedChannelException;
import java.nio.channels.ReadableByteChannel;

/** The bytes of an iterator's results, chunk after chunk. */
final class ResultChannel implements ReadableByteChannel {
  private final ResultIterator results;
  private Chunk chunk;
  private long position;
  private volatile boolean closed;

  ResultChannel(ResultIterator results) {
    this.results = results;
  }

  @Override
  public int read(ByteBuffer target) throws ClosedChannelException {
    if (closed) {
      throw new ClosedChannelException();
    }
    int count = 0;
    while (target.hasRemaining()) {
      if (chunk == null) {
        // What was copied is given before the next wait.
        if (count > 0 || !results.hasNext()) {
          break;
        }
        chunk = results.next();
        position = 0;
      }
      int copied = chunk.copyTo(position, target);
      position += copied;
      count += copied;
      if (position == chunk.size()) {
        chunk.close();
        chunk = null;
      }
    }
    return count == 0 && target.hasRemaining() ? -1 : count;
  }

  @Override
  public boolean isOpen() {
    return !closed;
  }

  @Override
  public void close() {
    closed = true;
    if (chunk != null) {
      chunk.close();
      chunk = null;
    }
    results.close();
  }
}
