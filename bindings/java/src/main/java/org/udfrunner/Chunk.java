/* Licensed under the Apache License, Version 2.0. See LICENSE. */
package org.udfrunner;

import java.nio.ByteBuffer;
import java.util.Objects;

/**
 * Whole records of results, in memory of the library's: pickled records, or Arrow IPC messages.
 * Close it, which frees the memory; one that is forgotten is freed when it is collected. It
 * outlives its iterator, runner and env.
 *
 * <p>Safe for use by many threads: memory is freed when no copy goes on and no view is left.
 *
 * @since 1.0
 */
public final class Chunk implements AutoCloseable {
  private final State state;
  private final long size;
  private final long count;
  private long[] offsets;

  Chunk(long struct, long size, long count) {
    this.size = size;
    this.count = count;
    state = new State(struct);
    Env.CLEANER.register(this, state::close);
  }

  /**
   * How many bytes there are.
   *
   * @return the count; below 2 GiB unless one record is larger
   */
  public long size() {
    return size;
  }

  /**
   * How many records or messages there are.
   *
   * @return the count
   */
  public int count() {
    return Math.toIntExact(count);
  }

  /**
   * All bytes, in place: a read-only view. Its memory is freed after close and once the view and
   * all that was made of it are collected; so for streams of big results {@link #copyTo} and {@link
   * ResultIterator#channel}, whose memory is freed at once, are the better way.
   *
   * @return a direct buffer
   */
  public ByteBuffer data() {
    return view(0, size);
  }

  /**
   * One record or message, in place, as {@link #data}.
   *
   * @param index from 0
   * @return a direct buffer
   */
  public ByteBuffer record(int index) {
    long[] places = places();
    Objects.checkIndex(index, count);
    return view(places[index], places[index + 1] - places[index]);
  }

  /**
   * A copy of one record or message.
   *
   * @param index from 0
   * @return the bytes
   */
  public byte[] bytes(int index) {
    long[] places = places();
    Objects.checkIndex(index, count);
    byte[] copy = new byte[Math.toIntExact(places[index + 1] - places[index])];
    copyTo(places[index], ByteBuffer.wrap(copy));
    return copy;
  }

  /**
   * Copies bytes from a place on, as many as there are and the target takes.
   *
   * @param position the place, from 0
   * @param target its position moves behind the copy
   * @return how many bytes were copied
   */
  public int copyTo(long position, ByteBuffer target) {
    Objects.checkIndex(position, size + 1);
    int length = (int) Math.min(size - position, target.remaining());
    state.enter();
    try {
      target.put(Native.chunkView(state.struct, position, length));
    } finally {
      state.exit();
    }
    return length;
  }

  /**
   * Where records or messages begin in {@link #data}, so that a host may cut it by itself.
   *
   * @return one place more than there are records, the last being the end of the bytes
   */
  public long[] offsets() {
    return places().clone();
  }

  /**
   * Where the bytes are, for native consumers: valid until close.
   *
   * @return the address
   */
  public long address() {
    state.enter();
    try {
      return Native.chunkAddress(state.struct);
    } finally {
      state.exit();
    }
  }

  /** Gives its memory back. Idempotent. */
  @Override
  public void close() {
    state.close();
  }

  private ByteBuffer view(long position, long length) {
    if (length > Integer.MAX_VALUE) {
      throw new InvalidArgumentException(
          "record of " + length + " bytes: a buffer takes 2 GiB, use copyTo");
    }
    state.enter();
    ByteBuffer view;
    try {
      view = Native.chunkView(state.struct, position, (int) length);
    } catch (Throwable thrown) {
      state.exit();
      throw thrown;
    }
    // The view is a use, and ends when it and its slices are collected: these refer to it.
    Env.CLEANER.register(view, state::exit);
    return view.asReadOnlyBuffer();
  }

  private synchronized long[] places() {
    if (offsets == null) {
      long[] places = new long[count() + 1];
      state.enter();
      try {
        Native.chunkOffsets(state.struct, places);
      } finally {
        state.exit();
      }
      offsets = places;
    }
    return offsets;
  }

  private static final class State extends Guard {
    private final long struct;

    State(long struct) {
      super("chunk");
      this.struct = struct;
    }

    @Override
    void free(boolean forgotten) {
      Native.chunkFree(struct);
    }
  }
}
