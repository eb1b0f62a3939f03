/* Licensed under the Apache License, Version 2.0. See LICENSE. */
package org.udfrunner.spark

import java.util.{Map => JMap}

import org.apache.spark.api.plugin.{DriverPlugin, ExecutorPlugin, PluginContext, SparkPlugin}
import org.apache.spark.sql.execution.python.udfrunner.ExecutorEnv

/**
 * What `spark.plugins` may name beside [[UdfRunnerExtensions]]: an executor has workers from its start on, so that the
 * first stage need not wait for them, and ends them when it is shut down.
 */
final class UdfRunnerPlugin extends SparkPlugin {
  override def driverPlugin(): DriverPlugin = null

  override def executorPlugin(): ExecutorPlugin = new ExecutorPlugin {
    override def init(context: PluginContext, extraConf: JMap[String, String]): Unit =
      ExecutorEnv.warm(context.conf)

    override def shutdown(): Unit = ExecutorEnv.close()
  }
}
