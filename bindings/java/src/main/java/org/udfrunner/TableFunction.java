/* Licensed under the Apache License, Version 2.0. See LICENSE. */
package org.udfrunner;

import java.util.List;

/**
 * What a table function (eval types 300 to 302) has besides its handler class; null and empty where
 * not used. Spark's {@code PythonUDTF}.
 *
 * @param name the function's, for messages of PySpark 4.0 and later
 * @param partitionChildren of a table argument with PARTITION BY the indexes of its partitioning
 *     columns
 * @param analyzeResult the pickled {@code AnalyzeResult} of a class with an {@code analyze} method
 * @param tableArguments for 302 the offsets of arguments that are tables
 * @since 1.0
 */
public record TableFunction(
    String name,
    List<Integer> partitionChildren,
    byte[] analyzeResult,
    List<Integer> tableArguments) {
  /**
   * Copies the lists; null becomes an empty one.
   *
   * @param name see above
   * @param partitionChildren see above
   * @param analyzeResult see above
   * @param tableArguments see above
   */
  public TableFunction {
    partitionChildren = partitionChildren == null ? List.of() : List.copyOf(partitionChildren);
    tableArguments = tableArguments == null ? List.of() : List.copyOf(tableArguments);
  }
}
