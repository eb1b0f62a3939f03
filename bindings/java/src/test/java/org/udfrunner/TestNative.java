/* Licensed under the Apache License, Version 2.0. See LICENSE. */
package org.udfrunner;

import java.io.IOException;
import java.nio.file.Path;

/** Natives of the tests: the panic hook, and Arrow structs by plain C. */
final class TestNative {
  private static boolean loaded;

  private TestNative() {}

  static synchronized void load() throws IOException {
    if (!loaded) {
      String project = System.getProperty("udfrunner.test.project");
      System.load(
          Path.of(project, "build/java/test-native/libtest_jni.so").toRealPath().toString());
      loaded = true;
    }
  }

  /**
   * Tells a library that is loaded to panic in the next call of a function; false without a hook.
   */
  static native boolean panicIn(byte[] library, byte[] function);

  /** Zeroed memory. */
  static native long allocate(long size);

  static native void free(long address);

  /** Makes a C stream of batches of a long column "n": 0, 1, 2 ... at an address. */
  static native void numbers(long stream, int batches, int rows);

  /** How many streams and arrays of {@link #numbers} there are that were not released. */
  static native long alive();

  /** The sum of an array's only column of longs; its rows at most are counted. */
  static native long sum(long array);

  /** Calls the release of the array, schema or stream at an address. */
  static native void releaseArray(long array);

  static native void releaseSchema(long schema);

  static native void releaseStream(long stream);

  /** Reads a stream to its end on a thread that the JVM does not know; the sum, or -errno. */
  static native long sumOnForeignThread(long stream);
}
