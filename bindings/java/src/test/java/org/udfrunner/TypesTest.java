/* Licensed under the Apache License, Version 2.0. See LICENSE. */
package org.udfrunner;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.memory.RootAllocator;
import org.apache.arrow.vector.FieldVector;
import org.apache.arrow.vector.ipc.ArrowStreamReader;
import org.junit.jupiter.api.Test;

/**
 * Arrow types that Spark lacks, and time zones that are not the session's, as functions see them.
 */
class TypesTest {
  /** What a pandas function sees of each column of typed_stream.py, in a session of New York. */
  private static final Map<String, String> SEEN = new LinkedHashMap<>();

  static {
    SEEN.put("paris", "Timestamp 2024-07-01 08:00:00");
    SEEN.put("nanos", "Timestamp 2024-07-01 08:00:00");
    SEEN.put("view", "str a text longer than twelve bytes");
    SEEN.put("word", "str word");
    SEEN.put("byte", "int 255");
    SEEN.put("huge", "Decimal 18446744073709551615");
    SEEN.put("half", "float 1.5");
    SEEN.put("day", "date 2024-02-29");
    SEEN.put("small", "Decimal 1.25");
    SEEN.put("runs", "str run");
  }

  private static Input stream() throws IOException {
    Process process =
        new ProcessBuilder(
                Fixtures.python(),
                Fixtures.PROJECT
                    .resolve("bindings/java/src/test/python/typed_stream.py")
                    .toString())
            .redirectError(ProcessBuilder.Redirect.INHERIT)
            .start();
    byte[] bytes = process.getInputStream().readAllBytes();
    return Input.records(List.of(ByteBuffer.wrap(bytes)).iterator());
  }

  private static Map<String, String> seen(Env env) throws IOException {
    Runner.Builder builder = Fixtures.builder(env, EvalType.SQL_SCALAR_PANDAS_UDF);
    for (int i = 0; i < SEEN.size(); i++) {
      builder.function(Fixtures.function("java_functions:seen").returns("string"), i);
    }
    Map<String, String> texts = new LinkedHashMap<>();
    try (Runner runner = builder.build();
        ResultIterator results = runner.compute(stream(), 0);
        BufferAllocator allocator = new RootAllocator();
        ArrowStreamReader reader = new ArrowStreamReader(results.channel(), allocator)) {
      assertTrue(reader.loadNextBatch());
      List<FieldVector> columns = reader.getVectorSchemaRoot().getFieldVectors();
      int column = 0;
      for (String name : SEEN.keySet()) {
        texts.put(name, columns.get(column++).getObject(0).toString());
      }
    }
    return texts;
  }

  @Test
  void columnsAsSparkSendsThem() throws IOException {
    try (Env env = Fixtures.env("spark.sql.session.timeZone", "America/New_York")) {
      assertEquals(SEEN, seen(env));
    }
  }

  /** The zone is a label: the instant stays, whatever the session's zone is. */
  @Test
  void zoneIsTheSessions() throws IOException {
    try (Env env = Fixtures.env("spark.sql.session.timeZone", "Asia/Tokyo")) {
      assertEquals("Timestamp 2024-07-01 21:00:00", seen(env).get("paris"));
    }
  }
}
