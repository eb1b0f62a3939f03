/* Licensed under the Apache License, Version 2.0. See LICENSE. */
package org.udfrunner.example;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.ReadableByteChannel;

/** A channel that counts the time of its reads. */
final class TimedChannel implements ReadableByteChannel {
  private final ReadableByteChannel channel;
  private long nanos;

  TimedChannel(ReadableByteChannel channel) {
    this.channel = channel;
  }

  /** The time in reads so far, in milliseconds. */
  double milliseconds() {
    return nanos / 1e6;
  }

  @Override
  public int read(ByteBuffer target) throws IOException {
    long start = System.nanoTime();
    try {
      return channel.read(target);
    } finally {
      nanos += System.nanoTime() - start;
    }
  }

  @Override
  public boolean isOpen() {
    return channel.isOpen();
  }

  @Override
  public void close() throws IOException {
    channel.close();
  }
}
