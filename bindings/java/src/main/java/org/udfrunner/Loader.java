/* Licensed under the Apache License, Version 2.0. See LICENSE. */
package org.udfrunner;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * Loads the native library: once per process, from one path, whatever the number of class loaders,
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

  /** While the glue is loaded: the class that has its natives. Read by onload.c. */
  private static final String LOADING = "udfrunner.glue.class";

  private static final String LIBRARY_FILE = "libudfrunner.so";
  private static final String GLUE_FILE = "libudfrunner_jni.so";
  private static final System.Logger LOGGER = System.getLogger(Loader.class.getPackageName());

  private static volatile boolean loaded;
  private static LoadException failure;

  private Loader() {}

  /** Loads at the first use. Throws the same exception each time where that fails. */
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
        } catch (LoadException e) {
          failure = e;
        } catch (RuntimeException | LinkageError e) {
          failure = new LoadException("udfrunner: " + e, e);
        }
      }
      // A new one each time: its stack is the caller's.
      throw new LoadException(failure.getMessage(), failure.getCause());
    }
  }

  private static void loadNow() {
    Platform.current().check();
    NativeFiles files = NativeFiles.of(System.getProperty(TEMP));
    String named = System.getProperty(LIBRARY);
    Path library = named == null ? files.extract(LIBRARY_FILE) : named(named);
    String before = System.getProperty(LOADED);
    if (before != null && !before.equals(library.toString())) {
      throw new LoadException(
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
    byte[] why =
        Native.open(library.toString().getBytes(StandardCharsets.UTF_8), NativeInput.class);
    if (why != null) {
      throw new LoadException(
          "udfrunner: library " + library + ": " + files.explain(Errors.text(why)));
    }
    System.setProperty(LOADED, library.toString());
  }

  private static Path named(String value) {
    try {
      return Path.of(value).toRealPath();
    } catch (IOException e) {
      throw new LoadException("udfrunner: property " + LIBRARY + "=" + value + ": " + reason(e));
    }
  }

  private static void loadGlue(NativeFiles files) {
    Path glue = files.extract(GLUE_FILE);
    // A file is loaded once by a class loader, and by no other: so a relocated copy of these
    // classes
    // beside them, and each further class loader, has a file of its own.
    if (loadsFor(glue, files)) {
      return;
    }
    Path copy = files.copy(glue);
    try {
      if (!loadsFor(copy, files)) {
        throw new LoadException("udfrunner: library " + copy + ": the JVM did not load it again");
      }
    } finally {
      // Once mapped it needs no name; where it stays it is a file of the temp folder.
      try {
        Files.deleteIfExists(copy);
      } catch (IOException e) {
        LOGGER.log(System.Logger.Level.DEBUG, "copy of the glue", e);
      }
    }
  }

  /**
   * Loads the glue, which registers the natives of this class loader's class; false where taken.
   */
  private static boolean loadsFor(Path glue, NativeFiles files) {
    System.setProperty(LOADING, Native.class.getName());
    try {
      System.load(glue.toString());
      // The glue takes the property away where it is loaded again.
      return System.getProperty(LOADING) == null;
    } catch (UnsatisfiedLinkError e) {
      if (e.getMessage().contains("already loaded in another classloader")) {
        return false;
      }
      throw new LoadException(
          "udfrunner: library " + glue + ": " + files.explain(e.getMessage()), e);
    } catch (IllegalCallerException e) {
      throw new LoadException(
          "udfrunner: this JVM denies native access ("
              + e.getMessage()
              + "): start it with --enable-native-access="
              + moduleName(),
          e);
    } finally {
      System.clearProperty(LOADING);
    }
  }

  /** As options of the JVM name the module of these classes. */
  private static String moduleName() {
    Module module = Loader.class.getModule();
    return module.isNamed() ? module.getName() : "ALL-UNNAMED";
  }

  static String reason(IOException e) {
    return e.getClass().getSimpleName() + ": " + e.getMessage();
  }
}
