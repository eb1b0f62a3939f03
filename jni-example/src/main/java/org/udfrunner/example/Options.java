/* Licensed under the Apache License, Version 2.0. See LICENSE. */
package org.udfrunner.example;

/**
 * The application's arguments.
 *
 * @param data the directory that prepare.py wrote
 * @param partitions of the flights; 0 as their files are
 * @param pauseSeconds that each call of speed takes at least
 * @param rounds of the speed comparison; 0 for none
 * @param progress whether ends of tasks and losses of executors are printed
 */
record Options(String data, int partitions, double pauseSeconds, int rounds, boolean progress) {
  static final String USAGE =
      "usage: FlightsJob DIRECTORY [--partitions N] [--pause SECONDS] [--rounds N] [--progress]";

  static Options parse(String[] arguments) {
    String data = null;
    int partitions = 0;
    double pause = 0;
    int rounds = 0;
    boolean progress = false;
    for (int i = 0; i < arguments.length; i++) {
      String argument = arguments[i];
      if (!argument.startsWith("--")) {
        if (data != null) {
          throw new IllegalArgumentException(argument + ": only one directory may be given");
        }
        data = argument;
        continue;
      }
      if (argument.equals("--progress")) {
        progress = true;
        continue;
      }
      String value = i + 1 < arguments.length ? arguments[++i] : "";
      try {
        switch (argument) {
          case "--partitions" -> partitions = Integer.parseUnsignedInt(value);
          case "--pause" -> pause = Double.parseDouble(value);
          case "--rounds" -> rounds = Integer.parseUnsignedInt(value);
          default -> throw new IllegalArgumentException(argument + ": no such option");
        }
      } catch (NumberFormatException e) {
        throw new IllegalArgumentException(argument + " \"" + value + "\": a number is needed", e);
      }
    }
    if (data == null) {
      throw new IllegalArgumentException("the directory is missing");
    }
    return new Options(data, partitions, pause, rounds, progress);
  }
}
