/* Licensed under the Apache License, Version 2.0. See LICENSE. */
package org.udfrunner;

/** Loads the library and says from where. */
final class LoadProgram {
  private LoadProgram() {}

  public static void main(String[] arguments) {
    for (int i = Integer.getInteger("times", 1); i > 0; i--) {
      try {
        Env.libraryVersion();
        System.out.println("loaded " + System.getProperty(Loader.LOADED));
      } catch (LoadException e) {
        System.out.println(e);
      }
    }
  }
}
