/* Licensed under the Apache License, Version 2.0. See LICENSE. */
package org.udfrunner;

import java.io.Closeable;
import java.io.IOException;

/**
 * Input in groups of rows that the host formed: for each an Arrow C stream, or two for cogroups.
 *
 * <p>It is called as a {@link RecordSource} is. All groups have one schema (a side).
 *
 * @since 1.0
 */
public interface GroupSource extends Closeable {
  /**
   * Exports the next group.
   *
   * @param streams addresses of empty C {@code struct ArrowArrayStream}, one a side of the group
   *     (one; two for cogroups), to be filled where the result is {@link Status#OK}. The library
   *     releases each when it was read
   * @return OK; {@link Status#DONE}, the only end of input; {@link Status#AGAIN} where there is no
   *     group now
   * @throws Exception ends the task with {@link HostException}, whose cause it becomes; streams
   *     filled before are released
   */
  Status next(long[] streams) throws Exception;

  /**
   * Called exactly once, as {@link RecordSource#close}.
   *
   * @throws IOException goes to the caller of close, as the cause of a {@link HostException}
   */
  @Override
  default void close() throws IOException {}
}
