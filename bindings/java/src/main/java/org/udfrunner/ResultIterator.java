/* Licensed under the Apache License, Version 2.0. See LICENSE. */
package org.udfrunner;

import java.nio.ByteBuffer;
import java.nio.channels.ReadableByteChannel;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.NoSuchElementException;

/**
 * A running task, and the iterator of its results. Close it, which ends the task and releases its
 * input; one that is forgotten is cancelled and freed when it is collected, without running any
 * code of the host's: its source is then not closed, and a C stream given as input is leaked.
 *
 * <p>Results are read in one way, the first used decides: as bytes ({@link #next}, {@link #poll},
 * {@link #channel}), as Arrow arrays ({@link #nextArrow}) or as an Arrow stream ({@link
 * #exportStream}). It is used by one thread at a time, which may change; {@link #cancel}, {@link
 * #close}, {@link #metrics}, {@link #stack} and {@link #eventFd} are safe from any thread. Reads
 * wait in short slices, so that {@link Thread#interrupt} gets through: they then throw {@link
 * WaitInterruptedException}, and the task goes on. A virtual thread that waits gives its carrier
 * free; only the code of the input's source, which the library calls, pins it.
 *
 * @since 1.0
 */
public final class ResultIterator implements Iterator<Chunk>, AutoCloseable {
  /** The longest pause after the input had nothing to give. */
  private static final int NEED_INPUT_MILLIS = 10;

  private static final byte[] METRICS = "metrics".getBytes(StandardCharsets.UTF_8);
  private static final byte[] ACCUMULATORS = "accumulators".getBytes(StandardCharsets.UTF_8);

  // A collected runner would cancel the task.
  private final Runner runner;
  private final NativeInput input;
  private final TaskInfo task;
  private final State state;
  private final long[] read = new long[3];
  private Chunk ahead;
  private boolean done;

  ResultIterator(long handle, Runner runner, NativeInput input, TaskInfo task) {
    this.runner = runner;
    this.input = input;
    this.task = task;
    state = new State(handle);
    Env.CLEANER.register(this, state::forget);
  }

  /**
   * Waits for results.
   *
   * @return false at the end
   */
  @Override
  public boolean hasNext() {
    if (ahead == null) {
      ahead = poll(null);
    }
    return ahead != null;
  }

  /**
   * The next results: whole pickled records (eval types 0, 100, 300) or whole Arrow IPC messages,
   * the first of an iterator's being the schema.
   *
   * @return the results, to be closed
   * @throws NoSuchElementException at the end
   */
  @Override
  public Chunk next() {
    if (!hasNext()) {
      throw new NoSuchElementException("the task is complete");
    }
    Chunk result = ahead;
    ahead = null;
    return result;
  }

  /**
   * The next results, as {@link #next}, where there are some in time.
   *
   * @param timeout how long to wait; zero does not wait, null has no limit
   * @return the results, to be closed; null where the time ran out or, with {@link #isDone}, at the
   *     end
   */
  public Chunk poll(Duration timeout) {
    if (ahead != null) {
      Chunk result = ahead;
      ahead = null;
      return result;
    }
    Status status =
        waitFor(Wait.of(timeout), millis -> Native.iteratorNext(state.handle, millis, read));
    return status == Status.OK ? new Chunk(read[0], read[1], read[2]) : null;
  }

  /**
   * Whether the task is complete, and all its results were read.
   *
   * @return false before that, and after an error
   */
  public boolean isDone() {
    return done && ahead == null;
  }

  /**
   * The results from here on as one sequence of bytes, such as {@code ArrowStreamReader} reads: an
   * Arrow IPC stream without its end mark, or pickled records. Memory of the library is freed as it
   * is read. Closing the channel closes this iterator.
   *
   * @return the channel; its reads wait
   */
  public ReadableByteChannel channel() {
    return new ResultChannel(this);
  }

  /**
   * The next results as an Arrow struct array, in place.
   *
   * @param array address of a C {@code struct ArrowArray}, filled on OK; the caller releases it
   * @param schema address of a C {@code struct ArrowSchema} that receives the schema too, or 0
   * @return false at the end
   * @throws NotSupportedException for eval types with pickled results
   */
  public boolean nextArrow(long array, long schema) {
    return nextArrow(array, schema, null) == Status.OK;
  }

  /**
   * The next results as an Arrow struct array, where there are some in time.
   *
   * @param array address of a C {@code struct ArrowArray}, filled on OK; the caller releases it
   * @param schema address of a C {@code struct ArrowSchema} that receives the schema too, or 0
   * @param timeout how long to wait; zero does not wait, null has no limit
   * @return {@link Status#OK}, {@link Status#DONE} or {@link Status#TIMED_OUT}
   */
  public Status nextArrow(long array, long schema, Duration timeout) {
    return waitFor(
        Wait.of(timeout), millis -> Native.iteratorNextArrow(state.handle, millis, array, schema));
  }

  /**
   * The schema of the results, a struct, from the declared return types. Never waits, starts no
   * worker.
   *
   * @param schema address of a C {@code struct ArrowSchema}; the caller releases it
   */
  public void exportSchema(long schema) {
    state.enter();
    try {
      Native.iteratorSchema(state.handle, schema);
    } finally {
      state.exit();
    }
  }

  /**
   * Exports the results as an Arrow C stream that holds a reference of its own: this iterator stays
   * valid for cancel, results, error and close, and closing it leaves the task to the stream, and
   * so does forgetting it, its runner or env. What ended a failed stream is {@link #error}.
   *
   * @param stream address of a C {@code struct ArrowArrayStream}; the caller releases it
   */
  public void exportStream(long stream) {
    state.enter();
    try {
      Native.iteratorExport(state.handle, stream, runner);
    } finally {
      state.exit();
    }
  }

  /**
   * The error that ended the task, also a cancel that no read has reported yet.
   *
   * @return the error, or null
   */
  public UdfRunnerException error() {
    state.enter();
    try {
      UdfRunnerException error = (UdfRunnerException) Native.iteratorError(state.handle);
      return error == null ? null : withCause(error);
    } finally {
      state.exit();
    }
  }

  /**
   * What the task measured so far; final after its end, and readable after close.
   *
   * @return a JSON object
   */
  public String metrics() {
    return Errors.text(state.result(METRICS));
  }

  /**
   * The accumulator updates of a complete task, also after close: each a pickled tuple (id, value),
   * as Spark's {@code PythonAccumulatorV2} takes it.
   *
   * @return the updates
   * @throws InvalidStateException before the task's end
   */
  public List<byte[]> accumulators() {
    ByteBuffer data = ByteBuffer.wrap(state.result(ACCUMULATORS));
    List<byte[]> updates = new ArrayList<>();
    while (data.hasRemaining()) {
      byte[] update = new byte[data.getInt()];
      data.get(update);
      updates.add(update);
    }
    return updates;
  }

  /**
   * The Python stacks of all threads of the task's worker now, also while the function hangs in C
   * code. The worker goes on.
   *
   * @param timeout how long to wait for them; not interruptible
   * @return the text, as Python's faulthandler writes it; null where the time ran out
   * @throws InvalidStateException where the task has ended
   * @throws NotSupportedException for a worker that the embedded daemon did not make
   */
  public String stack(Duration timeout) {
    state.enter();
    try {
      byte[] stacks =
          VirtualThreads.onPlatformThread(
              () -> Native.iteratorStack(state.handle, timeout.toMillis()));
      return stacks == null ? null : Errors.text(stacks);
    } finally {
      state.exit();
    }
  }

  /**
   * A descriptor that polls readable when {@code poll(Duration.ZERO)} would make progress, for
   * hosts with an event loop. Valid until close; never read or close it.
   *
   * @return the descriptor
   */
  public int eventFd() {
    state.enter();
    try {
      return Native.iteratorEventFd(state.handle);
    } finally {
      state.exit();
    }
  }

  /**
   * Kills the task's worker; a read in flight and later ones throw {@link CancelledException}.
   * Nothing changes for a task that is complete or closed. Idempotent, never waits, safe from any
   * thread, also from within the task's own source.
   *
   * @param reason for the exception, or null
   */
  public void cancel(String reason) {
    if (!state.tryEnter()) {
      return;
    }
    try {
      Native.iteratorCancel(state.handle, utf8(reason));
    } finally {
      state.exit();
    }
  }

  /**
   * Ends the task if it runs, and releases its input on this thread; where another thread reads,
   * its read throws {@link CancelledException} and releases the input. Idempotent, waits for no
   * Python code. Metrics, and accumulators of a complete task, stay readable.
   *
   * @throws HostException where the input's source threw when it was closed
   */
  @Override
  public void close() {
    if (ahead != null) {
      ahead.close();
      ahead = null;
    }
    state.close();
    Throwable failure = input == null || !state.isFreed() ? null : input.takeFailure();
    if (failure != null) {
      throw withCause(new HostException("input's close: " + failure), failure);
    }
  }

  /** One call that waits so many ms. */
  private interface Read {
    int call(long millis);
  }

  private Status waitFor(Wait wait, Read read) {
    if (done) {
      return Status.DONE;
    }
    boolean parks = VirtualThreads.isCurrent();
    state.enter();
    try {
      while (true) {
        long slice = wait.slice();
        Status status = Status.of(read.call(parks ? 0 : slice));
        if (status == Status.OK) {
          return status;
        }
        if (status == Status.DONE) {
          done = true;
          return status;
        }
        if (wait.isOver()) {
          return Status.TIMED_OUT;
        }
        String reason = task.killReason();
        if (reason != null) {
          Native.iteratorCancel(state.handle, utf8(reason));
        } else if (parks) {
          long most = status == Status.AGAIN ? Math.min(slice, NEED_INPUT_MILLIS) : slice;
          VirtualThreads.awaitReadable(Native.iteratorEventFd(state.handle), most);
        } else if (status == Status.AGAIN) {
          Native.iteratorWait(state.handle, (int) Math.min(slice, NEED_INPUT_MILLIS));
        }
      }
    } catch (HostException error) {
      throw withCause(error);
    } finally {
      state.exit();
    }
  }

  private UdfRunnerException withCause(UdfRunnerException error) {
    Throwable failure =
        error instanceof HostException && input != null ? input.takeFailure() : null;
    return failure == null ? error : withCause(error, failure);
  }

  private static UdfRunnerException withCause(UdfRunnerException error, Throwable cause) {
    error.initCause(cause);
    return error;
  }

  static byte[] utf8(String text) {
    return text == null ? null : text.getBytes(StandardCharsets.UTF_8);
  }

  /** The C iterator, and what it told before it was closed. */
  private static final class State extends Guard {
    private final long handle;
    private volatile byte[] metrics;
    private volatile byte[] accumulators;
    private volatile boolean freed;

    State(long handle) {
      super("iterator");
      this.handle = handle;
    }

    byte[] result(byte[] key) {
      if (tryEnter()) {
        try {
          return Native.iteratorResult(handle, key);
        } finally {
          exit();
        }
      }
      byte[] kept = key == METRICS ? metrics : accumulators;
      if (kept == null) {
        throw new InvalidStateException(
            Errors.text(key) + ": the iterator was closed before the task's end");
      }
      return kept;
    }

    boolean isFreed() {
      return freed;
    }

    @Override
    void interrupt() {
      Native.iteratorCancel(handle, utf8("closed"));
    }

    @Override
    void free(boolean forgotten) {
      if (!forgotten) {
        metrics = keep(METRICS);
        accumulators = keep(ACCUMULATORS);
      }
      Native.iteratorClose(handle, forgotten);
      freed = true;
    }

    private byte[] keep(byte[] key) {
      try {
        return Native.iteratorResult(handle, key);
      } catch (UdfRunnerException e) {
        return null;
      }
    }
  }
}
