/* Licensed under the Apache License, Version 2.0. See LICENSE. */
package org.udfrunner;

import java.io.IOException;
import java.nio.charset.StandardCharsets;

/** Panics inside the library: the JVM lives, the object is unusable, others go on. */
final class PanicProgram {
  private PanicProgram() {}

  public static void main(String[] arguments) throws IOException {
    TestNative.load();
    try (Env env = Fixtures.env();
        Runner runner = Fixtures.pandas(env, "plus_one");
        ResultIterator beside = runner.compute(Ipc.input(2, 10), 0);
        ResultIterator results = runner.compute(Ipc.input(2, 10), 1)) {
      panicIn("iterator_next");
      InternalException error = caught(results::hasNext);
      check(error.panic().contains("goroutine"), "the error has the stack: " + error.panic());
      caught(results::hasNext);
      check(Ipc.longs(1, 21).equals(Fixtures.drain(beside)), "the task beside it goes on");
      panicIn("runner_compute");
      caught(() -> runner.compute(Input.none(), 0));
      caught(() -> runner.compute(Input.none(), 0));
    }
    panicIn("udfrunner_env_create");
    caught(Fixtures::env);
    try (Env env = Fixtures.env();
        Runner runner = Fixtures.pandas(env, "plus_one");
        ResultIterator results = runner.compute(Ipc.input(2, 10), 0)) {
      check(Ipc.longs(1, 21).equals(Fixtures.drain(results)), "a new env works");
    }
    System.out.println("survived 3 panics");
  }

  private static void panicIn(String function) {
    byte[] library = System.getProperty(Loader.LIBRARY).getBytes(StandardCharsets.UTF_8);
    if (!TestNative.panicIn(library, (function + "\0").getBytes(StandardCharsets.UTF_8))) {
      throw new AssertionError("the library has no panic hook");
    }
  }

  private static InternalException caught(Runnable call) {
    try {
      call.run();
    } catch (InternalException e) {
      return e;
    }
    throw new AssertionError("no panic");
  }

  private static void check(boolean holds, String what) {
    if (!holds) {
      throw new AssertionError(what);
    }
  }
}
