/* Licensed under the Apache License, Version 2.0. See LICENSE. */
package org.udfrunner;

import java.util.function.LongSupplier;

/**
 * The envs that class loaders share. Each has two system properties, the map that all class loaders
 * see: its handle, and how many hold it.
 */
final class SharedEnvs {
  private static final String HANDLE = "udfrunner.env.shared.handle.";
  private static final String HOLDERS = "udfrunner.env.shared.holders.";

  private SharedEnvs() {}

  /** The handle of a name's env, for one more holder. */
  static long take(String name, LongSupplier create) {
    synchronized (Runtime.getRuntime()) {
      int holders = Integer.getInteger(HOLDERS + name, 0);
      if (holders == 0) {
        System.setProperty(HANDLE + name, Long.toString(create.getAsLong()));
      }
      System.setProperty(HOLDERS + name, Integer.toString(holders + 1));
      return Long.getLong(HANDLE + name);
    }
  }

  /** A holder is gone; the last one ends the env. */
  static void drop(String name) {
    synchronized (Runtime.getRuntime()) {
      int holders = Integer.getInteger(HOLDERS + name) - 1;
      if (holders > 0) {
        System.setProperty(HOLDERS + name, Integer.toString(holders));
        return;
      }
      System.clearProperty(HOLDERS + name);
      Native.envDestroy(Long.parseLong(System.clearProperty(HANDLE + name)));
    }
  }
}
