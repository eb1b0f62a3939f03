/* Licensed under the Apache License, Version 2.0. See LICENSE. */
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.FileChannel.MapMode;
import java.nio.channels.ReadableByteChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.IntStream;
import org.udfrunner.Env;
import org.udfrunner.EvalType;
import org.udfrunner.Function;
import org.udfrunner.Input;
import org.udfrunner.ResultIterator;
import org.udfrunner.Runner;
import org.udfrunner.UdfRunnerException;

/**
 * A pandas function over Arrow IPC stream files, a task a file, several at a time. Nothing but the
 * library's jar is on the class path:
 *
 * <pre>java -cp udfrunner.jar ArrowUdf.java PYTHON WORKERS MODULE:FUNCTION TYPE COLUMNS FILE...
 * </pre>
 *
 * <p>The arguments of the function are the first COLUMNS columns of the files. The results of
 * {@code x.arrows} are in {@code x.result.arrows}.
 */
final class ArrowUdf {
  private static final int FIXED_ARGUMENTS = 4;

  private ArrowUdf() {}

  public static void main(String[] arguments) throws Exception {
    if (arguments.length <= FIXED_ARGUMENTS + 1) {
      System.err.println("usage: ArrowUdf PYTHON WORKERS MODULE:FUNCTION TYPE COLUMNS FILE...");
      System.exit(2);
    }
    int workers = Integer.parseInt(arguments[1]);
    int[] columns = IntStream.range(0, Integer.parseInt(arguments[FIXED_ARGUMENTS])).toArray();
    List<Path> files = Arrays.stream(arguments).skip(FIXED_ARGUMENTS + 1).map(Path::of).toList();
    Function function = Function.reference(arguments[2]).returns(arguments[3]);
    ExecutorService threads = Executors.newFixedThreadPool(workers);
    try (Env env = Env.create(Map.of("spark.pyspark.python", arguments[0]));
        Runner runner =
            Runner.builder(EvalType.SQL_SCALAR_PANDAS_UDF)
                .env(env)
                .function(function, columns)
                // Where modules are looked for, in addition to the interpreter's own places.
                .include(Path.of("").toAbsolutePath())
                .build()) {
      List<Future<String>> tasks = new ArrayList<>();
      for (int i = 0; i < files.size(); i++) {
        int partition = i;
        tasks.add(threads.submit(() -> run(runner, partition, files.get(partition))));
      }
      for (Future<String> task : tasks) {
        System.out.println(task.get());
      }
    } catch (ExecutionException e) {
      if (!(e.getCause() instanceof UdfRunnerException error)) {
        throw e;
      }
      System.err.printf("error %d: %s%n%s", error.code(), error.getMessage(), error.stderrTail());
      System.exit(1);
    } finally {
      threads.shutdownNow();
    }
  }

  /** Runs the task of one file and gives its metrics. */
  private static String run(Runner runner, int partition, Path file) throws IOException {
    String name = file.getFileName().toString().replaceFirst("\\.arrows$", ".result.arrows");
    try (FileChannel source = FileChannel.open(file);
        FileChannel target =
            FileChannel.open(
                file.resolveSibling(name),
                StandardOpenOption.CREATE,
                StandardOpenOption.TRUNCATE_EXISTING,
                StandardOpenOption.WRITE)) {
      // Read by the library from where it is mapped.
      ByteBuffer stream = source.map(MapMode.READ_ONLY, 0, source.size());
      try (ResultIterator results =
              runner.compute(Input.records(List.of(stream).iterator()), partition);
          ReadableByteChannel bytes = results.channel()) {
        ByteBuffer buffer = ByteBuffer.allocateDirect(1 << 20);
        while (bytes.read(buffer) >= 0) {
          write(target, buffer.flip());
          buffer.clear();
        }
        // The end mark of an Arrow IPC stream.
        write(target, ByteBuffer.allocate(Long.BYTES).putInt(-1).putInt(0).flip());
        return file.getFileName() + " " + results.metrics();
      }
    }
  }

  private static void write(FileChannel target, ByteBuffer bytes) throws IOException {
    while (bytes.hasRemaining()) {
      target.write(bytes);
    }
  }
}
