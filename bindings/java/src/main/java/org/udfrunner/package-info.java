/* Licensed under the Apache License, Version 2.0. See LICENSE. */

/**
 * Runs PySpark functions in isolated worker processes, for any JVM.
 *
 * <p>An {@link org.udfrunner.Env} holds configuration and worker processes, a {@link
 * org.udfrunner.Runner} the functions, of one {@link org.udfrunner.EvalType}; each {@link
 * org.udfrunner.Runner#compute compute} starts a task over an {@link org.udfrunner.Input} and gives
 * a {@link org.udfrunner.ResultIterator}. It is the contract of Spark's {@code BasePythonRunner}
 * without Spark.
 *
 * <p>Data moves on the thread that reads the results, and input sources run there only. All times
 * out and errors are {@link org.udfrunner.UdfRunnerException} and its subclasses. The manual of the
 * layer below is {@code udfrunner.h}.
 */
package org.udfrunner;
