/* Licensed under the Apache License, Version 2.0. See LICENSE. */
package org.udfrunner;

/** Finds and loads the native library. */
final class Loader {
  private Loader() {}

  static void load() {}
}
