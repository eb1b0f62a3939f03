/* Licensed under the Apache License, Version 2.0. See LICENSE. */
package org.udfrunner;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.stream.LongStream;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.memory.RootAllocator;
import org.apache.arrow.vector.Float8Vector;
import org.apache.arrow.vector.ipc.ArrowStreamReader;
import org.junit.jupiter.api.Test;

/** The program that the READMEs show: run here, and found there. */
class ReadmeTest {
  private static List<Double> roots(
      String python, Iterator<ByteBuffer> messages, BufferAllocator allocator) throws IOException {
    List<Double> roots = new ArrayList<>();
    // README begins.
    try (Env env = Env.create(Map.of("spark.pyspark.python", python));
        Runner runner =
            Runner.builder(EvalType.SQL_SCALAR_PANDAS_UDF)
                .env(env)
                .function(Function.reference("numpy:sqrt").returns("double"), 0)
                .build();
        ResultIterator results = runner.compute(Input.records(messages), 0);
        ArrowStreamReader reader = new ArrowStreamReader(results.channel(), allocator)) {
      while (reader.loadNextBatch()) {
        Float8Vector column = (Float8Vector) reader.getVectorSchemaRoot().getVector(0);
        for (int i = 0; i < column.getValueCount(); i++) {
          roots.add(column.get(i));
        }
      }
    }
    // README ends.
    return roots;
  }

  @Test
  void program() throws IOException {
    Iterator<ByteBuffer> messages = Ipc.messages(2, 10).stream().map(Ipc::direct).iterator();
    List<Double> expected = LongStream.range(0, 20).mapToObj(n -> Math.sqrt(n)).toList();
    try (BufferAllocator allocator = new RootAllocator()) {
      assertEquals(expected, roots(Fixtures.python(), messages, allocator));
    }
  }

  @Test
  void readmesShowIt() throws IOException {
    Path tests = Fixtures.PROJECT.resolve("bindings/java/src/test/java/org/udfrunner");
    String source = Files.readString(tests.resolve("ReadmeTest.java"));
    String program = source.substring(source.indexOf("// README begins.") + 17);
    program = program.substring(0, program.indexOf("// README ends.")).stripIndent().strip();
    for (String readme : List.of("README.md", "bindings/java/README.md")) {
      String text = Files.readString(Fixtures.PROJECT.resolve(readme));
      assertTrue(squeeze(text).contains(squeeze(program)), readme + " shows another program");
    }
  }

  private static String squeeze(String text) {
    return text.replaceAll("\\s+", " ");
  }
}
