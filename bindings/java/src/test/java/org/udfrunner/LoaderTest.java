/* Licensed under the Apache License, Version 2.0. See LICENSE. */
package org.udfrunner;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Loading, in JVMs of their own: where the files lie, and every way in which it fails. */
class LoaderTest {
  @TempDir Path temp;

  private static String load(List<String> options, Map<String, String> variables) {
    return Fixtures.run(Fixtures.java(LoadProgram.class, options), variables);
  }

  private String load(String... options) {
    return load(List.of(options), Map.of());
  }

  private static void assertHolds(String output, String... parts) {
    for (String part : parts) {
      assertTrue(output.contains(part), () -> part + " is not in: " + output);
    }
  }

  @Test
  void filesOfTheJar() throws IOException {
    for (int i = 0; i < 2; i++) {
      assertHolds(load("-Dudfrunner.tmpdir=" + temp), "0\n", "loaded " + temp.toRealPath());
    }
    // The second JVM found what the first had written.
    try (Stream<Path> files = Files.walk(temp)) {
      List<Path> found = files.filter(Files::isRegularFile).toList();
      assertEquals(2, found.size(), found::toString);
      for (Path file : found) {
        assertEquals(
            "rwx------",
            PosixFilePermissions.toString(
                Files.getPosixFilePermissions(file.getParent().getParent())));
      }
    }
  }

  @Test
  void damagedFilesAreWrittenAnew() throws IOException {
    assertHolds(load("-Dudfrunner.tmpdir=" + temp), "0\n");
    try (Stream<Path> files = Files.walk(temp)) {
      for (Path file : files.filter(Files::isRegularFile).toList()) {
        Files.write(file, new byte[] {1, 2, 3});
      }
    }
    assertHolds(load("-Dudfrunner.tmpdir=" + temp), "0\n", "loaded");
  }

  @Test
  void namedLibrary() throws IOException {
    Path library = Fixtures.PROJECT.resolve("build/libudfrunner.so").toRealPath();
    assertHolds(load("-Dudfrunner.library=" + library), "0\n", "loaded " + library);
  }

  @Test
  void namedLibraryHasNoFallback() throws IOException {
    Path absent = temp.resolve("absent.so");
    assertHolds(
        load("-Dudfrunner.library=" + absent),
        "LoadException",
        "udfrunner.library=" + absent,
        "NoSuchFileException");
    Path text = Files.writeString(temp.resolve("text.so"), "no library");
    assertHolds(load("-Dudfrunner.library=" + text), "LoadException", text.toString());
    Path other = Path.of("/lib/x86_64-linux-gnu/libz.so.1");
    Assumptions.assumeTrue(Files.exists(other));
    assertHolds(
        load("-Dudfrunner.library=" + other), "LoadException", "no function udfrunner_abi_version");
  }

  /** A library that says so of itself, and has nothing else. */
  @Test
  void anotherAbiVersion() throws IOException {
    Path source = temp.resolve("other.c");
    for (String version : List.of("0x00020000u", "0x00000009u")) {
      Files.writeString(
          source, "unsigned udfrunner_abi_version(void) { return " + version + "; }\n");
      Path library = temp.resolve("other" + version + ".so");
      String made =
          Fixtures.run(
              List.of("cc", "-shared", "-fPIC", "-o", library.toString(), source.toString()),
              Map.of());
      assertEquals("0\n", made);
      assertHolds(
          load("-Dudfrunner.library=" + library),
          "LoadException",
          "its ABI version is " + (version.startsWith("0x0002") ? "2.0" : "0.9"),
          "1.1 or a later minor version is needed");
    }
  }

  @Test
  void readOnlyFolder() {
    // Not even root may write there.
    assertHolds(
        load("-Dudfrunner.tmpdir=/proc/self"), "LoadException", "/proc/self", "-Dudfrunner.tmpdir");
    assertHolds(load("-Djava.io.tmpdir=/no/such/folder"), "/no/such/folder", "-Dudfrunner.tmpdir");
  }

  @Test
  void noexecFolder() throws IOException {
    Path folder = Files.createDirectory(temp.resolve("noexec"));
    String program =
        "mount -t tmpfs -o noexec tmpfs "
            + folder
            + " || exit 77; exec "
            + String.join(
                " ", Fixtures.java(LoadProgram.class, List.of("-Dudfrunner.tmpdir=" + folder)));
    String output = Fixtures.run(List.of("unshare", "-rm", "sh", "-c", program), Map.of());
    Assumptions.assumeFalse(
        output.startsWith("77\n") || output.startsWith("1\nunshare"), "no mount: " + output);
    assertHolds(output, "LoadException", "mounted noexec", folder.toString(), "-Dudfrunner.tmpdir");
  }

  @Test
  void folderThatOthersMayWriteTo() throws IOException {
    Path folder = temp.resolve("udfrunner-" + System.getProperty("user.name"));
    Files.createDirectory(folder);
    Files.setPosixFilePermissions(folder, PosixFilePermissions.fromString("rwxrwxrwx"));
    assertHolds(load("-Dudfrunner.tmpdir=" + temp), "LoadException", "others may write to it");
  }

  /** What no machine of the tests is: told by what the JVM says of it. */
  @Test
  void otherPlatforms() {
    new Platform("Linux", "amd64", "/usr/lib/x86_64-linux-gnu/libc.so.6").check();
    new Platform("Linux", "aarch64", "/usr/lib/aarch64-linux-gnu/libc.so.6").check();
    String musl =
        assertThrows(
                LoadException.class,
                () -> new Platform("Linux", "amd64", "7f0 /lib/ld-musl-x86_64.so.1").check())
            .getMessage();
    assertHolds(musl, "musl", "glibc 2.28");
    for (Platform other :
        List.of(
            new Platform("Mac OS X", "aarch64", ""),
            new Platform("Windows 11", "amd64", ""),
            new Platform("Linux", "riscv64", ""))) {
      String text = assertThrows(LoadException.class, other::check).getMessage();
      assertHolds(text, other.os(), other.arch(), "Linux on amd64 and aarch64 only");
    }
  }

  @Test
  void libjsigIsWarnedOf() {
    Path jsig = Path.of(System.getProperty("java.home"), "lib", "libjsig.so");
    String output = load(List.of(), Map.of("LD_PRELOAD", jsig.toString()));
    assertHolds(output, "0\n", "libjsig is preloaded", "LD_PRELOAD");
    assertFalse(load().contains("libjsig"));
  }

  /** On Java 24 and later; what the JVM throws is no UnsatisfiedLinkError. */
  @Test
  void nativeAccessDenied() {
    Assumptions.assumeTrue(Runtime.version().feature() >= 24, "no such option");
    List<String> command = Fixtures.java(LoadProgram.class, List.of("-Dtimes=2"));
    command.remove("--enable-native-access=ALL-UNNAMED");
    command.add(1, "--illegal-native-access=deny");
    String output = Fixtures.run(command, Map.of());
    String remedy = "start it with --enable-native-access=ALL-UNNAMED";
    assertHolds(output, "0\n", "LoadException", remedy);
    assertEquals(2, output.split(remedy, -1).length - 1, output);
  }

  /** As a module: it has a name, and its natives work. */
  @Test
  void modulePath() throws IOException {
    Path jar;
    try (Stream<Path> files = Files.list(Fixtures.PROJECT.resolve("build/java"))) {
      jar = files.filter(file -> file.toString().endsWith(".jar")).findFirst().orElseThrow();
    }
    List<String> command = new ArrayList<>(Fixtures.java(LoadProgram.class, List.of()));
    int classPath = command.indexOf("-cp");
    Path tests = Fixtures.PROJECT.resolve("build/java/test-classes");
    List<String> modules =
        List.of("-p", jar.toString(), "--patch-module", "org.udfrunner=" + tests);
    command.subList(classPath, command.size()).clear();
    command.remove("--enable-native-access=ALL-UNNAMED");
    command.addAll(modules);
    int options = command.size();
    command.addAll(List.of("-m", "org.udfrunner/" + LoadProgram.class.getName()));
    if (Runtime.version().feature() >= 24) {
      command.add(options, "--illegal-native-access=deny");
      assertHolds(
          Fixtures.run(command, Map.of()),
          "LoadException",
          "start it with --enable-native-access=org.udfrunner");
      command.remove(options);
    }
    command.add(options, "--enable-native-access=org.udfrunner");
    String output = Fixtures.run(command, Map.of());
    assertHolds(output, "0\nloaded ");
    assertFalse(output.contains("WARNING"), output);
  }

  /** Each later use says the same. */
  @Test
  void failureIsToldEachTime() {
    String output = load("-Dudfrunner.library=/absent.so", "-Dtimes=3");
    assertEquals(3, output.split("udfrunner.library=/absent.so", -1).length - 1, output);
  }
}
