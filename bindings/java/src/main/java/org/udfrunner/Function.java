/* Licensed under the Apache License, Version 2.0. See LICENSE. */
package org.udfrunner;

import java.util.Objects;

/**
 * A Python function: pickled bytes, or a reference. Immutable.
 *
 * @since 1.0
 */
public final class Function {
  private final byte[] pickle;
  private final String reference;
  private final String returnType;
  private final long returnSchema;
  private final TableFunction table;

  private Function(
      byte[] pickle, String reference, String returnType, long returnSchema, TableFunction table) {
    this.pickle = pickle;
    this.reference = reference;
    this.returnType = returnType;
    this.returnSchema = returnSchema;
    this.table = table;
  }

  /**
   * What Spark's {@code PythonFunction.command} holds: the pickled tuple (function, return type),
   * made with cloudpickle by a Python of the worker's minor version; for {@link EvalType#NON_UDF}
   * the tuple (function, profiler, deserializer, serializer), for table functions the handler
   * class.
   *
   * @param pickle the bytes; not copied, do not change them
   * @return the function, without a return type
   */
  public static Function pickle(byte[] pickle) {
    return new Function(Objects.requireNonNull(pickle, "pickle"), null, null, 0, null);
  }

  /**
   * A function that the worker imports.
   *
   * @param reference {@code "module:qualname"}: a plain function, an object made by PySpark's udf,
   *     pandas_udf, arrow_udf or udtf, or a table function's class. Not for {@link
   *     EvalType#NON_UDF}
   * @return the function, without a return type
   */
  public static Function reference(String reference) {
    return new Function(null, Objects.requireNonNull(reference, "reference"), null, 0, null);
  }

  /**
   * The same function with a return type, which the last of a chain needs (eval type 0 has none).
   *
   * @param type Spark DDL ({@code "long"}, {@code "a int, b string"}) or JSON text; of functions
   *     that give rows of columns their columns
   * @return the function
   */
  public Function returns(String type) {
    return new Function(pickle, reference, Objects.requireNonNull(type, "type"), 0, table);
  }

  /**
   * The same function with a return type as an Arrow schema.
   *
   * @param schema the address of a C {@code struct ArrowSchema}, read when the runner is built and
   *     left to the caller; of functions that give rows of columns a struct of the columns
   * @return the function
   */
  public Function returnsSchema(long schema) {
    return new Function(pickle, reference, null, schema, table);
  }

  /**
   * The same function as a table function.
   *
   * @param table what it has in addition to its handler class
   * @return the function
   */
  public Function asTable(TableFunction table) {
    return new Function(pickle, reference, returnType, returnSchema, table);
  }

  /** Packs it as marshal.c reads it. */
  void pack(Packer out) {
    out.putBytes(pickle);
    out.putText(reference);
    out.putText(returnType);
    out.putLong(returnSchema);
    out.putInt(table == null ? 0 : 1);
    if (table != null) {
      out.putText(table.name());
      out.putInts(table.partitionChildren());
      out.putBytes(table.analyzeResult());
      out.putInts(table.tableArguments());
    }
  }

  @Override
  public String toString() {
    String what = reference == null ? "pickle of " + pickle.length + " bytes" : reference;
    return returnType == null ? what : what + " -> " + returnType;
  }
}
