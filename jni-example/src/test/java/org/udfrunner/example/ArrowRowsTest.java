/* Licensed under the Apache License, Version 2.0. See LICENSE. */
package org.udfrunner.example;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.math.BigDecimal;
import java.nio.ByteBuffer;
import java.nio.channels.Channels;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.NoSuchElementException;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.apache.spark.sql.catalyst.InternalRow;
import org.apache.spark.sql.catalyst.expressions.GenericInternalRow;
import org.apache.spark.sql.catalyst.expressions.UnsafeProjection;
import org.apache.spark.sql.catalyst.util.GenericArrayData;
import org.apache.spark.sql.types.Decimal;
import org.apache.spark.sql.types.StructType;
import org.apache.spark.unsafe.types.UTF8String;
import org.junit.jupiter.api.Test;

/** Rows to Arrow and back. */
class ArrowRowsTest {
  private static final StructType ALL =
      StructType.fromDDL(
          "b boolean, y byte, s short, i int, l long, f float, d double, t string, "
              + "x binary, m decimal(20, 3), e date, w timestamp, n timestamp_ntz, "
              + "a array<int>, r struct<p: long, q: string>");

  private static ArrowOptions options(Map<String, String> conf) {
    return ArrowOptions.of(conf);
  }

  private static InternalRow row(int i) {
    if (i % 3 == 0) {
      return new GenericInternalRow(new Object[ALL.length()]);
    }
    UTF8String text = UTF8String.fromString("日本 " + i);
    return new GenericInternalRow(
        new Object[] {
          i % 2 == 0,
          (byte) i,
          (short) -i,
          i,
          (long) i << 40,
          i / 4f,
          Math.sqrt(i),
          text,
          new byte[] {1, (byte) i},
          Decimal.apply(new BigDecimal(i + ".125"), 20, 3),
          i,
          1_000_000L * i,
          -1_000_000L * i,
          new GenericArrayData(new Object[] {i, null}),
          new GenericInternalRow(new Object[] {(long) i, text})
        });
  }

  private static byte[] bytes(RowsToArrow input) {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    while (input.hasNext()) {
      ByteBuffer item = input.next();
      byte[] copy = new byte[item.remaining()];
      item.get(copy);
      out.writeBytes(copy);
    }
    return out.toByteArray();
  }

  private static int[] batches(Iterator<InternalRow> rows, StructType schema, ArrowOptions options) {
    List<Integer> sizes = new ArrayList<>();
    List<InternalRow> pulled = new ArrayList<>();
    Iterator<InternalRow> counted =
        new MappedIterator(
            rows,
            row -> {
              pulled.add(row);
              return row;
            });
    try (RowsToArrow input = new RowsToArrow(counted, schema, options)) {
      while (input.hasNext()) {
        int before = pulled.size();
        input.next();
        sizes.add(pulled.size() - before);
      }
    }
    return sizes.stream().mapToInt(Integer::intValue).toArray();
  }

  @Test
  void everyTypeComesBack() {
    List<InternalRow> rows = IntStream.range(0, 1000).mapToObj(ArrowRowsTest::row).toList();
    byte[] bytes;
    ArrowOptions options = options(Map.of(BatchLimits.ROWS_KEY, "300"));
    try (RowsToArrow input = new RowsToArrow(rows.iterator(), ALL, options)) {
      bytes = bytes(input);
    }
    UnsafeProjection expected = UnsafeProjection.create(ALL);
    UnsafeProjection projection = UnsafeProjection.create(ALL);
    int count = 0;
    try (ArrowToRows output =
        new ArrowToRows(Channels.newChannel(new ByteArrayInputStream(bytes)))) {
      while (output.hasNext()) {
        assertEquals(
            expected.apply(rows.get(count)), projection.apply(output.next()), "row " + count);
        count++;
      }
      assertThrows(NoSuchElementException.class, output::next);
    }
    assertEquals(1000, count);
  }

  @Test
  void withoutRowsTheSchemaIsSent() {
    try (RowsToArrow input =
            new RowsToArrow(List.<InternalRow>of().iterator(), ALL, options(Map.of()));
        ArrowToRows output =
            new ArrowToRows(Channels.newChannel(new ByteArrayInputStream(bytes(input))))) {
      assertFalse(output.hasNext());
    }
  }

  @Test
  void batchesKeepToTheLimitOfRows() {
    StructType schema = StructType.fromDDL("i int");
    Stream<InternalRow> rows =
        IntStream.range(0, 1000).mapToObj(i -> new GenericInternalRow(new Object[] {i}));
    int[] sizes = batches(rows.iterator(), schema, options(Map.of(BatchLimits.ROWS_KEY, "400")));
    assertEquals(List.of(400, 400, 200), IntStream.of(sizes).boxed().toList());
  }

  @Test
  void batchesKeepToTheLimitOfBytes() {
    StructType schema = StructType.fromDDL("t string");
    UTF8String text = UTF8String.fromString("x".repeat(1000));
    Stream<InternalRow> rows =
        IntStream.range(0, 1000).mapToObj(i -> new GenericInternalRow(new Object[] {text}));
    int[] sizes = batches(rows.iterator(), schema, options(Map.of(BatchLimits.BYTES_KEY, "100k")));
    assertEquals(1000, IntStream.of(sizes).sum());
    // The size is looked at every 64 rows.
    assertTrue(IntStream.of(sizes).allMatch(size -> size <= 128), () -> Arrays.toString(sizes));
  }

  @Test
  void noLimitOfRowsIsZero() {
    assertEquals(Integer.MAX_VALUE, BatchLimits.of(Map.of(BatchLimits.ROWS_KEY, "0")).rows());
    assertEquals(1 << 16, BatchLimits.of(Map.of()).rows());
  }
}
