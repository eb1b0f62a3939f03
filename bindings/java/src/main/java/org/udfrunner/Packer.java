/* Licensed under the Apache License, Version 2.0. See LICENSE. */
package org.udfrunner;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import java.util.Map;

/**
 * Arguments of a native call in one array, so that they cost one JNI copy; marshal.c reads it.
 *
 * <p>Numbers are in the machine's order. Bytes are a length, -1 for null, the bytes and a NUL.
 */
final class Packer {
  private ByteBuffer buffer = ByteBuffer.allocate(256).order(ByteOrder.nativeOrder());

  void putInt(int value) {
    room(Integer.BYTES).putInt(value);
  }

  void putLong(long value) {
    room(Long.BYTES).putLong(value);
  }

  void putBytes(byte[] value) {
    if (value == null) {
      putInt(-1);
      return;
    }
    putInt(value.length);
    room(value.length + 1).put(value).put((byte) 0);
  }

  void putText(String value) {
    putBytes(value == null ? null : value.getBytes(StandardCharsets.UTF_8));
  }

  void putInts(List<Integer> values) {
    putInt(values.size());
    values.forEach(this::putInt);
  }

  void putPairs(Map<String, String> pairs) {
    putInt(pairs.size());
    pairs.forEach(
        (key, value) -> {
          putText(key);
          putText(value);
        });
  }

  byte[] toBytes() {
    return Arrays.copyOf(buffer.array(), buffer.position());
  }

  private ByteBuffer room(int size) {
    if (buffer.remaining() < size) {
      long wanted = Math.max(2L * buffer.capacity(), (long) buffer.position() + size);
      if (wanted > Integer.MAX_VALUE - 8) {
        throw new InvalidArgumentException("arguments of " + wanted + " bytes: 2 GiB are allowed");
      }
      byte[] bytes = Arrays.copyOf(buffer.array(), (int) wanted);
      buffer = ByteBuffer.wrap(bytes).order(ByteOrder.nativeOrder()).position(buffer.position());
    }
    return buffer;
  }
}
