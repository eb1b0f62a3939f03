/* Licensed under the Apache License, Version 2.0. See LICENSE. */
package org.apache.spark.sql.execution.python.udfrunner

import org.apache.spark.sql.types._

/** The types that cross to workers and back as they do in Spark. */
private[udfrunner] object Types {
  /** A type as it is stored, with user-defined types replaced by theirs. */
  def plain(t: DataType): DataType = t.transformRecursively { case udt: UserDefinedType[_] => plain(udt.sqlType) }

  /** Why a type can't be that of an argument, if so. */
  def refusedInput(t: DataType): Option[String] = refused(t).map(name => s"an argument of type $name")

  /** Why a type can't be that of a result, if so. */
  def refusedResult(t: DataType): Option[String] =
    refused(t).map(name => s"a result of type $name")
      .orElse(Option.when(hasNonNullable(t))(s"a result of type ${t.sql} with elements that can't be null"))

  private def refused(t: DataType): Option[String] = plain(t) match {
    case BooleanType | ByteType | ShortType | IntegerType | LongType | FloatType | DoubleType | BinaryType | DateType |
        TimestampType | TimestampNTZType | NullType => None
    case _: DecimalType | _: DayTimeIntervalType => None
    case s: StringType if s == StringType => None // neither a collation nor a length
    case ArrayType(element, _) => refused(element)
    case MapType(key, value, _) => refused(key).orElse(refused(value))
    case StructType(fields) => fields.iterator.flatMap(f => refused(f.dataType)).nextOption()
    case other => Some(other.sql)
  }

  /** Arrow data from Python says of nothing that it can't be null, so that Spark refuses it for such types. */
  private def hasNonNullable(t: DataType): Boolean = plain(t) match {
    case ArrayType(element, containsNull) => !containsNull || hasNonNullable(element)
    case MapType(key, value, containsNull) => !containsNull || hasNonNullable(key) || hasNonNullable(value)
    case StructType(fields) => fields.exists(f => !f.nullable || hasNonNullable(f.dataType))
    case _ => false
  }
}
