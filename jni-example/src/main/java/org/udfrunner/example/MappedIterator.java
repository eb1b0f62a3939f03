/* Licensed under the Apache License, Version 2.0. See LICENSE. */
package org.udfrunner.example;

import java.util.Iterator;
import java.util.function.UnaryOperator;
import org.apache.spark.sql.catalyst.InternalRow;

/** Rows, each made from one of another iterator when it is asked for. */
record MappedIterator(Iterator<InternalRow> rows, UnaryOperator<InternalRow> function)
    implements Iterator<InternalRow> {
  @Override
  public boolean hasNext() {
    return rows.hasNext();
  }

  @Override
  public InternalRow next() {
    return function.apply(rows.next());
  }
}
