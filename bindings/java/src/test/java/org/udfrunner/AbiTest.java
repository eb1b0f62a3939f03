/* Licensed under the Apache License, Version 2.0. See LICENSE. */
package org.udfrunner;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.util.Arrays;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;

/**
 * The binding against udfrunner.h. What the compiler can hold to it is held when the glue is built.
 */
class AbiTest {
  private static String header() throws IOException {
    return Files.readString(Fixtures.PROJECT.resolve("include/udfrunner.h"));
  }

  private static Map<String, Integer> defines(String pattern) throws IOException {
    Map<String, Integer> found = new TreeMap<>();
    Matcher matcher = Pattern.compile("(?m)^#define UDFRUNNER_" + pattern).matcher(header());
    while (matcher.find()) {
      found.put(matcher.group(1), Integer.parseInt(matcher.group(2)));
    }
    return found;
  }

  @Test
  void evalTypes() throws IOException {
    Map<String, Integer> ours =
        Arrays.stream(EvalType.values()).collect(Collectors.toMap(Enum::name, EvalType::code));
    Map<String, Integer> theirs = defines("((?:SQL_|NON_UDF)\\w*) (\\d+)");
    assertEquals(theirs, new TreeMap<>(ours));
    for (EvalType type : EvalType.values()) {
      assertEquals(type, EvalType.of(type.code()));
    }
    assertThrows(InvalidArgumentException.class, () -> EvalType.of(-1));
  }

  @Test
  void errorsHaveTheirClasses() throws IOException {
    Set<Class<?>> classes = new TreeSet<>((a, b) -> a.getName().compareTo(b.getName()));
    Map<String, Integer> codes = defines("([A-Z_]+) \\((-\\d+)\\)");
    codes.forEach(
        (name, code) -> {
          UdfRunnerException error = Errors.of(code, name, Map.of("cause", "exit"));
          assertEquals(code, error.code());
          assertEquals(name, error.getMessage());
          assertEquals("exit", error.causeWord());
          classes.add(error.getClass());
          if (!name.equals("UNKNOWN")) {
            assertNotEquals(UdfRunnerException.class, error.getClass(), name);
          }
        });
    assertEquals(codes.size(), classes.size());
    assertInstanceOf(UdfRunnerException.class, Errors.of(-99, "of a later version", Map.of()));
  }

  /** As the page lists them, which a test of the library holds to what it knows. */
  @Test
  void configurationKeys() throws IOException {
    Set<String> documented = new TreeSet<>();
    Matcher row =
        Pattern.compile("(?m)^\\| `([^`*]+)\\*?` \\|")
            .matcher(Files.readString(Fixtures.PROJECT.resolve("docs/configuration.md")));
    while (row.find()) {
      documented.add(row.group(1));
    }
    assertEquals(documented, new TreeSet<>(Env.configurationKeys()));
    assertTrue(documented.contains("spark.sql.session.timeZone"));
    assertTrue(documented.contains("spark.executorEnv."));
  }

  @Test
  void outcomes() throws IOException {
    Map<String, Integer> codes = defines("(OK|DONE|TIMED_OUT|NEED_INPUT) (\\d+)");
    assertEquals(codes.get("OK"), Status.OK.ordinal());
    assertEquals(codes.get("DONE"), Status.DONE.ordinal());
    assertEquals(codes.get("TIMED_OUT"), Status.TIMED_OUT.ordinal());
    assertEquals(codes.get("NEED_INPUT"), Status.AGAIN.ordinal());
    Map<String, Integer> kinds = defines("INPUT_(\\w+) (\\d+)");
    assertEquals(
        Map.of(
            "NONE",
            Input.NONE,
            "STREAM",
            Input.STREAM,
            "RECORDS",
            Input.RECORDS,
            "GROUPS",
            Input.GROUPS),
        kinds);
  }
}
