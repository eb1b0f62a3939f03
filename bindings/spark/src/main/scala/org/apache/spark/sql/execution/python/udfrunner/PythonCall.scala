/* Licensed under the Apache License, Version 2.0. See LICENSE. */
package org.apache.spark.sql.execution.python.udfrunner

import java.io.File
import java.nio.file.Path

import scala.jdk.CollectionConverters._

import org.apache.spark.{SparkEnv, SparkFiles, TaskContext}
import org.apache.spark.api.python.ChainedPythonFunctions
import org.apache.spark.resource.ResourceProfile.{EXECUTOR_CORES_LOCAL_PROPERTY, PYSPARK_MEMORY_LOCAL_PROPERTY}
import org.apache.spark.sql.types.DataType
import org.udfrunner.{Argument, EvalType, Function, Runner}

/**
 * Functions of one operator and what they are run with: made by the driver, sent to executors with their tasks.
 *
 * @param chains the functions; the last of each gives the result
 * @param arguments the arguments of each chain, columns of the input
 * @param returns the type of each chain's result, as the worker sends it
 * @param conf what the session says to workers
 * @param artifacts the id of the session's files and modules
 */
private[udfrunner] case class PythonCall(
    evalType: Int,
    chains: Seq[ChainedPythonFunctions],
    arguments: Seq[Seq[Parameter]],
    returns: Seq[DataType],
    conf: Map[String, String],
    artifacts: Option[String]) {

  /** Spark, too, asks the first function for what all of them must have in common. */
  private def first = chains.head.funcs.head

  /** Where the updates of the functions' accumulators go, if any. */
  def accumulator = Option(first.accumulator)

  /** The runner of a task. */
  def runner(context: TaskContext): Runner = {
    val builder = Runner.builder(EvalType.of(evalType)).env(ExecutorEnv.get()).conf((conf ++ ofTask(context)).asJava)
    chains.zip(arguments).zip(returns).foreach { case ((chain, metadata), result) =>
      val functions = chain.funcs.map(f => Function.pickle(f.command.toArray))
      builder.chains(java.util.List.of((functions.init :+ functions.last.returns(result.json)).asJava))
      builder.arguments(java.util.List.of(metadata.map(a => new Argument(a.offset, a.name.orNull)).asJava))
    }
    val all = chains.flatMap(_.funcs)
    all.flatMap(_.pythonIncludes.asScala).distinct.foreach(include => builder.include(Path.of(include)))
    all.flatMap(_.broadcastVars.asScala).distinctBy(_.id).foreach { variable =>
      builder.broadcast(variable.id, Path.of(variable.value.path))
    }
    builder.build()
  }

  private def ofTask(context: TaskContext): Map[String, String] = {
    val conf = SparkEnv.get.conf
    val variables = first.envVars.asScala
    val files = artifacts.map(new File(SparkFiles.getRootDirectory(), _).getAbsolutePath)
    val threads = Option.when(conf.getOption("spark.executorEnv.OMP_NUM_THREADS").isEmpty) {
      "spark.executorEnv.OMP_NUM_THREADS" -> conf.get("spark.task.cpus", "1")
    }
    // Of the resource profile, or of the application.
    val memory = Option(context.getLocalProperty(PYSPARK_MEMORY_LOCAL_PROPERTY)).map { megabytes =>
      val cores = Option(context.getLocalProperty(EXECUTOR_CORES_LOCAL_PROPERTY))
        .getOrElse(conf.get("spark.executor.cores", "1"))
      "spark.executorEnv.PYSPARK_EXECUTOR_MEMORY_MB" -> (megabytes.toLong / cores.toInt).toString
    }
    variables.map { case (name, value) => s"spark.executorEnv.$name" -> value }.toMap ++ threads ++ memory ++ Map(
      "spark.pyspark.python" -> this.conf.getOrElse("spark.pyspark.python", first.pythonExec),
      "spark.executorEnv.PYTHONPATH" -> ExecutorEnv.pythonPath(variables.get("PYTHONPATH")),
      "spark.local.dir" -> SparkEnv.get.blockManager.diskBlockManager.localDirsString.mkString(","),
      "udfrunner.python.version" -> first.pythonVer,
      "udfrunner.files.directory" -> files.getOrElse(SparkFiles.getRootDirectory()),
      "udfrunner.job.artifactId" -> artifacts.getOrElse("default"))
  }
}

/** An argument of a chain: a column of the input, and the keyword by which it is passed, if it is. */
private[udfrunner] case class Parameter(offset: Int, name: Option[String])
