/* Licensed under the Apache License, Version 2.0. See LICENSE. */
package org.udfrunner.spark

import org.apache.spark.sql.SparkSessionExtensions
import org.apache.spark.sql.execution.ColumnarRule
import org.apache.spark.sql.execution.python.udfrunner.ReplaceOperators

/**
 * What `spark.sql.extensions` names: Python functions of SQL and DataFrames run through udfrunner, and give what they
 * give without it.
 */
final class UdfRunnerExtensions extends (SparkSessionExtensions => Unit) {
  override def apply(extensions: SparkSessionExtensions): Unit =
    // Behind all rules that choose operators, with and without adaptive execution.
    extensions.injectColumnar(_ => new ColumnarRule {
      override def postColumnarTransitions: ReplaceOperators.type = ReplaceOperators
    })
}
