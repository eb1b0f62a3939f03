/* Licensed under the Apache License, Version 2.0. See LICENSE. */
package org.apache.spark.sql.execution.python.udfrunner

import scala.jdk.CollectionConverters._

import org.apache.spark.SparkConf
import org.apache.spark.sql.internal.SQLConf
import org.udfrunner.Env

/** What users set, and what of it the library is told. */
private[udfrunner] object Settings {
  private val Prefix = "spark.udfrunner."

  /** What stands for an optional value that is not set. */
  private val Undefined = "<undefined>"

  /** Whether operators are replaced at all, and those of a name. */
  def enabled(conf: SQLConf, operator: String): Boolean =
    flag(conf, "enabled") && flag(conf, s"operator.$operator.enabled")

  /** Whether an operator that can't be replaced is an error. */
  def strict(conf: SQLConf): Boolean = conf.getConfString(Prefix + "fallback", "stock") match {
    case "stock" => false
    case "error" => true
    case other =>
      throw new IllegalArgumentException(s"${Prefix}fallback=$other: allowed are stock and error")
  }

  private def flag(conf: SQLConf, name: String): Boolean =
    conf.getConfString(Prefix + name, "true") match {
      case "true" => true
      case "false" => false
      case other => throw new IllegalArgumentException(s"$Prefix$name=$other: allowed are true and false")
    }

  /** The env's part of an application's configuration; `spark.udfrunner.X` is the library's `udfrunner.X`. */
  def ofExecutor(conf: SparkConf): Map[String, String] =
    conf.getAll.toMap
      // The daemon that Spark itself would use; the embedded one speaks more than its protocol.
      .filterNot { case (key, value) => key == "spark.python.daemon.module" && value == "udfrunner.spark_daemon" }
      .filterNot(_._1.startsWith("spark.sql."))
      .map {
        case (key, value) if key.startsWith(Prefix) && isOurs(key) => key.stripPrefix("spark.") -> value
        case pair => pair
      }

  private lazy val known = Env.configurationKeys().asScala.toSet

  private def isOurs(key: String): Boolean = known(key.stripPrefix("spark."))

  /** A session's SQL configuration, defaults included, as far as workers depend on it. */
  def ofSession(conf: SQLConf): Map[String, String] =
    known.iterator.filter(_.startsWith("spark.sql.")).flatMap { key =>
      try {
        Some(key -> conf.getConfString(key)).filter { case (_, value) => value != null && value != Undefined }
      } catch {
        case _: NoSuchElementException => None // a key of another version
      }
    }.toMap
}
