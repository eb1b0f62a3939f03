/* Licensed under the Apache License, Version 2.0. See LICENSE. */
package org.apache.spark.sql.execution.python.udfrunner

import java.util.concurrent.ConcurrentHashMap

import org.apache.spark.SparkEnv
import org.apache.spark.api.python.PythonEvalType
import org.apache.spark.internal.Logging
import org.apache.spark.rdd.RDD
import org.apache.spark.sql.catalyst.InternalRow
import org.apache.spark.sql.catalyst.expressions.{Attribute, PythonFuncExpression, PythonUDF, SortOrder}
import org.apache.spark.sql.catalyst.plans.physical.Partitioning
import org.apache.spark.sql.catalyst.rules.Rule
import org.apache.spark.sql.catalyst.trees.TreeNodeTag
import org.apache.spark.sql.execution.{ColumnarToRowExec, ColumnarToRowTransition, RowToColumnarTransition, SparkPlan,
  UnaryExecNode}
import org.apache.spark.sql.execution.python._
import org.apache.spark.sql.vectorized.ColumnarBatch

/** Puts operators of ours in the place of those of Spark that run Python functions. */
object ReplaceOperators extends Rule[SparkPlan] with Logging {
  private val logged = ConcurrentHashMap.newKeySet[String]()

  override def apply(plan: SparkPlan): SparkPlan = replaced(plan, columns = plan.supportsColumnar)

  /** Goes down a plan; columns says whether this place has to give columns. */
  private def replaced(plan: SparkPlan, columns: Boolean): SparkPlan = {
    val here = plan match {
      // From 4.3 on it takes and gives columns where its child does. Ours gives rows.
      case ColumnarToRowExec(stock: ArrowEvalPythonExec)
          if !seen(stock) && Settings.enabled(conf, stock.nodeName) && ofArrow(stock, columns = false).isEmpty =>
        one(stock, columns = false)
      case other => one(other, columns)
    }
    here.mapChildren(replaced(_, givesColumns(here, columns)))
  }

  /** Whether the children of a plan in such a place have to give columns. */
  private def givesColumns(plan: SparkPlan, columns: Boolean): Boolean = plan match {
    case _: ColumnarToRowTransition => true
    case _: RowToColumnarTransition | _: NativeExec => false
    case _: Skipped | _: ArrowEvalPythonExec => columns // where it gives rows it takes either
    case other => other.supportsColumnar
  }

  private def one(plan: SparkPlan, columns: Boolean): SparkPlan = plan match {
    case stock: ArrowEvalPythonExec if !seen(stock) =>
      decide(stock, ofArrow(stock, columns)) {
        UdfRunnerArrowEvalExec(stock.udfs, stock.resultAttrs, rows(stock.child), stock.evalType)
      }
    case stock: MapInPandasExec if !seen(stock) =>
      decide(stock, ofMap(stock)) {
        UdfRunnerMapExec(
          udf(stock), stock.output, rows(stock.child), stock.profile, PythonEvalType.SQL_MAP_PANDAS_ITER_UDF)
      }
    case stock: MapInArrowExec if !seen(stock) =>
      decide(stock, ofMap(stock)) {
        UdfRunnerMapExec(
          udf(stock), stock.output, rows(stock.child), stock.profile, PythonEvalType.SQL_MAP_ARROW_ITER_UDF)
      }
    case stock if isPython(stock) && !seen(stock) =>
      decide(stock, Some("it is not one of the operators that are replaced"))(stock)
    case other => other
  }

  private def rows(child: SparkPlan): SparkPlan =
    if (child.supportsColumnar && !child.supportsRowBased) ColumnarToRowExec(child) else child

  /** Ours, or Spark's own where there are reasons, or it is switched off. */
  private def decide(stock: SparkPlan, reason: Option[String])(ours: => SparkPlan): SparkPlan = reason match {
    case _ if !Settings.enabled(conf, stock.nodeName) => stock
    case None => ours
    case Some(why) if Settings.strict(conf) =>
      throw new UnsupportedOperationException(
        s"${stock.nodeName} can't be run by udfrunner: $why (spark.udfrunner.fallback is error)")
    case Some(why) =>
      if (logged.add(s"${stock.nodeName} $why")) {
        logWarning(s"${stock.nodeName} is run by Spark, not by udfrunner: $why")
      }
      stock.setTagValue(Seen, ())
      Skipped(why, stock)
  }

  private val Seen = TreeNodeTag[Unit]("udfrunner.skipped")

  private def seen(stock: SparkPlan): Boolean = stock.getTagValue(Seen).isDefined

  /** What keeps all operators from being replaced. */
  private def ofSession(stock: SparkPlan): Option[String] = {
    def on(key: String): Boolean = Settings.ofSession(conf).get(key).exists(_ != "false")
    val functions = stock.expressions.flatMap(_.collect { case f: PythonFuncExpression => f })
    if (on("spark.sql.pyspark.udf.profiler")) {
      Some("spark.sql.pyspark.udf.profiler is set")
    } else if (conf.getConfString("spark.sql.pyspark.worker.logging.enabled", "false") == "true") {
      Some("spark.sql.pyspark.worker.logging.enabled is true")
    } else if (sparkEncrypts && functions.exists(!_.func.broadcastVars.isEmpty)) {
      Some("broadcast variables with spark.io.encryption.enabled")
    } else {
      None
    }
  }

  private def sparkEncrypts: Boolean = SparkEnv.get.conf.getBoolean("spark.io.encryption.enabled", false)

  private def ofArrow(stock: ArrowEvalPythonExec, columns: Boolean): Option[String] =
    ofSession(stock)
      .orElse(ofScalars(stock.udfs))
      .orElse(Option.when(columns)("its results are asked for as columns"))

  private def ofMap(stock: MapInBatchExec): Option[String] =
    ofSession(stock)
      .orElse(stock.child.output.iterator.flatMap(a => Types.refusedInput(a.dataType)).nextOption())
      .orElse(Types.refusedResult(udf(stock).dataType))
      .orElse(Option.when(isBarrier(stock))("it is a barrier"))

  private def isBarrier(stock: MapInBatchExec): Boolean = stock match {
    case m: MapInPandasExec => m.isBarrier
    case m: MapInArrowExec => m.isBarrier
  }

  private def udf(stock: MapInBatchExec): PythonUDF = stock match {
    case m: MapInPandasExec => m.func.asInstanceOf[PythonUDF]
    case m: MapInArrowExec => m.func.asInstanceOf[PythonUDF]
  }

  private def ofScalars(udfs: Seq[PythonUDF]): Option[String] = {
    val inputs = ScalarCalls.of(udfs).inputs
    inputs.iterator.flatMap(e => Types.refusedInput(e.dataType)).nextOption()
      .orElse(udfs.iterator.flatMap(udf => Types.refusedResult(udf.dataType)).nextOption())
  }

  private def isPython(plan: SparkPlan): Boolean = plan match {
    case _: Skipped => false
    case other => other.getClass.getPackageName.startsWith("org.apache.spark.sql.execution.python") &&
      !other.isInstanceOf[NativeExec] && other.expressions.exists(_.exists(_.isInstanceOf[PythonFuncExpression]))
  }
}

/** Says in the plan why an operator is Spark's own. */
private[udfrunner] case class Skipped(reason: String, child: SparkPlan) extends UnaryExecNode {
  override def output: Seq[Attribute] = child.output

  override def nodeName: String = s"${child.nodeName} [not by udfrunner: $reason]"

  override def simpleString(maxFields: Int): String = nodeName

  override def outputPartitioning: Partitioning = child.outputPartitioning

  override def outputOrdering: Seq[SortOrder] = child.outputOrdering

  override def supportsColumnar: Boolean = child.supportsColumnar

  override def supportsRowBased: Boolean = child.supportsRowBased

  override protected def doExecute(): RDD[InternalRow] = child.execute()

  override protected def doExecuteColumnar(): RDD[ColumnarBatch] = child.executeColumnar()

  override protected def withNewChildInternal(newChild: SparkPlan): SparkPlan = copy(child = newChild)
}
