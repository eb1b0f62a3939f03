/* Licensed under the Apache License, Version 2.0. See LICENSE. */
/**
 * A Spark application whose executors run PySpark functions through the library.
 *
 * <p>{@link org.udfrunner.example.PythonStages} is what a Spark program calls. Below it rows become
 * Arrow IPC bytes ({@link org.udfrunner.example.RowsToArrow}), go through a task of the library
 * ({@link org.udfrunner.example.PythonTask}) and become rows again ({@link
 * org.udfrunner.example.ArrowToRows}).
 *
 * <p>It uses what Spark's own Arrow-based Python stages use, which Spark does not promise to keep:
 * {@code QueryExecution.toRdd}, {@code ArrowWriter}, {@code HybridRowQueue}, {@code
 * SparkSession.internalCreateDataFrame}. So it is compiled for one Spark minor, {@code
 * spark.version} of its pom.
 */
package org.udfrunner.example;
