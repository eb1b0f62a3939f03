/* Licensed under the Apache License, Version 2.0. See LICENSE. */
package org.udfrunner;

import java.nio.ByteBuffer;
import java.util.Iterator;
import java.util.Objects;

/**
 * The input of one task. An input is used once; {@link Runner#compute} takes it over only where it
 * returns.
 *
 * @since 1.0
 */
public final class Input {
  static final int NONE = 0;
  static final int STREAM = 1;
  static final int RECORDS = 2;
  static final int GROUPS = 3;

  private final int kind;
  private final int keys;
  private final long stream;
  private final RecordSource records;
  private final GroupSource groups;

  private Input(int kind, int keys, long stream, RecordSource records, GroupSource groups) {
    this.kind = kind;
    this.keys = keys;
    this.stream = stream;
    this.records = records;
    this.groups = groups;
  }

  /**
   * No input: a table function without a table argument, a data source.
   *
   * @return the input
   */
  public static Input none() {
    return new Input(NONE, 0, 0, null, null);
  }

  /**
   * Bytes: pickled records or Arrow IPC messages.
   *
   * @param source brings them
   * @return the input
   */
  public static Input records(RecordSource source) {
    return new Input(RECORDS, 0, 0, Objects.requireNonNull(source, "source"), null);
  }

  /**
   * Bytes: pickled records, one an item, or Arrow IPC messages, any whole number of them an item.
   *
   * @param items brings them, lazily; where it is {@link java.io.Closeable} it is closed with the
   *     input
   * @return the input
   */
  public static Input records(Iterator<ByteBuffer> items) {
    return records(new IteratorSource(Objects.requireNonNull(items, "items")));
  }

  /**
   * An Arrow C stream of record batches.
   *
   * @param address of a C {@code struct ArrowArrayStream}, which is moved: after compute it is
   *     marked released, and the struct's own memory is the caller's again
   * @return the input
   */
  public static Input stream(long address) {
    if (address == 0) {
      throw new InvalidArgumentException("stream address 0: a struct ArrowArrayStream is needed");
    }
    return new Input(STREAM, 0, address, null, null);
  }

  /**
   * Groups that the host formed.
   *
   * @param source brings them
   * @return the input
   */
  public static Input groups(GroupSource source) {
    return new Input(GROUPS, 0, 0, null, Objects.requireNonNull(source, "source"));
  }

  /**
   * The same input with so many grouping columns, which come first. A stream, or records with Arrow
   * messages, is sorted by them (rows of equal keys are neighbours; null equals null, NaN equals
   * NaN) and cut into groups. With {@link #groups} it is needed where the chain has no arguments.
   *
   * @param count the number of columns
   * @return the input
   */
  public Input keys(int count) {
    return new Input(kind, count, stream, records, groups);
  }

  int kind() {
    return kind;
  }

  int keyCount() {
    return keys;
  }

  long streamAddress() {
    return stream;
  }

  /** What the glue calls, or null for kinds without callbacks of ours. */
  NativeInput toNative() {
    return records == null && groups == null ? null : new NativeInput(records, groups);
  }
}
