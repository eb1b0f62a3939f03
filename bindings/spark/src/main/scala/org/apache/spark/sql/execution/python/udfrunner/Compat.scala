/* Licensed under the Apache License, Version 2.0. See LICENSE. */
package org.apache.spark.sql.execution.python.udfrunner

import java.lang.reflect.InvocationTargetException

import org.apache.arrow.vector.types.pojo.Schema

import org.apache.spark.SparkException
import org.apache.spark.api.python.{PythonEvalType, PythonException}
import org.apache.spark.sql.execution.arrow.ArrowWriter
import org.apache.spark.sql.types.{DataType, StructType}
import org.apache.spark.sql.util.ArrowUtils

/** What differs between the minors of Spark. */
private[udfrunner] object Compat {
  /** Spark's schema of rows as Arrow's; refuses columns of equal names, as Spark does. */
  def arrowSchema(schema: StructType, timeZone: String, large: Boolean): Schema = {
    val arguments = Seq[Object](schema, timeZone)
    val plain = Seq[Object](Boolean.box(large))
    // 4.1 and later check the names apart from it.
    call(ArrowUtils, "failDuplicatedFieldNames", Seq(schema)) match {
      case Some(_) => call(ArrowUtils, "toArrowSchema", arguments ++ plain).get.asInstanceOf[Schema]
      case None => call(ArrowUtils, "toArrowSchema", arguments ++ (Boolean.box(true) +: plain)).get.asInstanceOf[Schema]
    }
  }

  /** The size of what a writer has: an Int in 4.0.1, a Long later. */
  def sizeInBytes(writer: ArrowWriter): Long = writerSize.invoke(writer).asInstanceOf[Number].longValue

  private val writerSize = classOf[ArrowWriter].getMethod("sizeInBytes")

  /** What users catch where a function raised. */
  def pythonException(traceback: String, cause: Throwable): Throwable =
    classOf[PythonException].getConstructors.find(_.getParameterCount == 2) match {
      case Some(old) => old.newInstance(traceback, cause).asInstanceOf[Throwable]
      case None =>
        val parameters = Map("msg" -> "An exception was thrown from the Python worker", "traceback" -> traceback)
        classOf[PythonException]
          .getConstructor(classOf[String], classOf[Map[_, _]], classOf[Throwable],
            classOf[Array[org.apache.spark.QueryContext]], classOf[String])
          .newInstance("PYTHON_EXCEPTION", parameters, cause, Array.empty[org.apache.spark.QueryContext], "")
    }

  /** What Spark says of results of other types than the declared ones. */
  def typeMismatch(evalType: Int, error: org.udfrunner.PythonException): Throwable = {
    def types(detail: String): Seq[DataType] = DataType.fromJson(error.details.get(detail)) match {
      case columns: StructType if !isMap(evalType) => columns.fields.map(_.dataType).toSeq
      case other => Seq(other)
    }
    try {
      val (declared, actual) = (types("result.declared"), types("result.actual"))
      val operation = if (isMap(evalType)) PythonEvalType.toString(evalType) else "pandas_udf()"
      val errors = org.apache.spark.sql.errors.QueryExecutionErrors
      call(errors, "arrowDataTypeMismatchError", Seq(operation, declared, actual)) match {
        case Some(e: Throwable) =>
          e.initCause(error)
          e
        case _ =>
          new AssertionError("assertion failed: Invalid schema from arrow-enabled Python UDTF: expected " +
            s"${declared.mkString(", ")}, got ${actual.mkString(", ")}", error)
      }
    } catch {
      case _: SparkException => pythonException(error.getMessage, error) // Spark has no such type
    }
  }

  private def isMap(evalType: Int): Boolean =
    evalType == PythonEvalType.SQL_MAP_PANDAS_ITER_UDF || evalType == PythonEvalType.SQL_MAP_ARROW_ITER_UDF

  /** Calls the method of that name and number of parameters, if there is one. */
  def call(target: AnyRef, name: String, arguments: Seq[Any]): Option[Any] =
    target.getClass.getMethods.find(m => m.getName == name && m.getParameterCount == arguments.length).map { method =>
      try {
        method.invoke(target, arguments.map(_.asInstanceOf[Object]): _*)
      } catch {
        case e: InvocationTargetException => throw e.getCause
      }
    }
}
