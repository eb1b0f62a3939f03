/* Licensed under the Apache License, Version 2.0. See LICENSE. */
package org.udfrunner;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
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
import java.util.Arrays;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;

/** The binding in several class loaders of one JVM, as Spark has them. */
class ClassLoadersTest {
  /** A class loader that has all classes of its own, but those of the JDK. */
  private static URLClassLoader fresh() throws IOException {
    String[] paths = System.getProperty("java.class.path").split(":");
    URL[] urls = new URL[paths.length];
    for (int i = 0; i < paths.length; i++) {
      urls[i] = Path.of(paths[i]).toUri().toURL();
    }
    return new URLClassLoader(urls, ClassLoader.getPlatformClassLoader());
  }

  private static Method method(ClassLoader loader, String name, Class<?>... types)
      throws ReflectiveOperationException {
    Method method = loader.loadClass(LoadedElsewhere.class.getName()).getMethod(name, types);
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
      assertInstanceOf(UnsatisfiedLinkError.class, error);
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
