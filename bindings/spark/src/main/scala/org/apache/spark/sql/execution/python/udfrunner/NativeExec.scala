/* Licensed under the Apache License, Version 2.0. See LICENSE. */
package org.apache.spark.sql.execution.python.udfrunner

import org.apache.spark.JobArtifactSet
import org.apache.spark.sql.execution.UnaryExecNode
import org.apache.spark.sql.execution.metric.{SQLMetric, SQLMetrics}
import org.apache.spark.sql.execution.python.PythonSQLMetrics

/** An operator in the place of one of Spark's, with its metrics under Spark's names. */
private[udfrunner] trait NativeExec extends UnaryExecNode {
  protected val pythonMetrics: Map[String, SQLMetric] =
    PythonSQLMetrics.pythonSizeMetricsDesc.map { case (name, text) =>
      name -> SQLMetrics.createSizeMetric(sparkContext, text)
    } ++ PythonSQLMetrics.pythonTimingMetricsDesc.map { case (name, text) =>
      name -> SQLMetrics.createTimingMetric(sparkContext, text)
    } ++ PythonSQLMetrics.pythonOtherMetricsDesc.map { case (name, text) =>
      name -> SQLMetrics.createMetric(sparkContext, text)
    }

  override lazy val metrics: Map[String, SQLMetric] = pythonMetrics

  // Of the thread that plans, as Spark's operators have it.
  protected val artifacts: Option[String] = JobArtifactSet.getCurrentJobArtifactState.map(_.uuid)

  protected def workerConf: Map[String, String] =
    Settings.ofSession(conf) ++ conf.pysparkWorkerPythonExecutable.map("spark.pyspark.python" -> _)

  protected def batchOptions: BatchOptions = BatchOptions(
    conf.sessionLocalTimeZone, conf.arrowUseLargeVarTypes, conf.arrowMaxRecordsPerBatch, conf.arrowMaxBytesPerBatch)
}
