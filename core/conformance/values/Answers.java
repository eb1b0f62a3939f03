import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Iterator;
import java.util.List;
import org.apache.spark.api.java.JavaRDD;
import org.apache.spark.api.java.function.FlatMapFunction;

/** Collects the rows of a query whose tasks may fail: a task that fails is one record, its error. */
public final class Answers {
  private static final class Guarded implements FlatMapFunction<Iterator<byte[]>, byte[]> {
    @Override
    public Iterator<byte[]> call(Iterator<byte[]> records) {
      List<byte[]> found = new ArrayList<>();
      try {
        records.forEachRemaining(found::add);
        return found.iterator();
      } catch (Throwable error) {
        return Collections.singletonList(text(error).getBytes(StandardCharsets.UTF_8)).iterator();
      }
    }
  }

  private Answers() {}

  /** The pickled rows of all partitions, or a "!" and the error where one failed. */
  public static List<byte[]> collect(JavaRDD<byte[]> pickled) {
    return pickled.mapPartitions(new Guarded()).collect();
  }

  /** The error of the Python worker where there is one, else the one that all others came from. */
  private static String text(Throwable error) {
    Throwable cause = error;
    while (true) {
      String message = String.valueOf(cause.getMessage());
      if (cause.getCause() == null || message.contains("Traceback (most recent call last)")) {
        return "!" + cause.getClass().getSimpleName() + ": " + message;
      }
      cause = cause.getCause();
    }
  }
}
