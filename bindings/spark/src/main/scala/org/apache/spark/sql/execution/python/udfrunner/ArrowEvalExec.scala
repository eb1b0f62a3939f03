/* Licensed under the Apache License, Version 2.0. See LICENSE. */
package org.apache.spark.sql.execution.python.udfrunner

import scala.collection.mutable.ArrayBuffer
import scala.jdk.CollectionConverters._

import org.apache.spark.{InterruptibleIterator, TaskContext}
import org.apache.spark.api.python.{ChainedPythonFunctions, PythonEvalType}
import org.apache.spark.rdd.RDD
import org.apache.spark.sql.catalyst.InternalRow
import org.apache.spark.sql.catalyst.expressions._
import org.apache.spark.sql.execution.SparkPlan
import org.apache.spark.sql.execution.metric.SQLMetric
import org.apache.spark.sql.types.{StructField, StructType}

/** Scalar functions that take and give Arrow data: what `ArrowEvalPythonExec` does. */
private[udfrunner] case class UdfRunnerArrowEvalExec(
    udfs: Seq[PythonUDF], resultAttrs: Seq[Attribute], child: SparkPlan, evalType: Int)
    extends NativeExec {
  override def output: Seq[Attribute] = child.output ++ resultAttrs

  override def producedAttributes: AttributeSet = AttributeSet(resultAttrs)

  override protected def doExecute(): RDD[InternalRow] = {
    val scalars = ScalarCalls.of(udfs)
    val inputType =
      // The worker makes Python objects of what it gets by these types, from 4.1 on.
      Option.when(evalType == PythonEvalType.SQL_ARROW_BATCHED_UDF)("udfrunner.eval.input_type" -> scalars.schema.json)
    val call = PythonCall(evalType, scalars.chains, scalars.arguments,
      udfs.map(udf => Types.plain(udf.dataType)), workerConf ++ inputType, artifacts)
    val partitions =
      new ArrowEval(call, scalars.inputs, scalars.schema, child.output, output, batchOptions, pythonMetrics)
    child.execute().mapPartitions(partitions.run(_))
  }

  override protected def withNewChildInternal(newChild: SparkPlan): SparkPlan = copy(child = newChild)
}

/** Scalar functions, and the columns that they need, each once. */
private[udfrunner] case class ScalarCalls(
    chains: Seq[ChainedPythonFunctions], arguments: Seq[Seq[Parameter]], inputs: Seq[Expression]) {
  def schema: StructType = StructType(inputs.zipWithIndex.map { case (e, i) => StructField(s"_$i", e.dataType) })
}

private[udfrunner] object ScalarCalls {
  def of(udfs: Seq[PythonUDF]): ScalarCalls = {
    val inputs = new ArrayBuffer[Expression]
    val (chains, arguments) = udfs.map { udf =>
      val (functions, parameters) = chain(udf)
      (ChainedPythonFunctions(functions), parameters.map {
        case NamedArgumentExpression(name, value) => Parameter(place(inputs, value), Some(name))
        case value => Parameter(place(inputs, value), None)
      })
    }.unzip
    ScalarCalls(chains, arguments, inputs.toSeq)
  }

  private def place(inputs: ArrayBuffer[Expression], value: Expression): Int =
    inputs.indexWhere(_.semanticEquals(value)) match {
      case -1 =>
        inputs += value
        inputs.length - 1
      case known => known
    }

  /** The functions of f(g(x)), the inner first, and the arguments of the innermost. */
  private def chain(udf: PythonUDF): (Seq[org.apache.spark.api.python.PythonFunction], Seq[Expression]) =
    udf.children match {
      case Seq(inner: PythonUDF) =>
        val (functions, arguments) = chain(inner)
        (functions :+ udf.func, arguments)
      case arguments => (Seq(udf.func), arguments)
    }
}

/** The partitions of [[UdfRunnerArrowEvalExec]]. */
private[udfrunner] class ArrowEval(
    call: PythonCall,
    inputs: Seq[Expression],
    schema: StructType,
    childOutput: Seq[Attribute],
    output: Seq[Attribute],
    options: BatchOptions,
    metrics: Map[String, SQLMetric])
    extends Serializable {
  def run(rows: Iterator[InternalRow]): Iterator[InternalRow] = {
    val context = TaskContext.get()
    // Rows that wait for their results; it spills.
    val queue = new WaitingRows(childOutput.length, context)
    val projection = MutableProjection.create(inputs, childOutput)
    projection.initialize(context.partitionId())
    val arguments = rows.map { row =>
      queue.add(row)
      projection(row)
    }
    val source = new ArrowRows(arguments, schema, options, metrics.get("pythonDataSent"))
    val batches = new ResultBatches(new NativeTask(call, source, metrics, context), metrics, context)
    val joined = new JoinedRow
    val joint = UnsafeProjection.create(output, output)
    new InterruptibleIterator(context, batches.flatMap(_.rowIterator().asScala).map { results =>
      joint(joined(queue.remove(), results))
    })
  }
}
