/* Licensed under the Apache License, Version 2.0. See LICENSE. */
package org.udfrunner;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * Loads the native library: once a process, from one path, whatever the number of class loaders,
 * since a process holds one Go runtime. Only the glue is loaded by each class loader, from a copy
 * of its own where the JVM refuses the path to a second one.
 *
 * <p>Properties: {@value #LIBRARY} names the library to load, with no fallback; {@value #TEMP} the
 * folder for the files of the jar, in place of {@code java.io.tmpdir}. {@value #LOADED} is set to
 * the path that was loaded.
 */
final class Loader {
  static final String LIBRARY = "udfrunner.library";
  static final String TEMP = "udfrunner.tmpdir";
  static final String LOADED = "udfrunner.library.loaded";

  private static final String LIBRARY_FILE = "libudfrunner.so";
  private static final String GLUE_FILE = "libudfrunner_jni.so";
  private static final System.Logger LOGGER = System.getLogger(Loader.class.getPackageName());

  private static volatile boolean loaded;
  private static String failure;

  private Loader() {}

  /** Loads at the first use. Throws the same error each time where that fails. */
  static void load() {
    if (loaded) {
      return;
    }
    // The one object that all class loaders see.
    synchronized (Runtime.getRuntime()) {
      if (loaded) {
        return;
      }
      if (failure == null) {
        try {
          loadNow();
          loaded = true;
          return;
        } catch (UnsatisfiedLinkError e) {
          failure = e.getMessage();
        }
      }
      throw new UnsatisfiedLinkError(failure);
    }
  }

  private static void loadNow() {
    Platform.current().check();
    NativeFiles files = NativeFiles.of(System.getProperty(TEMP));
    String named = System.getProperty(LIBRARY);
    Path library = named == null ? files.extract(LIBRARY_FILE) : named(named);
    String before = System.getProperty(LOADED);
    if (before != null && !before.equals(library.toString())) {
      throw new UnsatisfiedLinkError(
          "udfrunner: another class loader has loaded "
              + before
              + ", this one would load "
              + library
              + ": a process holds one; let all class loaders see the same udfrunner jar");
    }
    loadGlue(files);
    if (Native.hasJsig()) {
      LOGGER.log(
          System.Logger.Level.WARNING,
          "libjsig is preloaded: with it a fault inside the library ends the JVM; remove it from"
              + " LD_PRELOAD");
    }
    byte[] why = Native.open(library.toString().getBytes(StandardCharsets.UTF_8));
    if (why != null) {
      throw new UnsatisfiedLinkError(
          "udfrunner: library " + library + ": " + files.explain(Errors.text(why)));
    }
    System.setProperty(LOADED, library.toString());
  }

  private static Path named(String value) {
    try {
      return Path.of(value).toRealPath();
    } catch (IOException e) {
      throw new UnsatisfiedLinkError(
          "udfrunner: property " + LIBRARY + "=" + value + ": " + reason(e));
    }
  }

  private static void loadGlue(NativeFiles files) {
    Path glue = files.extract(GLUE_FILE);
    try {
      System.load(glue.toString());
      return;
    } catch (UnsatisfiedLinkError e) {
      if (!e.getMessage().contains("already loaded in another classloader")) {
        throw new UnsatisfiedLinkError(
            "udfrunner: library " + glue + ": " + files.explain(e.getMessage()));
      }
    }
    Path copy = files.copy(glue);
    try {
      System.load(copy.toString());
    } finally {
      // Once mapped it needs no name; where it stays it is a file of the temp folder.
      try {
        Files.deleteIfExists(copy);
      } catch (IOException e) {
        LOGGER.log(System.Logger.Level.DEBUG, "copy of the glue", e);
      }
    }
  }

  static String reason(IOException e) {
    return e.getClass().getSimpleName() + ": " + e.getMessage();
  }
}
