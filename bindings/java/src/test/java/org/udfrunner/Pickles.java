/* Licensed under the Apache License, Version 2.0. See LICENSE. */
package org.udfrunner;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;

/** Just enough of Python's pickle for rows of one int. */
final class Pickles {
  private Pickles() {}

  /** A pickled list of tuples of one int, in protocol 2. */
  static byte[] rows(int... values) {
    ByteBuffer out = ByteBuffer.allocate(6 + 6 * values.length).order(ByteOrder.LITTLE_ENDIAN);
    out.put(new byte[] {(byte) 0x80, 2, ']', '('});
    for (int value : values) {
      out.put((byte) 'J').putInt(value).put((byte) 0x85);
    }
    return out.put((byte) 'e').put((byte) '.').array();
  }

  /** The ints of a pickled list of ints; throws for what is no such list. */
  static List<Integer> ints(ByteBuffer pickle) {
    ByteBuffer in = pickle.duplicate().order(ByteOrder.LITTLE_ENDIAN);
    List<Integer> values = new ArrayList<>();
    while (true) {
      int opcode = in.get() & 0xff;
      switch (opcode) {
        case 0x80 -> in.get(); // PROTO
        case 0x95 -> in.getLong(); // FRAME
        case ']', '(', 'e', 'a', 0x94 -> {} // EMPTY_LIST, MARK, APPENDS, APPEND, MEMOIZE
        case 'q' -> in.get(); // BINPUT
        case 'K' -> values.add(in.get() & 0xff);
        case 'M' -> values.add(in.getShort() & 0xffff);
        case 'J' -> values.add(in.getInt());
        case '.' -> {
          return values;
        }
        default -> throw new IllegalArgumentException("opcode " + opcode);
      }
    }
  }
}
