/* Licensed under the Apache License, Version 2.0. See LICENSE. */
package org.udfrunner;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Virtual threads, of Java 21 and later. */
class VirtualThreadsTest {
  /** With one carrier tasks meet only where none that waits keeps it. */
  @Test
  void tasksThatWaitGiveTheirCarrierFree(@TempDir Path folder) {
    Assumptions.assumeTrue(Runtime.version().feature() >= 21, "no virtual threads");
    List<String> options =
        List.of(
            "-Djdk.virtualThreadScheduler.parallelism=1",
            "-Djdk.virtualThreadScheduler.maxPoolSize=1");
    List<String> command =
        Fixtures.java(VirtualThreadsProgram.class, options, "6", folder.toString());
    String output = Fixtures.run(command, Map.of());
    String text = output.replaceAll("(?m)^SLF4J.*\n|^WARNING.*\n", "");
    assertEquals(
        "0\n[6, 6, 6, 6, 6, 6]\nWaitInterruptedException\nCancelledException\ntrue\n", text);
  }

  @Test
  void platformThreadsAreNone() {
    assertEquals(false, VirtualThreads.isCurrent());
  }
}
