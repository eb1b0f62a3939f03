/* Licensed under the Apache License, Version 2.0. See LICENSE. */
import java.nio.ByteBuffer;
import java.util.List;
import java.util.Map;
import org.udfrunner.Chunk;
import org.udfrunner.Env;
import org.udfrunner.EvalType;
import org.udfrunner.Function;
import org.udfrunner.Input;
import org.udfrunner.ResultIterator;
import org.udfrunner.Runner;

/** A program of somebody who has the jar from a repository, and nothing else: one task. */
final class Resolved {
  private Resolved() {}

  public static void main(String[] arguments) {
    // [(-7,)] as Python pickles it.
    byte[] row = {(byte) 0x80, 2, ']', 'J', -7, -1, -1, -1, (byte) 0x85, 'a', '.'};
    try (Env env = Env.create(Map.of("spark.pyspark.python", arguments[0]));
        Runner runner =
            Runner.builder(EvalType.SQL_BATCHED_UDF)
                .env(env)
                .function(Function.reference("builtins:abs").returns("int"), 0)
                .build();
        ResultIterator results =
            runner.compute(Input.records(List.of(ByteBuffer.wrap(row)).iterator()), 0)) {
      int count = 0;
      while (results.hasNext()) {
        try (Chunk chunk = results.next()) {
          count += chunk.count();
        }
      }
      System.out.println("results: " + count);
    }
  }
}
