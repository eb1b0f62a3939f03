/* Licensed under the Apache License, Version 2.0. See LICENSE. */
package org.udfrunner;

import java.nio.ByteBuffer;

/**
 * All native methods, thin over {@code udfrunner.h}; jni.c implements them. {@link Loader#load}
 * comes first.
 *
 * <p>The glue registers them with the class that loads it, whatever its name is: a jar may relocate
 * the package. So no signature here names a class of the package.
 *
 * <p>Handles are the C handles' bits, addresses are those of C structs. Text is UTF-8 in arrays.
 * Packed arguments come from {@link Packer}. A negative status is thrown.
 */
final class Native {
  private Native() {}

  /** Called by the glue: the exception of a status, with details as keys and values in turn. */
  static RuntimeException error(int code, byte[] message, byte[][] details) {
    return Errors.of(code, message, details);
  }

  /**
   * Opens the library and binds its functions, and the methods of {@link NativeInput}; null, or why
   * it can't be used.
   */
  static native byte[] open(byte[] path, Class<?> input);

  /** Whether libjsig is preloaded, with which a fault inside Go ends the JVM. */
  static native boolean hasJsig();

  static native byte[] version();

  static native int shutdown(long timeoutMillis);

  static native long envCreate(byte[] pairs);

  static native void envDestroy(long env);

  static native byte[] envStats(long env);

  /** The next log lines, or null where the time ran out. */
  static native byte[] logNext(long env, long timeoutMillis);

  static native long runnerCreate(long env, int evalType);

  static native void runnerAddFunction(long runner, byte[] chain);

  static native void runnerSet(long runner, byte[] pair);

  static native void runnerAddInclude(long runner, byte[] path);

  static native void runnerAddBroadcast(long runner, long id, byte[] path);

  static native void runnerCancel(long runner, byte[] reason);

  static native void runnerDestroy(long runner);

  static native long compute(
      long runner, int kind, int keys, long stream, Object input, byte[] task);

  /** Fills chunk with {address of a chunk, its bytes' count, its records' count} on OK. */
  static native int iteratorNext(long iterator, long timeoutMillis, long[] chunk);

  static native int iteratorNextArrow(long iterator, long timeoutMillis, long array, long schema);

  static native void iteratorSchema(long iterator, long schema);

  /** The stream keeps an object from being collected until it is released. */
  static native void iteratorExport(long iterator, long stream, Object held);

  /** The error that ended it, a {@link UdfRunnerException}, or null. */
  static native RuntimeException iteratorError(long iterator);

  static native int iteratorEventFd(long iterator);

  /** Waits until the event descriptor is ready. */
  static native void iteratorWait(long iterator, int timeoutMillis);

  /** A new epoll descriptor, or -1. */
  static native int epollOpen();

  /** Reports once that a descriptor is readable, as that id; false where it can't. */
  static native boolean epollAdd(int epoll, int fd, long id);

  static native void epollRemove(int epoll, int fd);

  /** Fills ids; how many there are, 0 where the time ran out, -1 where a signal came between. */
  static native int epollWait(int epoll, long[] ids, int timeoutMillis);

  static native void epollClose(int epoll);

  static native byte[] iteratorResult(long iterator, byte[] key);

  static native byte[] iteratorStack(long iterator, long timeoutMillis);

  static native void iteratorCancel(long iterator, byte[] reason);

  /** Closes; where forgotten without running code of the host's, whose streams are then leaked. */
  static native void iteratorClose(long iterator, boolean forgotten);

  static native ByteBuffer chunkView(long chunk, long offset, int size);

  static native long chunkAddress(long chunk);

  static native void chunkOffsets(long chunk, long[] offsets);

  static native void chunkFree(long chunk);

  /** Fills a record struct of the input with a direct buffer's bytes. */
  static native void recordDirect(
      long record, ByteBuffer data, long position, long size, long[] offsets);

  /** Fills a record struct of the input with a copy of an array's bytes. */
  static native void recordArray(long record, byte[] data, int start, int size, long[] offsets);

  static native void recordMessage(long record, byte[] text);
}
