/* Licensed under the Apache License, Version 2.0. See LICENSE. */
package org.udfrunner.arrow;

import java.io.IOException;
import java.util.Map;
import java.util.stream.Collectors;
import org.apache.arrow.c.ArrowArray;
import org.apache.arrow.c.ArrowSchema;
import org.apache.arrow.c.CDataDictionaryProvider;
import org.apache.arrow.c.Data;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.vector.VectorSchemaRoot;
import org.apache.arrow.vector.dictionary.Dictionary;
import org.apache.arrow.vector.ipc.ArrowReader;
import org.apache.arrow.vector.types.pojo.Schema;
import org.udfrunner.ResultIterator;

/**
 * The results of a task as an {@link ArrowReader}, in place. Reads throw what the iterator's reads
 * throw, and can be interrupted as they can. Closing it closes the iterator; batches that were
 * transferred elsewhere stay valid.
 *
 * @since 1.0
 */
public final class ArrowResults extends ArrowReader {
  private final ResultIterator results;
  private final CDataDictionaryProvider dictionaries = new CDataDictionaryProvider();
  private long read;

  /**
   * Reads the results of a task.
   *
   * @param results the task, taken over
   * @param allocator of the batches
   */
  public ArrowResults(ResultIterator results, BufferAllocator allocator) {
    super(allocator);
    this.results = results;
  }

  /**
   * The task, for its metrics, accumulators and cancel.
   *
   * @return the iterator
   */
  public ResultIterator results() {
    return results;
  }

  /**
   * {@inheritDoc}
   *
   * <p>The batch before is given back first: its memory serves the next results.
   */
  @Override
  public boolean loadNextBatch() throws IOException {
    VectorSchemaRoot root = getVectorSchemaRoot();
    root.clear();
    try (ArrowArray array = ArrowArray.allocateNew(allocator)) {
      if (!results.nextArrow(array.memoryAddress(), 0)) {
        return false;
      }
      Data.importIntoVectorSchemaRoot(allocator, array, root, dictionaries);
      root.getFieldVectors().forEach(vector -> read += vector.getBufferSize());
      return true;
    }
  }

  @Override
  public Map<Long, Dictionary> getDictionaryVectors() {
    return dictionaries.getDictionaryIds().stream()
        .collect(Collectors.toMap(id -> id, dictionaries::lookup));
  }

  @Override
  public Dictionary lookup(long id) {
    return dictionaries.lookup(id);
  }

  @Override
  public long bytesRead() {
    return read;
  }

  @Override
  protected void closeReadSource() {
    dictionaries.close();
    results.close();
  }

  @Override
  protected Schema readSchema() {
    try (ArrowSchema schema = ArrowSchema.allocateNew(allocator)) {
      results.exportSchema(schema.memoryAddress());
      return Data.importSchema(allocator, schema, dictionaries);
    }
  }
}
