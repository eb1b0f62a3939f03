/* Licensed under the Apache License, Version 2.0. See LICENSE. */
package org.udfrunner;

import java.nio.ByteBuffer;
import java.util.Iterator;
import java.util.Objects;
import java.util.concurrent.atomic.AtomicBoolean;

/**
 * The input of one task. An input is used once, together with those that {@link #keys} made of it;
 * {@link Runner#compute} takes it over only where it returns.
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
  private final AtomicBoolean used;

  private Input(
      int kind,
      int keys,
      long stream,
      RecordSource records,
      GroupSource groups,
      AtomicBoolean used) {
    this.kind = kind;
    this.keys = keys;
    this.stream = stream;
    this.records = records;
    this.groups = groups;
    this.used = used;
  }

  /**
   * No input: a table function without a table argument, a data source.
   *
   * @return the input
   */
  public static Input none() {
    return of(NONE, 0, null, null);
  }

  /**
   * Bytes: pickled records or Arrow IPC messages.
   *
   * @param source supplies them
   * @return the input
   */
  public static Input records(RecordSource source) {
    return of(RECORDS, 0, Objects.requireNonNull(source, "source"), null);
  }

  /**
   * Bytes: pickled records, one an item, or Arrow IPC messages, any whole number of them an item.
   *
   * @param items supplies them, lazily; where it is {@link java.io.Closeable} it is closed with the
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
    return of(STREAM, address, null, null);
  }

  /**
   * Groups that the host formed.
   *
   * @param source supplies them
   * @return the input
   */
  public static Input groups(GroupSource source) {
    return of(GROUPS, 0, null, Objects.requireNonNull(source, "source"));
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
    return new Input(kind, count, stream, records, groups, used);
  }

  private static Input of(int kind, long stream, RecordSource records, GroupSource groups) {
    return new Input(kind, 0, stream, records, groups, new AtomicBoolean());
  }

  /** Marks it used, by the one task that may have it; no input is nobody's. */
  void take() {
    if (kind != NONE && !used.compareAndSet(false, true)) {
      throw new InvalidStateException(
          "input was given to a task before: an input is used once, make one for each compute");
    }
  }

  /** The task did not start: it is as it was. */
  void giveBack() {
    used.set(false);
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
