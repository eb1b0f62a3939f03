/* Licensed under the Apache License, Version 2.0. See LICENSE. */
package org.udfrunner;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;

/**
 * What the glue calls for an input: a source, what it threw, and what must stay reachable.
 *
 * <p>Nothing is thrown through the library: what a source throws is kept here for the exception of
 * the read.
 */
final class NativeInput {
  private final RecordSource records;
  private final GroupSource groups;
  private final Records out = new Records(this);
  private ByteBuffer sent;
  private Throwable failure;
  private boolean filled;

  NativeInput(RecordSource records, GroupSource groups) {
    this.records = records;
    this.groups = groups;
  }

  /** Called by the glue: the source's next records into a C udfrunner_record. */
  int next(long struct) {
    try {
      sent = null;
      filled = false;
      out.begin(struct);
      Status status = records.next(out);
      if (status == Status.OK && !filled) {
        throw new IllegalStateException("source gave OK, and no records");
      }
      return checked(status);
    } catch (Throwable thrown) {
      return failed(thrown, struct);
    } finally {
      out.end();
    }
  }

  /** Called by the glue: the source's next group into C ArrowArrayStreams. */
  int nextGroup(long[] streams, long struct) {
    try {
      return checked(groups.next(streams));
    } catch (Throwable thrown) {
      return failed(thrown, struct);
    }
  }

  /** Called by the glue when the library needs no more input, on a thread of the host's. */
  void release() {
    try {
      if (records != null) {
        records.close();
      } else {
        groups.close();
      }
    } catch (Throwable thrown) {
      failure = thrown;
    } finally {
      sent = null;
    }
  }

  /** Called by the glue: what the handlers above could not catch, the stack being at its end. */
  void thrown(Throwable thrown) {
    failure = thrown;
  }

  void fill(long struct, ByteBuffer data, long[] offsets) {
    if (offsets != null) {
      checkOffsets(offsets, data.remaining());
    }
    if (data.isDirect()) {
      Native.recordDirect(struct, data, data.position(), data.remaining(), offsets);
      sent = data;
    } else if (data.hasArray()) {
      int start = data.arrayOffset() + data.position();
      Native.recordArray(struct, data.array(), start, data.remaining(), offsets);
    } else {
      byte[] copy = new byte[data.remaining()];
      data.duplicate().get(copy);
      Native.recordArray(struct, copy, 0, copy.length, offsets);
    }
    filled = true;
  }

  /** What the source threw, once. */
  Throwable takeFailure() {
    Throwable taken = failure;
    failure = null;
    return taken;
  }

  private static int checked(Status status) {
    if (status == null || status == Status.TIMED_OUT) {
      throw new IllegalStateException("source gave " + status + ": must be OK, DONE or AGAIN");
    }
    return status.ordinal();
  }

  private int failed(Throwable thrown, long struct) {
    failure = thrown;
    Native.recordMessage(struct, thrown.toString().getBytes(StandardCharsets.UTF_8));
    return HostException.CODE;
  }

  private static void checkOffsets(long[] offsets, long size) {
    if (offsets.length < 2) {
      throw new InvalidArgumentException(
          offsets.length + " offsets: one more than there are records is needed, of at least one");
    }
    long before = 0;
    for (int i = 0; i < offsets.length; i++) {
      if (offsets[i] < before || offsets[i] > size) {
        throw new InvalidArgumentException(
            "offset " + i + " is " + offsets[i] + ", must be " + before + " to " + size);
      }
      before = offsets[i];
    }
  }
}
