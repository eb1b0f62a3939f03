/* Licensed under the Apache License, Version 2.0. See LICENSE. */
package org.udfrunner;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.lang.ref.WeakReference;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The binding in several class loaders of one JVM, as Spark has them. */
class ClassLoadersTest {
  /** A class loader that has all classes of its own, but those of the JDK. */
  private static URLClassLoader fresh(Path... more) throws IOException {
    List<URL> urls = new ArrayList<>();
    for (Path path : more) {
      urls.add(path.toUri().toURL());
    }
    for (String path : System.getProperty("java.class.path").split(":")) {
      urls.add(Path.of(path).toUri().toURL());
    }
    return new URLClassLoader(urls.toArray(URL[]::new), ClassLoader.getPlatformClassLoader());
  }

  private static Method method(ClassLoader loader, String name, Class<?>... types)
      throws ReflectiveOperationException {
    return method(loader, LoadedElsewhere.class.getName(), name, types);
  }

  private static Method method(ClassLoader loader, String type, String name, Class<?>... types)
      throws ReflectiveOperationException {
    Method method = loader.loadClass(type).getMethod(name, types);
    method.setAccessible(true);
    return method;
  }

  /** The copies of the Go library that the process has mapped. */
  private static Set<String> libraries() throws IOException {
    return Files.readAllLines(Path.of("/proc/self/maps")).stream()
        .filter(line -> line.contains("libudfrunner.so"))
        .map(line -> line.substring(line.indexOf('/')))
        .collect(Collectors.toCollection(TreeSet::new));
  }

  @Test
  void twoAtATime() throws Exception {
    try (URLClassLoader first = fresh();
        URLClassLoader second = fresh()) {
      assertNotSame(first.loadClass(Env.class.getName()), Env.class);
      assertEquals(45L, method(first, "sum").invoke(null));
      assertEquals(45L, method(second, "sum").invoke(null));
      assertEquals(45L, method(first, "sum").invoke(null));
      assertEquals(1, libraries().size(), () -> "more than one Go runtime");
    }
  }

  /** The env lives as long as one of those who share it, in whichever class loader. */
  @Test
  void shareAnEnv() throws Exception {
    AutoCloseable elsewhere;
    try (URLClassLoader loader = fresh()) {
      Method share = method(loader, "share", String.class);
      assertThrows(InvocationTargetException.class, () -> share.invoke(null, "tests"));
      try (Env env = Env.shared("tests", Map.of("spark.pyspark.python", Fixtures.python()))) {
        env.warm(Map.of());
        elsewhere = (AutoCloseable) share.invoke(null, "tests");
      }
      assertTrue(workers("tests") > 0, "closed by one, held by the other");
      elsewhere.close();
      assertThrows(InvocationTargetException.class, () -> share.invoke(null, "tests"));
    }
  }

  /** How many workers the shared env has started. */
  private static int workers(String name) {
    try (Env env = Env.shared(name, Map.of())) {
      Matcher started = Pattern.compile("\"started\":(\\d+)").matcher(env.stats());
      assertTrue(started.find(), env.stats());
      return Integer.parseInt(started.group(1));
    }
  }

  /**
   * The classes in another package with their resources, as shading moves them: in a class loader
   * of their own, and in one next to those that were not moved.
   */
  @Test
  void relocated(@TempDir Path folder) throws Exception {
    Relocation.into(folder);
    for (int i = 0; i < 2; i++) {
      try (URLClassLoader loader = fresh(folder)) {
        Method moved = method(loader, Relocation.nameOf(LoadedElsewhere.class), "sum");
        assertEquals(45L, moved.invoke(null));
        if (i == 1) {
          assertEquals(45L, method(loader, "sum").invoke(null));
          assertEquals(45L, moved.invoke(null));
        }
      }
    }
    assertEquals(1, libraries().size(), () -> "more than one Go runtime");
  }

  /** What a collected loader's classes made is released by code that is still there. */
  @Test
  void droppedAndCollectedBeforeItsArraysAreReleased() throws Exception {
    TestNative.load();
    long array = TestNative.allocate(80);
    long input = TestNative.allocate(40);
    TestNative.numbers(input, 1, 10);
    WeakReference<ClassLoader> gone = leave(array, input);
    assertTrue(
        Leaks.eventually(
            () -> {
              System.gc();
              return gone.get() == null;
            }),
        "the class loader is not collected");
    assertEquals(45, TestNative.sum(array));
    TestNative.releaseArray(array);
    TestNative.free(array);
    TestNative.free(input);
    // And the next one loads.
    try (URLClassLoader next = fresh()) {
      assertEquals(45L, method(next, "sum").invoke(null));
    }
    assertEquals(1, libraries().size());
  }

  private static WeakReference<ClassLoader> leave(long array, long input) throws Exception {
    URLClassLoader loader = fresh();
    method(loader, "leave", long.class, long.class).invoke(null, array, input);
    loader.close();
    return new WeakReference<>(loader);
  }

  @Test
  void anotherLibraryIsRefused() throws Exception {
    Env.libraryVersion();
    String before = System.getProperty(Loader.LIBRARY);
    System.setProperty(
        Loader.LIBRARY, Fixtures.PROJECT.resolve("build/libudfrunner.so").toString());
    try (URLClassLoader loader = fresh()) {
      Method sum = method(loader, "sum");
      Throwable error =
          assertThrows(InvocationTargetException.class, () -> sum.invoke(null)).getCause();
      assertEquals(LoadException.class.getName(), error.getClass().getName());
      assertTrue(error.getMessage().contains("another class loader has loaded"), error.toString());
    } finally {
      if (before == null) {
        System.clearProperty(Loader.LIBRARY);
      } else {
        System.setProperty(Loader.LIBRARY, before);
      }
    }
    assertEquals(1, Arrays.asList(libraries().toArray()).size());
  }
}
