/* Licensed under the Apache License, Version 2.0. See LICENSE. */
package org.udfrunner;

/** What ClassLoadersTest calls in class loaders that it makes. */
public final class LoadedElsewhere {
  private LoadedElsewhere() {}

  /** The sum of ten rows that went through a worker, less one each. */
  public static long sum() {
    try (Env env = Fixtures.env();
        Runner runner = Fixtures.pandas(env, "plus_one");
        ResultIterator results = runner.compute(Ipc.input(1, 10), 0)) {
      return Fixtures.drain(results).stream().mapToLong(value -> value - 1).sum();
    }
  }

  /** Holds the env of a name until the result is closed; throws where nobody shares it. */
  public static AutoCloseable share(String name) {
    return Env.shared(name, java.util.Map.of("spark.executor.cores", "no number"));
  }

  /**
   * Leaves results in a C struct, and nothing else. The input is a C stream: one of Java's would
   * hold this class as long as it is needed.
   */
  public static void leave(long array, long input) {
    Runner runner =
        Fixtures.builder(Fixtures.env(), EvalType.SQL_MAP_ARROW_ITER_UDF)
            .function(Fixtures.function("java_functions:identity").returns("n long"))
            .build();
    runner.compute(Input.stream(input), 0).nextArrow(array, 0);
  }
}
