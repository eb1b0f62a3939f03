/* Licensed under the Apache License, Version 2.0. See LICENSE. */
package org.udfrunner;

import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;

/**
 * Chained functions of one eval type, and the tasks that run them: Spark's {@code
 * BasePythonRunner}.
 *
 * <p>Safe for use by many threads; many tasks at a time run on one runner.
 *
 * @since 1.0
 */
public final class Runner implements AutoCloseable {
  private final EvalType evalType;
  // A collected env would cancel the tasks.
  private final Env env;
  private final State state;

  private Runner(Builder builder) {
    Loader.load();
    evalType = builder.evalType;
    env = builder.env;
    long parent = env == null ? 0 : env.enter();
    try {
      state = new State(Native.runnerCreate(parent, evalType.code()));
    } finally {
      if (env != null) {
        env.exit();
      }
    }
    try {
      builder.configure(state.handle);
    } catch (Throwable thrown) {
      state.close();
      throw thrown;
    }
    Env.CLEANER.register(this, state::forget);
  }

  /**
   * A builder of a runner.
   *
   * @param evalType what kind of functions they are
   * @return the builder
   */
  public static Builder builder(EvalType evalType) {
    return new Builder(Objects.requireNonNull(evalType, "evalType"));
  }

  /**
   * What kind of functions it runs.
   *
   * @return the type
   */
  public EvalType evalType() {
    return evalType;
  }

  /**
   * Starts a task and returns at once. Errors of its worker come from the iterator.
   *
   * @param input what it reads; taken over where this returns
   * @param task its identity
   * @return the results, to be closed
   * @throws NotSupportedException where the eval type does not take that kind of input
   * @throws InvalidArgumentException where a value is not allowed
   * @throws InvalidStateException where the input was given to a task before
   */
  public ResultIterator compute(Input input, TaskInfo task) {
    state.enter();
    try {
      input.take();
      NativeInput source = input.toNative();
      return new ResultIterator(start(input, source, task), this, source, task);
    } finally {
      state.exit();
    }
  }

  private long start(Input input, NativeInput source, TaskInfo task) {
    try {
      return Native.compute(
          state.handle,
          input.kind(),
          input.keyCount(),
          input.streamAddress(),
          source,
          task.packed());
    } catch (Throwable thrown) {
      input.giveBack();
      throw thrown;
    }
  }

  /**
   * Starts a task of a partition, else as {@link #compute(Input, TaskInfo)}.
   *
   * @param input what it reads
   * @param partition the partition's index
   * @return the results, to be closed
   */
  public ResultIterator compute(Input input, int partition) {
    return compute(input, TaskInfo.ofPartition(partition));
  }

  /**
   * Cancels its running tasks: their workers are killed, reads throw {@link CancelledException}.
   * Later computes work. Idempotent, never waits, runs no code of the host's.
   *
   * @param reason for the exceptions, or null
   */
  public void cancel(String reason) {
    if (!state.tryEnter()) {
      return;
    }
    try {
      Native.runnerCancel(state.handle, ResultIterator.utf8(reason));
    } finally {
      state.exit();
    }
  }

  /** Cancels its tasks and destroys it; its iterators stay closable. Idempotent. */
  @Override
  public void close() {
    state.close();
  }

  private static final class State extends Guard {
    private final long handle;

    State(long handle) {
      super("runner");
      this.handle = handle;
    }

    @Override
    void free(boolean forgotten) {
      Native.runnerDestroy(handle);
    }
  }

  /** Builds a {@link Runner}. */
  public static final class Builder {
    private final EvalType evalType;
    private final List<List<Function>> chains = new ArrayList<>();
    private final List<List<Argument>> arguments = new ArrayList<>();
    private final Map<String, String> conf = new LinkedHashMap<>();
    private final List<Path> includes = new ArrayList<>();
    private final Map<Long, Path> broadcasts = new LinkedHashMap<>();
    private Env env;

    private Builder(EvalType evalType) {
      this.evalType = evalType;
    }

    /**
     * Where its workers come from; a default env where none is given.
     *
     * @param value the env
     * @return this
     */
    public Builder env(Env value) {
      env = value;
      return this;
    }

    /**
     * Adds one chain of one function.
     *
     * @param function with a return type, but for {@link EvalType#NON_UDF}
     * @param offsets the input columns that are its arguments; maps and eval type 0 have none, nor
     *     need grouped and cogrouped maps any where the input's {@link Input#keys} is set
     * @return this
     */
    public Builder function(Function function, int... offsets) {
      chains.add(List.of(function));
      arguments.add(Arrays.stream(offsets).mapToObj(Argument::of).toList());
      return this;
    }

    /**
     * Adds chains, each applied first to last. Each gives one result column; maps, grouped maps,
     * table functions and stateful ones are one chain that gives all columns.
     *
     * @param value the chains: Spark's {@code funcs}
     * @return this
     */
    public Builder chains(List<List<Function>> value) {
      chains.addAll(value);
      return this;
    }

    /**
     * Adds the arguments of chains, a list for each: Spark's {@code argOffsets}.
     *
     * @param value the lists
     * @return this
     */
    public Builder arguments(List<List<Argument>> value) {
      arguments.addAll(value);
      return this;
    }

    /**
     * One configuration value for this runner's tasks, over the env's: runner conf (Spark's SQL
     * keys), environment variables of workers ({@code spark.executorEnv.NAME}), interpreter ...
     *
     * @param key as {@code docs/configuration.md} lists it
     * @param value its value
     * @return this
     */
    public Builder conf(String key, String value) {
      conf.put(
          Objects.requireNonNull(key, "key"), Objects.requireNonNull(value, "value of " + key));
      return this;
    }

    /**
     * Configuration values, as {@link #conf(String, String)}.
     *
     * @param values keys and values
     * @return this
     */
    public Builder conf(Map<String, String> values) {
      values.forEach(this::conf);
      return this;
    }

    /**
     * A file or directory for the workers' {@code sys.path}, as {@code SparkContext.addPyFile}.
     *
     * @param path the file; a relative one is taken from {@code udfrunner.files.directory}
     * @return this
     */
    public Builder include(Path path) {
      includes.add(Objects.requireNonNull(path, "path"));
      return this;
    }

    /**
     * A broadcast variable of the functions.
     *
     * @param id the one in their pickles
     * @param path the file with its pickled value; null where the host's server hands out the
     *     values of all (keys {@code udfrunner.broadcast.server} and {@code
     *     udfrunner.broadcast.secret})
     * @return this
     */
    public Builder broadcast(long id, Path path) {
      broadcasts.put(id, path);
      return this;
    }

    /**
     * Builds it; starts no process.
     *
     * @return the runner
     * @throws InvalidArgumentException where chains and argument lists are of unequal count, or a
     *     function, type, key or value is not allowed
     */
    public Runner build() {
      if (chains.isEmpty()) {
        throw new InvalidArgumentException("no functions: at least one chain is needed");
      }
      if (chains.size() != arguments.size()) {
        throw new InvalidArgumentException(
            chains.size()
                + " chains of functions but "
                + arguments.size()
                + " lists of arguments: the counts must be equal");
      }
      return new Runner(this);
    }

    private void configure(long handle) {
      conf.forEach(
          (key, value) -> {
            Packer pair = new Packer();
            pair.putText(key);
            pair.putText(value);
            Native.runnerSet(handle, pair.toBytes());
          });
      for (int i = 0; i < chains.size(); i++) {
        Native.runnerAddFunction(handle, packed(chains.get(i), arguments.get(i)));
      }
      includes.forEach(path -> Native.runnerAddInclude(handle, bytes(path)));
      broadcasts.forEach(
          (id, path) -> Native.runnerAddBroadcast(handle, id, path == null ? null : bytes(path)));
    }

    private static byte[] packed(List<Function> chain, List<Argument> arguments) {
      Packer out = new Packer();
      out.putInt(chain.size());
      chain.forEach(function -> function.pack(out));
      out.putInt(arguments.size());
      arguments.forEach(
          argument -> {
            out.putInt(argument.offset());
            out.putText(argument.name());
          });
      return out.toBytes();
    }

    private static byte[] bytes(Path path) {
      return path.toString().getBytes(StandardCharsets.UTF_8);
    }
  }
}
