/* Licensed under the Apache License, Version 2.0. See LICENSE. */
package org.udfrunner;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.FileInputStream;
import java.io.IOException;
import java.net.ServerSocket;
import java.nio.channels.ServerSocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** HotSpot and Go in one process: JVMs of their own, with what disturbs them most. */
class HealthTest {
  @TempDir Path temp;

  private String run(List<String> options, Map<String, String> variables, String... arguments) {
    List<String> all = new ArrayList<>(options);
    all.add("-XX:ErrorFile=" + temp.resolve("hs_err.log"));
    String output = Fixtures.run(Fixtures.java(HealthProgram.class, all, arguments), variables);
    assertTrue(output.startsWith("0\n") && output.contains("healthy"), output);
    assertFalse(Files.exists(temp.resolve("hs_err.log")));
    return output;
  }

  @ParameterizedTest
  @CsvSource({"UseSerialGC", "UseParallelGC", "UseG1GC", "UseZGC"})
  void collectors(String collector) {
    run(List.of("-XX:+" + collector, "-Xmx256m"), Map.of());
  }

  @ParameterizedTest
  @ValueSource(strings = {"-Xint", "-XX:TieredStopAtLevel=1", "-XX:+UseG1GC"})
  void compilers(String option) {
    run(List.of(option), Map.of());
  }

  @Test
  void flightRecorder() {
    Path recording = temp.resolve("flight.jfr");
    run(
        List.of("-XX:StartFlightRecording=settings=profile,filename=" + recording),
        Map.of(),
        "jfr");
    assertTrue(Files.exists(recording));
  }

  @Test
  void checkedJni() {
    String output = run(List.of("-Xcheck:jni"), Map.of());
    assertFalse(output.contains("WARNING in native method"), output);
    assertFalse(output.contains("WARNING: JNI local refs"), output);
  }

  /** Workers are started from a thread of the JVM's, and get none of its descriptors or mask. */
  @Test
  void workersInheritNothing() throws IOException {
    Set<String> before = Leaks.descriptors();
    try (ServerSocket server = new ServerSocket(0);
        ServerSocketChannel channel = ServerSocketChannel.open();
        FileInputStream file = new FileInputStream("/etc/passwd");
        Env env = Fixtures.env()) {
      channel.bind(null);
      Set<String> opened = Leaks.descriptors();
      opened.removeAll(before);
      long[] inodes =
          opened.stream()
              .filter(text -> text.contains("socket:["))
              .mapToLong(text -> Long.parseLong(text.replaceAll(".*\\[(\\d+)\\].*", "$1")))
              .toArray();
      assertTrue(inodes.length >= 2, opened::toString);
      long passwd = ((Number) Files.getAttribute(Path.of("/etc/passwd"), "unix:ino")).longValue();
      long[] all = LongStream.concat(LongStream.of(passwd), LongStream.of(inodes)).toArray();
      assertEquals(Collections.nCopies(all.length, 0L), ask(env, "has_inode", all));
      assertEquals(List.of(0L), ask(env, "blocked_signals", 1));
      assertTrue(server.isBound() && file.available() > 0);
    }
  }

  private static List<Long> ask(Env env, String function, long... values) {
    try (Runner runner = Fixtures.pandas(env, "java_functions:" + function);
        ResultIterator results = runner.compute(Ipc.inputOf(values), 0)) {
      return Fixtures.drain(results);
    }
  }
}
