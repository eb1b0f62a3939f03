/* Licensed under the Apache License, Version 2.0. See LICENSE. */
package org.udfrunner;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.lang.ref.Cleaner;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.atomic.AtomicBoolean;

/**
 * Configuration by Spark's keys, and the worker processes made with it.
 *
 * <p>Safe for use by many threads. Close it when no task is to run any more; one that is forgotten
 * is ended when it is collected, which a {@link Runner} of it prevents.
 *
 * @since 1.0
 */
public final class Env implements AutoCloseable {
  static final Cleaner CLEANER = Cleaner.create();

  private final State state;

  private Env(long handle, Runnable end) {
    state = new State(handle, end);
    CLEANER.register(this, state::forget);
  }

  /**
   * Makes an env; starts no process. Environment variables of this process, which workers inherit,
   * are read here.
   *
   * @param conf configuration; {@code docs/configuration.md} lists the keys. {@code
   *     spark.pyspark.python} names the interpreter, else the environment variable {@code
   *     PYSPARK_PYTHON}, else {@code python3}
   * @return the env
   * @throws InvalidArgumentException where a key that begins with {@code udfrunner.} is unknown, or
   *     a value not allowed
   * @throws LoadException where the native library can't be loaded; it says what was tried
   */
  public static Env create(Map<String, String> conf) {
    Loader.load();
    long handle = createHandle(conf);
    return new Env(handle, () -> Native.envDestroy(handle));
  }

  private static long createHandle(Map<String, String> conf) {
    Packer pairs = new Packer();
    pairs.putPairs(conf);
    return Native.envCreate(pairs.toBytes());
  }

  /**
   * An env that all who name it share, in all class loaders of this JVM: made by the first of them,
   * as {@link #create}, and ended when the last of them has closed its own. Each call gives an
   * object of its own, to be closed.
   *
   * @param name such as that of an application
   * @param conf configuration of the first; the others' is not looked at
   * @return the env
   * @throws InvalidArgumentException as {@link #create}
   * @throws LoadException as {@link #create}
   */
  public static Env shared(String name, Map<String, String> conf) {
    Objects.requireNonNull(name, "name");
    Loader.load();
    return new Env(SharedEnvs.take(name, () -> createHandle(conf)), () -> SharedEnvs.drop(name));
  }

  /**
   * Has a worker run a task of no rows, so that the next tasks with this configuration find
   * everything imported and a worker that is ready. Waits for it; for a thread of its own, at a
   * host's start.
   *
   * @param conf what runners of these tasks will set, over the env's own
   * @throws UdfRunnerException where there can be no worker, as it would end a task
   */
  public void warm(Map<String, String> conf) {
    try (Runner runner =
            Runner.builder(EvalType.SQL_BATCHED_UDF)
                .env(this)
                .conf(conf)
                .function(Function.reference("builtins:abs").returns("long"), 0)
                .build();
        ResultIterator results =
            runner.compute(Input.records(Collections.emptyIterator()), TaskInfo.ofDefaults())) {
      while (results.hasNext()) {
        results.next().close();
      }
    }
  }

  /**
   * Counters: workers started, idle, running, reused, killed, tasks (of them done, failed, closed
   * by the host before their end). Never waits for a task.
   *
   * @return a JSON object
   */
  public String stats() {
    state.enter();
    try {
      return Errors.text(Native.envStats(state.handle));
    } finally {
      state.exit();
    }
  }

  /**
   * The next lines that workers wrote to stdout and stderr; any number of threads may ask, each
   * line goes to one.
   *
   * @param timeout how long to wait for one; null for no limit
   * @return whole lines, each a JSON object whose members {@code udfrunner_log_next} of {@code
   *     udfrunner.h} lists; null where the time ran out or the env was closed meanwhile
   * @throws InvalidStateException where the configuration has the lines written elsewhere
   */
  public String nextLog(Duration timeout) {
    state.enter();
    try {
      Wait wait = Wait.of(timeout);
      boolean parks = VirtualThreads.isCurrent();
      while (true) {
        long slice = wait.slice();
        byte[] lines = Native.logNext(state.handle, parks ? 0 : slice);
        if (lines != null) {
          return Errors.text(lines);
        }
        if (wait.isOver() || state.isClosed()) {
          return null;
        }
        if (parks) {
          VirtualThreads.pause(slice);
        }
      }
    } finally {
      state.exit();
    }
  }

  /** Cancels its tasks and kills its workers. Idempotent, waits for no Python code. */
  @Override
  public void close() {
    state.close();
  }

  /**
   * Ends every worker of the process and waits for it. Running tasks end with {@link
   * CancelledException}; results handed out stay valid, and new envs may be made.
   *
   * @param timeout how long to wait; null for no limit
   * @return whether all were seen to end
   */
  public static boolean shutdown(Duration timeout) {
    Loader.load();
    long millis = timeout == null ? -1 : timeout.toMillis();
    return VirtualThreads.onPlatformThread(() -> Native.shutdown(millis)) == Status.OK.ordinal();
  }

  /**
   * The version of the native library.
   *
   * @return such as {@code "1.2.3"}
   */
  public static String libraryVersion() {
    Loader.load();
    return Errors.text(Native.version());
  }

  /**
   * The names of all configuration keys that mean something here, for a host that hands over a part
   * of its configuration, such as that of a Spark session: its own values, and the defaults of its
   * SQL configuration. Needs no native library.
   *
   * @return the names; one that ends with a dot stands for all keys that begin with it
   */
  public static List<String> configurationKeys() {
    try (InputStream in = Env.class.getResourceAsStream("configuration-keys.txt")) {
      return new String(in.readAllBytes(), StandardCharsets.UTF_8).lines().toList();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Begins a use of the handle, which {@link #exit} ends. */
  long enter() {
    state.enter();
    return state.handle;
  }

  void exit() {
    state.exit();
  }

  private static final class State extends Guard {
    private final long handle;
    private final Runnable end;
    private final AtomicBoolean ended = new AtomicBoolean();

    State(long handle, Runnable end) {
      super("env");
      this.handle = handle;
      this.end = end;
    }

    @Override
    void free(boolean forgotten) {
      if (ended.compareAndSet(false, true)) {
        end.run();
      }
    }

    /** At once: a thread may wait for log lines. The handle is an id that is not given again. */
    @Override
    void interrupt() {
      free(false);
    }
  }
}
