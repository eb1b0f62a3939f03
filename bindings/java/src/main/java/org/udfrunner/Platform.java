/* Licensed under the Apache License, Version 2.0. See LICENSE. */
package org.udfrunner;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Set;

/**
 * Where this JVM runs.
 *
 * @param os {@code os.name}
 * @param arch {@code os.arch}
 * @param maps what the process has mapped, as {@code /proc/self/maps} lists it
 */
record Platform(String os, String arch, String maps) {
  private static final Set<String> FOLDERS = Set.of("linux-amd64", "linux-aarch64");

  static Platform current() {
    String maps = "";
    try {
      maps = Files.readString(Path.of("/proc/self/maps"));
    } catch (IOException e) {
      // No /proc: the C library can't be told, loading will.
    }
    return new Platform(System.getProperty("os.name"), System.getProperty("os.arch"), maps);
  }

  /** The folder of the jar with this platform's files. */
  String folder() {
    return os.toLowerCase(Locale.ROOT) + "-" + (arch.equals("x86_64") ? "amd64" : arch);
  }

  /** Throws where the library does not run. */
  void check() {
    if (!FOLDERS.contains(folder())) {
      throw new LoadException(
          "udfrunner: platform "
              + os
              + " on "
              + arch
              + ": the jar has files for Linux on amd64 and aarch64 only");
    }
    if (maps.contains("/ld-musl-") || maps.contains("libc.musl")) {
      throw new LoadException(
          "udfrunner: this JVM runs on musl: the library needs glibc 2.28 or later; use a JVM and a"
              + " system of glibc (Debian, Ubuntu, RHEL, not Alpine)");
    }
  }
}
