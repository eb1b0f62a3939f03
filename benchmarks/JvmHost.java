/* Licensed under the Apache License, Version 2.0. See LICENSE. */

import java.io.BufferedReader;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.ByteBuffer;
import java.nio.channels.Channels;
import java.util.ArrayList;
import java.util.Base64;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.memory.RootAllocator;
import org.apache.arrow.vector.BigIntVector;
import org.apache.arrow.vector.VectorLoader;
import org.apache.arrow.vector.VectorSchemaRoot;
import org.apache.arrow.vector.VectorUnloader;
import org.apache.arrow.vector.ipc.ArrowReader;
import org.apache.arrow.vector.ipc.ArrowStreamReader;
import org.apache.arrow.vector.ipc.ArrowStreamWriter;
import org.apache.arrow.vector.ipc.message.ArrowRecordBatch;
import org.apache.arrow.vector.types.pojo.ArrowType;
import org.apache.arrow.vector.types.pojo.Field;
import org.apache.arrow.vector.types.pojo.Schema;
import org.udfrunner.Chunk;
import org.udfrunner.Env;
import org.udfrunner.EvalType;
import org.udfrunner.Function;
import org.udfrunner.Input;
import org.udfrunner.ResultIterator;
import org.udfrunner.Runner;
import org.udfrunner.TaskInfo;
import org.udfrunner.arrow.ArrowInput;
import org.udfrunner.arrow.ArrowResults;

/**
 * A host in a JVM: tasks over columns of longs that it has in memory, measured by itself.
 * jvm_host.py starts it and tells it what to do, a line a command: "arrow", "ipc", "check" or
 * "calls N". It answers with nanoseconds, rows and the sum of the first column.
 */
final class JvmHost {
  private final Schema schema;
  private final List<ByteBuffer> messages = new ArrayList<>();
  private final List<ArrowRecordBatch> batches = new ArrayList<>();
  private final BufferAllocator allocator = new RootAllocator();
  private final Runner runner;
  private long rows;
  private long sum;

  private JvmHost(Runner runner, int columns, int rows, int batchRows) throws IOException {
    this.runner = runner;
    List<Field> fields = new ArrayList<>();
    for (int i = 0; i < columns; i++) {
      fields.add(Field.nullable("_" + i, new ArrowType.Int(64, true)));
    }
    schema = new Schema(fields);
    for (int first = 0; first < rows; first += batchRows) {
      add(first, Math.min(batchRows, rows - first));
    }
  }

  /**
   * Arguments: eval type, command in base64 or a reference, return type, columns, rows, rows a
   * batch, and configuration in pairs.
   */
  public static void main(String[] arguments) throws IOException {
    Map<String, String> conf = new LinkedHashMap<>();
    for (int i = 6; i < arguments.length; i += 2) {
      conf.put(arguments[i], arguments[i + 1]);
    }
    EvalType type = EvalType.of(Integer.parseInt(arguments[0]));
    Function function =
        arguments[1].contains(":")
            ? Function.reference(arguments[1])
            : Function.pickle(Base64.getDecoder().decode(arguments[1]));
    try (Env env = Env.create(conf);
        Runner runner =
            Runner.builder(type).env(env).function(function.returns(arguments[2]), 0).build()) {
      JvmHost host =
          new JvmHost(
              runner,
              Integer.parseInt(arguments[3]),
              Integer.parseInt(arguments[4]),
              Integer.parseInt(arguments[5]));
      host.serve();
    }
  }

  private void serve() throws IOException {
    BufferedReader in = new BufferedReader(new InputStreamReader(System.in));
    for (String command = in.readLine(); command != null; command = in.readLine()) {
      rows = 0;
      sum = 0;
      long start = System.nanoTime();
      switch (command.split(" ")[0]) {
        case "arrow" -> arrow(false);
        case "ipc" -> ipc();
        case "check" -> {
          arrow(true);
          long expected = rows;
          ipcRows();
          if (rows != 2 * expected) {
            throw new IllegalStateException(rows + " rows as bytes, " + expected + " as arrays");
          }
          rows = expected;
        }
        case "calls" -> calls(Integer.parseInt(command.split(" ")[1]));
        default -> throw new IllegalArgumentException(command);
      }
      System.out.println((System.nanoTime() - start) + " " + rows + " " + sum);
    }
  }

  /** Batches and messages of column i: i, i + 1, i + 2 ... */
  private void add(int first, int count) throws IOException {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    try (VectorSchemaRoot root = VectorSchemaRoot.create(schema, allocator);
        ArrowStreamWriter writer = new ArrowStreamWriter(root, null, Channels.newChannel(bytes))) {
      for (int column = 0; column < root.getFieldVectors().size(); column++) {
        BigIntVector vector = (BigIntVector) root.getVector(column);
        vector.allocateNew(count);
        for (int i = 0; i < count; i++) {
          vector.set(i, (long) column + first + i);
        }
      }
      root.setRowCount(count);
      batches.add(new VectorUnloader(root).getRecordBatch());
      writer.start();
      int head = bytes.size();
      if (messages.isEmpty()) {
        messages.add(direct(bytes.toByteArray(), 0));
      }
      writer.writeBatch();
      messages.add(direct(bytes.toByteArray(), head));
    }
  }

  private static ByteBuffer direct(byte[] bytes, int from) {
    int size = bytes.length - from;
    return ByteBuffer.allocateDirect(size).put(bytes, from, size).flip();
  }

  private void arrow(boolean add) throws IOException {
    try (ArrowResults results =
        new ArrowResults(
            ArrowInput.compute(runner, allocator, new Batches(allocator), 0, TaskInfo.ofDefaults()),
            allocator)) {
      while (results.loadNextBatch()) {
        count(results.getVectorSchemaRoot(), add);
      }
    }
  }

  private void count(VectorSchemaRoot root, boolean add) {
    rows += root.getRowCount();
    BigIntVector vector = (BigIntVector) root.getVector(0);
    for (int i = 0; add && i < vector.getValueCount(); i++) {
      sum += vector.get(i);
    }
  }

  /** Bytes in and out; what a host does with them then is not ours. */
  private void ipc() {
    try (ResultIterator results = runner.compute(Input.records(messages.iterator()), 0)) {
      while (results.hasNext()) {
        try (Chunk chunk = results.next()) {
          rows += chunk.count();
        }
      }
    }
  }

  private void ipcRows() throws IOException {
    try (ResultIterator results = runner.compute(Input.records(messages.iterator()), 0);
        ArrowReader reader = new ArrowStreamReader(results.channel(), allocator)) {
      while (reader.loadNextBatch()) {
        count(reader.getVectorSchemaRoot(), false);
      }
    }
  }

  /** Calls that do next to nothing, when a task is complete and nothing else runs. */
  private void calls(int count) {
    try (ResultIterator results = runner.compute(Input.records(messages.iterator()), 0)) {
      results.forEachRemaining(Chunk::close);
      for (int i = 0; i < count; i++) {
        results.eventFd();
      }
    }
  }

  /** A reader over the batches in memory, which copies nothing. */
  private final class Batches extends ArrowReader {
    private int next;

    Batches(BufferAllocator memory) {
      super(memory);
    }

    @Override
    public boolean loadNextBatch() throws IOException {
      if (next == batches.size()) {
        return false;
      }
      new VectorLoader(getVectorSchemaRoot()).load(batches.get(next++));
      return true;
    }

    @Override
    public long bytesRead() {
      return 0;
    }

    @Override
    protected void closeReadSource() {}

    @Override
    protected Schema readSchema() {
      return schema;
    }
  }
}
