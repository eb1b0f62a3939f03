/* Licensed under the Apache License, Version 2.0. See LICENSE. */
package org.udfrunner;

import java.io.Closeable;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.Iterator;

/** A source over the items of an iterator. */
final class IteratorSource implements RecordSource {
  private final Iterator<ByteBuffer> items;

  IteratorSource(Iterator<ByteBuffer> items) {
    this.items = items;
  }

  @Override
  public Status next(Records out) {
    if (!items.hasNext()) {
      return Status.DONE;
    }
    out.set(items.next());
    return Status.OK;
  }

  @Override
  public void close() throws IOException {
    if (items instanceof Closeable closeable) {
      closeable.close();
    }
  }
}
