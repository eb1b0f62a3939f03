/* Licensed under the Apache License, Version 2.0. See LICENSE. */
package org.apache.spark.sql.execution.python.udfrunner

import scala.jdk.CollectionConverters._
import scala.util.control.NonFatal

import org.apache.spark.{SparkConf, SparkEnv}
import org.apache.spark.api.python.PythonUtils
import org.apache.spark.internal.Logging
import org.udfrunner.Env

/** The workers of this JVM's application, whichever class loaders its sessions have. */
object ExecutorEnv extends Logging {
  private var application: Option[String] = None
  private var env: Env = _

  /** The env of the application that runs now; that of one before is closed. */
  private[udfrunner] def get(): Env = of(SparkEnv.get.conf)

  private def of(conf: SparkConf): Env = synchronized {
    val id = conf.getOption("spark.app.id") // a local application has none yet when plugins start
    if (application.isDefined && id != application) {
      close()
    }
    if (env == null) {
      env = Env.shared(s"spark ${id.getOrElse("")}", Settings.ofExecutor(conf).asJava)
    }
    application = id
    env
  }

  /** Has a worker ready, in a thread of its own. A failure shows when a task wants one. */
  def warm(conf: SparkConf): Unit = {
    val thread = new Thread(() => {
      try {
        val python = conf.getOption("spark.pyspark.python").orElse(sys.env.get("PYSPARK_PYTHON"))
        of(conf).warm((Map("spark.executorEnv.PYTHONPATH" -> pythonPath(None)) ++
          python.map("spark.pyspark.python" -> _)).asJava)
      } catch {
        case NonFatal(e) => logWarning(s"no Python worker at the executor's start: ${e.getMessage}")
      }
    }, "udfrunner warm-up")
    thread.setDaemon(true)
    thread.start()
  }

  /** The PYTHONPATH that Spark gives a worker. */
  private[udfrunner] def pythonPath(ofFunction: Option[String]): String =
    PythonUtils.mergePythonPaths(
      PythonUtils.sparkPythonPath, ofFunction.getOrElse(""), sys.env.getOrElse("PYTHONPATH", ""))

  /** Ends the workers. */
  def close(): Unit = synchronized {
    if (env != null) {
      env.close()
      env = null
      application = None
    }
  }
}
