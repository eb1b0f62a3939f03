/* Licensed under the Apache License, Version 2.0. See LICENSE. */
package org.udfrunner;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import javax.tools.ToolProvider;

/**
 * A copy of the classes in another package, with what of the tests it runs and the native
 * resources, which is what a shading plug-in makes of a jar; here by the compiler.
 */
final class Relocation {
  private static final String PACKAGE = "org.udfrunner";
  private static final String MOVED = "moved.org.elsewhere";

  private Relocation() {}

  static String nameOf(Class<?> type) {
    return type.getName().replace(PACKAGE, MOVED);
  }

  /** Compiles the copy into a folder. */
  static void into(Path folder) throws IOException {
    Path java = Fixtures.PROJECT.resolve("bindings/java/src");
    List<Path> sources = new ArrayList<>();
    try (Stream<Path> files = Files.list(java.resolve("main/java/org/udfrunner"))) {
      files.filter(file -> file.toString().endsWith(".java")).forEach(sources::add);
    }
    for (Class<?> type : List.of(LoadedElsewhere.class, Fixtures.class, Ipc.class)) {
      sources.add(java.resolve("test/java/" + type.getName().replace('.', '/') + ".java"));
    }
    List<String> command =
        new ArrayList<>(List.of("-nowarn", "-proc:none", "-d", folder.toString()));
    Path moved = Files.createDirectories(folder.resolve("sources"));
    for (Path source : sources) {
      Path copy = moved.resolve(source.getFileName());
      Files.writeString(copy, Files.readString(source).replace(PACKAGE, MOVED));
      command.add(copy.toString());
    }
    int failed =
        ToolProvider.getSystemJavaCompiler().run(null, null, null, command.toArray(String[]::new));
    assertEquals(0, failed, "the relocated sources do not compile");
    String platform = "native/" + Platform.current().folder();
    Path natives = Fixtures.PROJECT.resolve("build/java/native/org/udfrunner").resolve(platform);
    Path resources = folder.resolve(MOVED.replace('.', '/')).resolve(platform);
    Files.createDirectories(resources);
    for (String name : List.of("libudfrunner.so", "libudfrunner_jni.so")) {
      Files.copy(natives.resolve(name), resources.resolve(name));
    }
  }
}
