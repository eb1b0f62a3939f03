/* Licensed under the Apache License, Version 2.0. See LICENSE. */
package org.apache.spark.sql.execution.python.udfrunner

import java.lang.invoke.{MethodHandle, MethodHandles, MethodType}

import org.apache.spark.{SparkEnv, TaskContext}
import org.apache.spark.sql.catalyst.InternalRow
import org.apache.spark.sql.execution.python.HybridRowQueue

/** Rows of a task that wait for their results, in their order: Spark's own queue, which spills. */
private[udfrunner] final class WaitingRows(columns: Int, context: TaskContext) {
  private val queue = HybridRowQueue(
    context.taskMemoryManager(), SparkEnv.get.blockManager.diskBlockManager.localDirs.head, columns)

  context.addTaskCompletionListener[Unit](_ => queue.close())

  def add(row: InternalRow): Unit = WaitingRows.Add.invoke(queue: Object, row: Object)

  /** Valid until the next one is asked for. */
  def remove(): InternalRow = WaitingRows.Remove.invoke(queue: Object).asInstanceOf[InternalRow]
}

private[udfrunner] object WaitingRows {
  // Of other types in newer minors, where the queue is one of any rows.
  private val Add = method("add", 1)
  private val Remove = method("remove", 0)

  private def method(name: String, parameters: Int): MethodHandle = {
    val found = classOf[HybridRowQueue].getMethods.find(m => m.getName == name && m.getParameterCount == parameters).get
    found.setAccessible(true)
    MethodHandles.lookup().unreflect(found).asType(MethodType.genericMethodType(parameters + 1))
  }
}
