/* Licensed under the Apache License, Version 2.0. See LICENSE. */
package org.apache.spark.sql.execution.python.udfrunner

import java.nio.ByteBuffer
import java.nio.channels.WritableByteChannel

import org.apache.arrow.vector.{VectorSchemaRoot, VectorUnloader}
import org.apache.arrow.vector.ipc.WriteChannel
import org.apache.arrow.vector.ipc.message.MessageSerializer

import org.apache.spark.sql.catalyst.InternalRow
import org.apache.spark.sql.execution.arrow.ArrowWriter
import org.apache.spark.sql.execution.metric.SQLMetric
import org.apache.spark.sql.types.StructType
import org.apache.spark.sql.util.ArrowUtils
import org.udfrunner.{Records, RecordSource, Status}

/** How rows become batches. */
private[udfrunner] case class BatchOptions(timeZone: String, large: Boolean, rows: Int, bytes: Long) {
  def rowLimit: Int = if (rows > 0) rows else Int.MaxValue
}

/**
 * Rows as Arrow IPC messages: the schema, then batches that end where Spark's do. Rows are pulled when a batch is
 * asked for.
 */
private[udfrunner] final class ArrowRows(
    rows: Iterator[InternalRow], schema: StructType, options: BatchOptions, sent: Option[SQLMetric])
    extends RecordSource {
  private val allocator = ArrowUtils.rootAllocator.newChildAllocator("udfrunner input", 0, Long.MaxValue)
  private val root = VectorSchemaRoot.create(Compat.arrowSchema(schema, options.timeZone, options.large), allocator)
  private val writer = ArrowWriter.create(root)
  private val unloader = new VectorUnloader(root)
  private val bytes = new MessageBuffer
  private var begun = false

  override def next(out: Records): Status =
    if (!begun) {
      begun = true
      bytes.clear()
      MessageSerializer.serialize(new WriteChannel(bytes), root.getSchema)
      out.set(bytes.content)
      Status.OK
    } else if (rows.hasNext) {
      fill()
      bytes.clear()
      val batch = unloader.getRecordBatch()
      try {
        MessageSerializer.serialize(new WriteChannel(bytes), batch)
      } finally {
        batch.close()
      }
      writer.reset()
      val message = bytes.content
      sent.foreach(_.add(message.remaining()))
      out.set(message)
      Status.OK
    } else {
      Status.DONE
    }

  private def fill(): Unit = {
    val (limit, unbounded) = (options.rowLimit, options.bytes == Int.MaxValue)
    var count = 0
    while (count < limit && (unbounded || Compat.sizeInBytes(writer) < options.bytes) && rows.hasNext) {
      writer.write(rows.next())
      count += 1
    }
    writer.finish()
  }

  override def close(): Unit = {
    root.close()
    allocator.close()
  }
}

/** Direct memory that grows and is used again: the library sends from where it is. */
private[udfrunner] final class MessageBuffer extends WritableByteChannel {
  private var memory = ByteBuffer.allocateDirect(1 << 16)

  def clear(): Unit = memory.clear()

  def content: ByteBuffer = memory.duplicate().flip()

  override def write(source: ByteBuffer): Int = {
    val size = source.remaining()
    if (memory.remaining() < size) {
      val needed = memory.position().toLong + size
      if (needed > Int.MaxValue) {
        throw new IllegalStateException(
          "a batch of more than 2 GiB: lower spark.sql.execution.arrow.maxRecordsPerBatch or maxBytesPerBatch")
      }
      memory = ByteBuffer
        .allocateDirect(math.min(Int.MaxValue, math.max(needed, 2L * memory.capacity())).toInt)
        .put(memory.flip())
    }
    memory.put(source)
    size
  }

  override def isOpen: Boolean = true

  override def close(): Unit = {}
}
