/* Licensed under the Apache License, Version 2.0. See LICENSE. */
package org.apache.spark.sql.execution.python.udfrunner

import com.fasterxml.jackson.databind.ObjectMapper
import java.util.function.Supplier

import scala.jdk.CollectionConverters._

import org.apache.spark.{SparkException, TaskContext}
import org.apache.spark.rdd.InputFileBlockHolder
import org.apache.spark.sql.execution.metric.SQLMetric
import org.udfrunner.{
  CancelledException, Chunk, HostException, Input, PythonException, Records, RecordSource, ResultIterator,
  Status, TaskInfo, UdfRunnerException, WaitInterruptedException, WorkerExitedException}

/**
 * The run of a [[PythonCall]] in one task of Spark's. It ends with that task, however that ends. All happens on the
 * task's thread, the input's rows included, which are pulled while results are waited for.
 */
private[udfrunner] final class NativeTask(
    call: PythonCall,
    source: RecordSource,
    metrics: Map[String, SQLMetric],
    context: TaskContext) {
  private val runner = call.runner(context)
  private val results: ResultIterator =
    try {
      runner.compute(Input.records(new Upstream(source)), NativeTask.info(context))
    } catch {
      case e: Throwable =>
        runner.close()
        source.close()
        throw translated(e)
    }

  context.addTaskCompletionListener[Unit](_ => close())

  private var ended = false

  /** The next results, to be closed; null at the end. */
  def next(): Chunk = {
    if (ended) {
      return null
    }
    try {
      if (results.hasNext) {
        results.next()
      } else {
        ended = true
        report()
        close()
        null
      }
    } catch {
      case e: UdfRunnerException => throw translated(e)
    }
  }

  private def close(): Unit =
    try {
      results.close()
    } finally {
      runner.close()
    }

  /** What Spark's runner takes from the end of a worker's answer. */
  private def report(): Unit = {
    call.accumulator.foreach(accumulator => results.accumulators().asScala.foreach(accumulator.add(_)))
    val told = NativeTask.json.readTree(results.metrics())
    def number(name: String): Long = told.path(name).asLong(0)
    def add(metric: String, value: Long): Unit = metrics.get(metric).foreach(_.add(value))
    add("pythonBootTime", number("worker_boot_ms"))
    add("pythonInitTime", number("worker_init_ms"))
    add("pythonTotalTime", number("worker_boot_ms") + number("worker_init_ms") + number("worker_finish_ms"))
    add("pythonProcessingTime", number("worker_processing_ms"))
    context.taskMetrics().incMemoryBytesSpilled(number("memory_bytes_spilled"))
    context.taskMetrics().incDiskBytesSpilled(number("disk_bytes_spilled"))
  }

  /**
   * The error as Spark's runner has it. PySpark knows an exception of a function by a frame of the package above this
   * one in its stack.
   */
  private def translated(error: Throwable): Throwable = error match {
    case e: HostException if e.getCause != null => e.getCause
    case _: CancelledException | _: WaitInterruptedException =>
      context.killTaskIfInterrupted()
      error
    case e: PythonException if e.details.containsKey("result.actual") =>
      Compat.typeMismatch(call.evalType, e)
    case e: PythonException => Compat.pythonException(e.traceback, e)
    case e: WorkerExitedException =>
      new SparkException(s"Python worker exited unexpectedly (crashed): ${e.getMessage}", e)
    case e: UdfRunnerException => new SparkException(e.getMessage, e)
    case e => e
  }

  /**
   * Has the rows' operators see the input file that they set, and those behind the function the last one before the
   * input's end, as if rows had a thread of their own (SPARK-44705).
   */
  private final class Upstream(source: RecordSource) extends RecordSource {
    private var file: Object = _

    override def next(out: Records): Status = {
      val downstream = InputFileBlockHolder.getThreadLocalValue()
      if (file != null) {
        InputFileBlockHolder.setThreadLocalValue(file)
      }
      try {
        source.next(out)
      } finally {
        val now = InputFileBlockHolder.getThreadLocalValue()
        if (file != null || (now ne downstream)) {
          file = now
          InputFileBlockHolder.setThreadLocalValue(downstream)
        }
      }
    }

    override def close(): Unit = source.close()
  }
}

private[udfrunner] object NativeTask {
  private val json = new ObjectMapper()

  private def info(context: TaskContext): TaskInfo = {
    val info = TaskInfo.builder()
      .partition(context.partitionId())
      .attempt(context.attemptNumber())
      .stage(context.stageId())
      .taskAttemptId(context.taskAttemptId())
      .cpus(context.cpus())
      .killedWhen(new Supplier[String] {
        override def get(): String = context.getKillReason().orNull
      })
    val properties = context.getLocalProperties
    properties.stringPropertyNames().forEach(name => info.property(name, properties.getProperty(name)))
    context.resources().foreach { case (name, resource) =>
      info.resource(name, java.util.Arrays.asList(resource.addresses: _*))
    }
    info.build()
  }
}
