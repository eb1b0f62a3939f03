/* Licensed under the Apache License, Version 2.0. See LICENSE. */
package org.udfrunner.example;

import java.io.Serializable;
import java.util.Objects;
import org.udfrunner.EvalType;
import org.udfrunner.Function;

/**
 * A PySpark function as the driver knows it, to be sent to executors. Immutable.
 *
 * @param name for messages
 * @param evalType what kind of function it is
 * @param returnType Spark DDL: of a scalar function its type, of a grouped one its columns
 * @param pickle the command that PySpark pickled, or null
 * @param pythonVersion the minor version of the Python that pickled it, or null
 * @param reference {@code "module:qualname"}, or null
 */
public record PySparkFunction(
    String name,
    EvalType evalType,
    String returnType,
    byte[] pickle,
    String pythonVersion,
    String reference)
    implements Serializable {

  /**
   * Checks that it is pickled, with a version, or referred to.
   *
   * @param name for messages
   * @param evalType what kind of function it is
   * @param returnType Spark DDL: of a scalar function its type, of a grouped one its columns
   * @param pickle the command that PySpark pickled, or null
   * @param pythonVersion the minor version of the Python that pickled it, or null
   * @param reference {@code "module:qualname"}, or null
   */
  public PySparkFunction {
    Objects.requireNonNull(evalType, "evalType");
    Objects.requireNonNull(returnType, "returnType");
    if ((pickle == null) == (reference == null)) {
      throw new IllegalArgumentException(name + ": either a pickle or a reference is needed");
    }
    if (pickle != null && pythonVersion == null) {
      throw new IllegalArgumentException(name + ": the Python version of its pickle is needed");
    }
  }

  /**
   * A function that PySpark pickled, as its {@code PythonFunction.command} holds it.
   *
   * @param name for messages
   * @param evalType what kind of function it is
   * @param returnType Spark DDL
   * @param pickle the pickled tuple (function, return type)
   * @param pythonVersion the minor version of the Python that pickled it, as in {@code "3.11"}
   * @return the function
   */
  public static PySparkFunction pickled(
      String name, EvalType evalType, String returnType, byte[] pickle, String pythonVersion) {
    return new PySparkFunction(name, evalType, returnType, pickle, pythonVersion, null);
  }

  /**
   * A function that workers import, from a package of theirs or a file added with {@code
   * SparkContext.addFile}.
   *
   * @param evalType what kind of function it is
   * @param returnType Spark DDL
   * @param reference {@code "module:qualname"}
   * @return the function
   */
  public static PySparkFunction referenced(EvalType evalType, String returnType, String reference) {
    return new PySparkFunction(reference, evalType, returnType, null, null, reference);
  }

  /** The function as the library takes it. */
  Function toNative() {
    Function function = reference == null ? Function.pickle(pickle) : Function.reference(reference);
    return function.returns(returnType);
  }
}
