/* Licensed under the Apache License, Version 2.0. See LICENSE. */
package org.udfrunner;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** Envs and runners of the workers and functions of the tests. */
final class Fixtures {
  /** The project's folder. */
  static final Path PROJECT = Path.of(System.getProperty("udfrunner.test.project"));

  /** The functions that the tests of the C ABI run too. */
  static final String FUNCTIONS = "capi_functions";

  private Fixtures() {}

  /** The workers' interpreter; UDFRUNNER_TEST_PYTHON names another, with another PySpark. */
  static String python() {
    String named = System.getenv("UDFRUNNER_TEST_PYTHON");
    return named == null || named.isEmpty()
        ? PROJECT.resolve("build/venv/4.2/bin/python").toString()
        : named;
  }

  static Env env(String... pairs) {
    Map<String, String> conf = new HashMap<>(Map.of("spark.pyspark.python", python()));
    for (int i = 0; i < pairs.length; i += 2) {
      conf.put(pairs[i], pairs[i + 1]);
    }
    return Env.create(conf);
  }

  static Runner.Builder builder(Env env, EvalType type) {
    return Runner.builder(type)
        .env(env)
        .include(PROJECT.resolve("capi/tests/python"))
        .include(PROJECT.resolve("bindings/java/src/test/python"));
  }

  static Function function(String name) {
    String reference = name.contains(":") ? name : FUNCTIONS + ":" + name;
    return Function.reference(reference);
  }

  /** A runner of one pandas function of a long column. */
  static Runner pandas(Env env, String name) {
    return builder(env, EvalType.SQL_SCALAR_PANDAS_UDF)
        .function(function(name).returns("long"), 0)
        .build();
  }

  /** What the results, one column of longs, hold. */
  static List<Long> drain(ResultIterator results) {
    try {
      return Ipc.read(results.channel());
    } catch (IOException e) {
      throw new IllegalStateException(e);
    }
  }

  /** Runs a program to its end: what it wrote, after its status. */
  static String run(List<String> command, Map<String, String> variables) {
    try {
      ProcessBuilder builder = new ProcessBuilder(command).redirectErrorStream(true);
      builder.environment().putAll(variables);
      Process process = builder.start();
      String text = new String(process.getInputStream().readAllBytes());
      return process.waitFor() + "\n" + text;
    } catch (IOException | InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }

  /** A command that runs a class of the tests in a JVM of its own. */
  static List<String> java(Class<?> main, List<String> options, String... arguments) {
    List<String> command =
        new ArrayList<>(
            List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-Dudfrunner.test.project=" + PROJECT,
                "--add-opens=java.base/java.nio=ALL-UNNAMED",
                "--enable-native-access=ALL-UNNAMED",
                "-cp",
                System.getProperty("java.class.path")));
    command.addAll(options);
    command.add(main.getName());
    command.addAll(List.of(arguments));
    return command;
  }
}
