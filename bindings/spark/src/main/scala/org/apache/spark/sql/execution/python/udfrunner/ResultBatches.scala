/* Licensed under the Apache License, Version 2.0. See LICENSE. */
package org.apache.spark.sql.execution.python.udfrunner

import java.nio.ByteOrder

import scala.jdk.CollectionConverters._

import org.apache.arrow.flatbuf.{Message, MessageHeader, RecordBatch}
import org.apache.arrow.memory.{ArrowBuf, ForeignAllocation}
import org.apache.arrow.vector.{VectorLoader, VectorSchemaRoot}
import org.apache.arrow.vector.ipc.message.MessageSerializer

import org.apache.spark.TaskContext
import org.apache.spark.sql.execution.metric.SQLMetric
import org.apache.spark.sql.util.ArrowUtils
import org.apache.spark.sql.vectorized.{ArrowColumnVector, ColumnarBatch, ColumnVector}
import org.udfrunner.Chunk

/**
 * A task's results as columns, in the library's memory. A batch is valid until the next one is asked for, the last one
 * until the task's end.
 */
private[udfrunner] final class ResultBatches(task: NativeTask, metrics: Map[String, SQLMetric], context: TaskContext)
    extends Iterator[ColumnarBatch] {
  private val allocator = ArrowUtils.rootAllocator.newChildAllocator("udfrunner results", 0, Long.MaxValue)
  private var root: VectorSchemaRoot = _
  private var loader: VectorLoader = _
  private var columns: Array[ColumnVector] = _
  private var ahead: ColumnarBatch = _
  private var ended = false

  context.addTaskCompletionListener[Unit](_ => close())

  override def hasNext: Boolean = {
    while (ahead == null && !ended) {
      val chunk = task.next()
      if (chunk == null) {
        ended = true
      } else {
        read(chunk)
      }
    }
    ahead != null
  }

  override def next(): ColumnarBatch = {
    if (!hasNext) {
      throw new NoSuchElementException
    }
    val batch = ahead
    ahead = null
    batch
  }

  /** A chunk of an Arrow type is one message. */
  private def read(chunk: Chunk): Unit = {
    val memory = allocator.wrapForeignAllocation(new ForeignAllocation(chunk.size, chunk.address) {
      override def release0(): Unit = chunk.close()
    })
    try {
      // A mark, the length of the metadata, the metadata, the body.
      val length = memory.getInt(4)
      val metadata = memory.nioBuffer(ResultBatches.Prefix, length).order(ByteOrder.LITTLE_ENDIAN)
      val message = Message.getRootAsMessage(metadata)
      message.headerType() match {
        case MessageHeader.Schema => begin(message)
        case MessageHeader.RecordBatch =>
          load(message.header(new RecordBatch).asInstanceOf[RecordBatch], memory, ResultBatches.Prefix + length)
        case other => throw new IllegalStateException(s"Arrow message of type $other among results")
      }
    } finally {
      memory.getReferenceManager.release()
    }
  }

  private def begin(message: Message): Unit = {
    root = VectorSchemaRoot.create(MessageSerializer.deserializeSchema(message), allocator)
    loader = new VectorLoader(root)
    columns = root.getFieldVectors.asScala.map(new ArrowColumnVector(_): ColumnVector).toArray
  }

  private def load(header: RecordBatch, memory: ArrowBuf, start: Long): Unit = {
    val body = memory.slice(start, memory.capacity - start)
    body.getReferenceManager.retain() // which the batch releases
    val batch = MessageSerializer.deserializeRecordBatch(header, body)
    try {
      loader.load(batch)
    } finally {
      batch.close()
    }
    metrics.get("pythonNumRowsReceived").foreach(_.add(root.getRowCount))
    metrics.get("pythonDataReceived").foreach(_.add(memory.capacity))
    ahead = new ColumnarBatch(columns, root.getRowCount)
  }

  private def close(): Unit = {
    if (root != null) {
      root.close()
    }
    allocator.close()
  }
}

private[udfrunner] object ResultBatches {
  /** Bytes in front of a message's metadata. */
  private val Prefix = 8
}
