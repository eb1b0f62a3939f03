/* Licensed under the Apache License, Version 2.0. See LICENSE. */
package org.apache.spark.sql.execution.python.udfrunner

import scala.jdk.CollectionConverters._

import org.apache.spark.{InterruptibleIterator, TaskContext}
import org.apache.spark.api.python.ChainedPythonFunctions
import org.apache.spark.rdd.RDD
import org.apache.spark.resource.ResourceProfile
import org.apache.spark.sql.catalyst.InternalRow
import org.apache.spark.sql.catalyst.expressions._
import org.apache.spark.sql.catalyst.plans.physical.Partitioning
import org.apache.spark.sql.execution.SparkPlan
import org.apache.spark.sql.execution.metric.SQLMetric
import org.apache.spark.sql.types.StructType

/** Functions of an iterator of batches: what `MapInPandasExec` and `MapInArrowExec` do. */
private[udfrunner] case class UdfRunnerMapExec(
    func: PythonUDF, output: Seq[Attribute], child: SparkPlan, profile: Option[ResourceProfile], evalType: Int)
    extends NativeExec {
  override def producedAttributes: AttributeSet = AttributeSet(output)

  override def outputPartitioning: Partitioning = child.outputPartitioning

  override protected def doExecute(): RDD[InternalRow] = {
    val call = PythonCall(
      evalType,
      Seq(ChainedPythonFunctions(Seq(func.func))),
      Seq(Seq.empty),
      Seq(Types.plain(func.dataType)),
      workerConf,
      artifacts)
    val partitions = new PythonMap(call, child.schema, output, batchOptions, pythonMetrics)
    val rows = child.execute().mapPartitions(partitions.run(_))
    profile.map(rows.withResources).getOrElse(rows)
  }

  override protected def withNewChildInternal(newChild: SparkPlan): SparkPlan = copy(child = newChild)
}

/** The partitions of [[UdfRunnerMapExec]]. The library makes one column of structs of the rows, and columns of it. */
private[udfrunner] class PythonMap(
    call: PythonCall,
    schema: StructType,
    output: Seq[Attribute],
    options: BatchOptions,
    metrics: Map[String, SQLMetric])
    extends Serializable {
  def run(rows: Iterator[InternalRow]): Iterator[InternalRow] = {
    val context = TaskContext.get()
    val source = new ArrowRows(rows, schema, options, metrics.get("pythonDataSent"))
    val batches = new ResultBatches(new NativeTask(call, source, metrics, context), metrics, context)
    val joint = UnsafeProjection.create(output, output)
    new InterruptibleIterator(context, batches.flatMap(_.rowIterator().asScala).map(joint))
  }
}
