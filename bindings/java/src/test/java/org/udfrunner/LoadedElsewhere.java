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

  /** Leaves results in C structs, and nothing else: an array, and a stream with its task's data. */
  public static void leave(long array, long stream) {
    try (Env env = Fixtures.env();
        Runner runner =
            Fixtures.builder(env, EvalType.SQL_MAP_ARROW_ITER_UDF)
                .function(Fixtures.function("java_functions:identity").returns("n long"))
                .build();
        ResultIterator results = runner.compute(Ipc.input(1, 10), 0)) {
      results.nextArrow(array, 0);
    }
    Env env = Fixtures.env();
    Runner runner =
        Fixtures.builder(env, EvalType.SQL_MAP_ARROW_ITER_UDF)
            .function(Fixtures.function("java_functions:identity").returns("n long"))
            .build();
    ResultIterator results = runner.compute(Ipc.input(1, 10), 0);
    results.exportStream(stream);
  }
}
