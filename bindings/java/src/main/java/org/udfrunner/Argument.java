/* Licensed under the Apache License, Version 2.0. See LICENSE. */
package org.udfrunner;

/**
 * One argument of a chain's first function: an input column.
 *
 * @param offset the column's place in the input, from 0
 * @param name the keyword by which it is passed, or null for an argument by position. Keywords need
 *     PySpark 4.0
 * @since 1.0
 */
public record Argument(int offset, String name) {
  /**
   * An argument by position.
   *
   * @param offset the column's place in the input
   * @return the argument
   */
  public static Argument of(int offset) {
    return new Argument(offset, null);
  }
}
