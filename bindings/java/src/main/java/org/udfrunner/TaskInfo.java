/* Licensed under the Apache License, Version 2.0. See LICENSE. */
package org.udfrunner;

import java.nio.file.Path;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.Supplier;

/**
 * The identity of a task: what its functions see in PySpark's {@code TaskContext}, and how it ends
 * early. Immutable.
 *
 * @since 1.0
 */
public final class TaskInfo {
  private static final TaskInfo DEFAULT = builder().build();

  private final byte[] packed;
  private final Supplier<String> killed;

  private TaskInfo(Builder builder) {
    packed = builder.pack();
    killed = builder.killed;
  }

  /**
   * A task of all zeros and one cpu.
   *
   * @return the task
   */
  public static TaskInfo ofDefaults() {
    return DEFAULT;
  }

  /**
   * A task of that partition, else as {@link #ofDefaults}.
   *
   * @param partition the partition's index
   * @return the task
   */
  public static TaskInfo ofPartition(int partition) {
    return builder().partition(partition).build();
  }

  /**
   * A builder that begins with all zeros and one cpu.
   *
   * @return the builder
   */
  public static Builder builder() {
    return new Builder();
  }

  /** The task as marshal.c reads it. */
  byte[] packed() {
    return packed;
  }

  /** The reason for which the host wants the task to end, or null. */
  String killReason() {
    return killed == null ? null : killed.get();
  }

  /** Builds a {@link TaskInfo}; the names are Spark's. */
  public static final class Builder {
    private int partition;
    private int attempt;
    private int stage;
    private int cpus = 1;
    private long taskAttemptId;
    private long deadlineMillis;
    private final Map<String, String> properties = new LinkedHashMap<>();
    private final Map<String, List<String>> resources = new LinkedHashMap<>();
    private boolean barrier;
    private int barrierPort;
    private String barrierSecret;
    private String barrierPath;
    private Supplier<String> killed;

    private Builder() {}

    /**
     * {@code TaskContext.partitionId()}.
     *
     * @param value the index
     * @return this
     */
    public Builder partition(int value) {
      partition = value;
      return this;
    }

    /**
     * {@code TaskContext.attemptNumber()}.
     *
     * @param value the number, from 0
     * @return this
     */
    public Builder attempt(int value) {
      attempt = value;
      return this;
    }

    /**
     * {@code TaskContext.stageId()}.
     *
     * @param value the id
     * @return this
     */
    public Builder stage(int value) {
      stage = value;
      return this;
    }

    /**
     * {@code TaskContext.cpus()}.
     *
     * @param value the count; 0 means 1
     * @return this
     */
    public Builder cpus(int value) {
      cpus = value;
      return this;
    }

    /**
     * {@code TaskContext.taskAttemptId()}.
     *
     * @param value the id
     * @return this
     */
    public Builder taskAttemptId(long value) {
      taskAttemptId = value;
      return this;
    }

    /**
     * How long the task may take from its compute on; then its worker is killed and reads throw
     * {@link DeadlineExceededException}.
     *
     * @param value the time, of at least a millisecond; null for no limit
     * @return this
     */
    public Builder deadline(Duration value) {
      if (value != null && value.toMillis() <= 0) {
        throw new InvalidArgumentException("deadline " + value + ": at least 1 ms is needed");
      }
      deadlineMillis = value == null ? 0 : value.toMillis();
      return this;
    }

    /**
     * A local property, as {@code TaskContext.getLocalProperty} gives it.
     *
     * @param key its name
     * @param value its value
     * @return this
     */
    public Builder property(String key, String value) {
      properties.put(
          Objects.requireNonNull(key, "key"), Objects.requireNonNull(value, "value of " + key));
      return this;
    }

    /**
     * Local properties.
     *
     * @param values names and values
     * @return this
     */
    public Builder properties(Map<String, String> values) {
      values.forEach(this::property);
      return this;
    }

    /**
     * A resource of the task, as Spark's {@code ResourceInformation}.
     *
     * @param name such as {@code "gpu"}
     * @param addresses such as {@code "0", "1"}
     * @return this
     */
    public Builder resource(String name, List<String> addresses) {
      resources.put(Objects.requireNonNull(name, "name"), List.copyOf(addresses));
      return this;
    }

    /**
     * Makes it a barrier task whose {@code barrier()} and {@code allGather()} go to a server of the
     * host's on 127.0.0.1.
     *
     * @param port the server's
     * @param secret the server's
     * @return this
     */
    public Builder barrier(int port, String secret) {
      barrier = true;
      barrierPort = port;
      barrierSecret = Objects.requireNonNull(secret, "secret");
      barrierPath = null;
      return this;
    }

    /**
     * Makes it a barrier task whose server listens on a Unix socket. Needs PySpark 4.1.
     *
     * @param path the socket
     * @return this
     */
    public Builder barrier(Path path) {
      barrier = true;
      barrierPath = path.toString();
      barrierPort = 0;
      barrierSecret = null;
      return this;
    }

    /**
     * Asked between two waits of a read, at least ten times a second, on the reading thread: where
     * it gives text the task is cancelled for that reason. For hosts that signal a kill by a flag,
     * as Spark's {@code TaskContext.isInterrupted} does.
     *
     * @param reason gives null as long as the task shall go on
     * @return this
     */
    public Builder killedWhen(Supplier<String> reason) {
      killed = reason;
      return this;
    }

    /**
     * Builds it.
     *
     * @return the task
     */
    public TaskInfo build() {
      return new TaskInfo(this);
    }

    private byte[] pack() {
      Packer out = new Packer();
      out.putInt(partition);
      out.putInt(attempt);
      out.putInt(stage);
      out.putInt(cpus);
      out.putLong(taskAttemptId);
      out.putLong(deadlineMillis);
      out.putPairs(properties);
      out.putInt(resources.size());
      resources.forEach(
          (name, addresses) -> {
            out.putText(name);
            out.putInt(addresses.size());
            addresses.forEach(out::putText);
          });
      out.putInt(barrier ? 1 : 0);
      out.putInt(barrierPort);
      out.putText(barrierSecret);
      out.putText(barrierPath);
      return out.toBytes();
    }
  }
}
