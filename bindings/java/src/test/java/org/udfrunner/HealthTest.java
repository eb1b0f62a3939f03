/* Licensed under the Apache License, Version 2.0. See LICENSE. */
package org.udfrunner;

import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
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
}
