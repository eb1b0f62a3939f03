/* Licensed under the Apache License, Version 2.0. See LICENSE. */
package org.udfrunner.example;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.apache.spark.SparkException;
import org.apache.spark.util.Utils;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.udfrunner.SpawnException;

/** Executors whose Python is missing or wrong: errors name host, path and remedy. */
class ExecutorPythonTest {
  @TempDir Path folder;

  private String failure(Map<String, String> conf) {
    try (TestSession tests = new TestSession("local[1]", conf)) {
      SparkException error =
          assertThrows(
              SparkException.class,
              () ->
                  PythonStages.withColumn(
                          tests.session.range(10).toDF("n"),
                          "t",
                          TestSession.scalar("task", "string"),
                          List.of("n"),
                          tests.report())
                      .collectAsList());
      TaskFailure failure = assertInstanceOf(TaskFailure.class, error.getCause());
      assertInstanceOf(SpawnException.class, failure.getCause());
      String message = failure.getMessage();
      assertTrue(message.contains("host " + Utils.localHostName() + ", executor driver"), message);
      assertTrue(message.contains("spark.pyspark.python"), message);
      return message;
    }
  }

  /** An interpreter without any packages. */
  private Path bare() throws IOException, InterruptedException {
    Path environment = folder.resolve("bare");
    Process process =
        new ProcessBuilder(
                TestSession.PYTHON, "-m", "venv", "--without-pip", environment.toString())
            .inheritIO()
            .start();
    assertEquals(0, process.waitFor());
    return environment.resolve("bin/python");
  }

  @Test
  void missingPython() {
    String path = folder.resolve("no/python").toString();
    assertTrue(failure(Map.of("spark.pyspark.python", path)).contains(path));
  }

  @Test
  void pythonWithoutPySpark() throws IOException, InterruptedException {
    String path = bare().toString();
    String message = failure(Map.of("spark.pyspark.python", path));
    assertTrue(message.contains(path + " has no PySpark; install it there"), message);
  }

  @Test
  void pySparkThatIsTooOld() throws IOException, InterruptedException {
    // Its version is all that is read of it.
    Path packages = Files.createDirectories(folder.resolve("packages/pyspark"));
    Files.writeString(packages.resolve("__init__.py"), "from pyspark.version import __version__\n");
    Files.writeString(packages.resolve("version.py"), "__version__ = \"3.4.4\"\n");
    String path = bare().toString();
    Map<String, String> conf = new HashMap<>();
    conf.put("spark.pyspark.python", path);
    conf.put("spark.executorEnv.PYTHONPATH", packages.getParent().toString());
    String message = failure(conf);
    assertTrue(message.contains("PySpark 3.4.4 of " + path + " is too old"), message);
    assertTrue(message.contains("3.5"), message);
  }
}
