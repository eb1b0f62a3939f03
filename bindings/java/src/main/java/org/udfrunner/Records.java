/* Licensed under the Apache License, Version 2.0. See LICENSE. */
package org.udfrunner;

import java.nio.ByteBuffer;
import java.util.List;

/**
 * What a {@link RecordSource} fills: pickled records, or Arrow IPC messages. It is the source's
 * during a call only.
 *
 * <p>Bytes of direct buffers are sent from where they are, and must stay as they are until the
 * source is called again or closed; the buffer itself is kept reachable. Bytes of arrays and heap
 * buffers are copied. Position and limit of a buffer are left alone.
 *
 * @since 1.0
 */
public final class Records {
  private static final long[] NO_OFFSETS = null;

  private final NativeInput input;
  // Of the call that goes on; 0 between two.
  private long struct;

  Records(NativeInput input) {
    this.input = input;
  }

  void begin(long address) {
    struct = address;
  }

  void end() {
    struct = 0;
  }

  /**
   * One record, or any whole number of Arrow IPC messages.
   *
   * @param data from its position to its limit
   */
  public void set(ByteBuffer data) {
    fill(data, NO_OFFSETS);
  }

  /**
   * One record, or any whole number of Arrow IPC messages.
   *
   * @param data the bytes, copied
   */
  public void set(byte[] data) {
    set(ByteBuffer.wrap(data));
  }

  /**
   * Several records.
   *
   * @param data from its position to its limit
   * @param offsets one more than there are records: record i is from offsets[i] to offsets[i + 1],
   *     counted from the buffer's position
   */
  public void set(ByteBuffer data, long[] offsets) {
    fill(data, offsets.clone());
  }

  /**
   * Several records.
   *
   * @param records their bytes, copied; less than 2 GiB together
   */
  public void set(List<byte[]> records) {
    long[] offsets = new long[records.size() + 1];
    for (int i = 0; i < records.size(); i++) {
      offsets[i + 1] = offsets[i] + records.get(i).length;
    }
    long size = offsets[records.size()];
    if (size > Integer.MAX_VALUE - 8) {
      throw new InvalidArgumentException("records of " + size + " bytes: 2 GiB are allowed a call");
    }
    ByteBuffer data = ByteBuffer.allocate((int) size);
    records.forEach(data::put);
    fill(data.flip(), offsets);
  }

  private void fill(ByteBuffer data, long[] offsets) {
    if (struct == 0) {
      throw new InvalidStateException("records are the source's during its next only");
    }
    input.fill(struct, data, offsets);
  }
}
