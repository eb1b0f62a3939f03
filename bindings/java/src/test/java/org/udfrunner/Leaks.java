/* Licensed under the Apache License, Version 2.0. See LICENSE. */
package org.udfrunner;

import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.ServerSocket;
import java.nio.channels.ServerSocketChannel;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.BooleanSupplier;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.extension.AfterEachCallback;
import org.junit.jupiter.api.extension.BeforeEachCallback;
import org.junit.jupiter.api.extension.ExtensionContext;

/**
 * Around every test: no child process, no descriptor and no thread of ours is left. It is
 * registered for all tests as a service.
 */
public final class Leaks implements BeforeEachCallback, AfterEachCallback {
  /** Within this an event that must happen has to happen. */
  static final long PATIENCE_MILLIS = 20_000;

  private static boolean warm;

  private Set<String> children;
  private Set<String> descriptors;

  @Override
  public void beforeEach(ExtensionContext context) {
    if (!warm) {
      warm = true;
      warmUp();
    }
    children = children();
    descriptors = descriptors();
  }

  @Override
  public void afterEach(ExtensionContext context) {
    assertTrue(
        eventually(() -> children.containsAll(children()) || collected()),
        () -> "child processes left: " + children());
    assertTrue(
        eventually(() -> descriptors().size() <= descriptors.size() || collected()),
        () -> {
          Set<String> left = descriptors();
          left.removeAll(descriptors);
          return "descriptors left: " + left;
        });
  }

  /** What was forgotten is left until it is collected. */
  private static boolean collected() {
    System.gc();
    return false;
  }

  /**
   * Does once what is allowed to stay: the library's own threads and descriptors, jars, and the
   * JVM's marker of sockets that it is closing.
   */
  private static void warmUp() {
    try (ServerSocket server = new ServerSocket(0);
        ServerSocketChannel channel = ServerSocketChannel.open()) {
      channel.bind(null);
      assertTrue(server.isBound());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    try (Env env = Fixtures.env();
        Runner runner = Fixtures.pandas(env, "plus_one");
        ResultIterator results = runner.compute(Ipc.input(1, 1), 0)) {
      Fixtures.drain(results);
    }
    Fixtures.run(java.util.List.of("true"), java.util.Map.of());
  }

  static boolean eventually(BooleanSupplier condition) {
    long end = System.nanoTime() + PATIENCE_MILLIS * 1_000_000;
    while (!condition.getAsBoolean()) {
      if (System.nanoTime() > end) {
        return false;
      }
      java.util.concurrent.locks.LockSupport.parkNanos(5_000_000);
    }
    return true;
  }

  /** The child processes of this one. */
  static Set<String> children() {
    Set<String> found = new TreeSet<>();
    try (Stream<Path> tasks = Files.list(Path.of("/proc/self/task"))) {
      for (Path task : tasks.toList()) {
        try {
          String text = Files.readString(task.resolve("children")).strip();
          if (!text.isEmpty()) {
            found.addAll(Set.of(text.split(" ")));
          }
        } catch (IOException e) {
          continue; // The thread ended.
        }
      }
    } catch (IOException e) {
      throw new IllegalStateException(e);
    }
    return found;
  }

  /** The open descriptors of this process and what they are; not the files of the JVM. */
  static Set<String> descriptors() {
    try (Stream<Path> entries = Files.list(Path.of("/proc/self/fd"))) {
      return entries
          .map(Leaks::target)
          .filter(text -> !text.isEmpty() && !text.endsWith(".jar"))
          .collect(Collectors.toCollection(TreeSet::new));
    } catch (IOException e) {
      throw new IllegalStateException(e);
    }
  }

  private static String target(Path entry) {
    try {
      return entry.getFileName() + " " + Files.readSymbolicLink(entry);
    } catch (NoSuchFileException e) {
      return ""; // The one that lists.
    } catch (IOException e) {
      return "";
    }
  }
}
