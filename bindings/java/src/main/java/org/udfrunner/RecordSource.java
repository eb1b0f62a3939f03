/* Licensed under the Apache License, Version 2.0. See LICENSE. */
package org.udfrunner;

import java.io.Closeable;
import java.io.IOException;

/**
 * Input as bytes: pickled records, each a pickled list of rows (eval types 100, 300; for 0 what the
 * command's deserializer reads), or Arrow IPC messages, the schema first (all other types).
 *
 * <p>It is called only while the task's results are read or closed, on the thread that does so, and
 * never from two threads at once. It may use other iterators freely, and cancel its own.
 *
 * @since 1.0
 */
public interface RecordSource extends Closeable {
  /**
   * Brings the next records.
   *
   * @param out to be filled where the result is {@link Status#OK}: with at least one record
   * @return OK; {@link Status#DONE}, the only end of input; {@link Status#AGAIN} where there is
   *     none now
   * @throws Exception ends the task with {@link HostException}, whose cause it becomes
   */
  Status next(Records out) throws Exception;

  /**
   * Called exactly once when the task needs no more input: when its iterator is closed, on that
   * thread. Not called for an iterator that was forgotten.
   *
   * @throws IOException goes to the caller of close, as the cause of a {@link HostException}
   */
  @Override
  default void close() throws IOException {}
}
