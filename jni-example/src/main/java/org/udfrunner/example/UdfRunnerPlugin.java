/* Licensed under the Apache License, Version 2.0. See LICENSE. */
package org.udfrunner.example;

import org.apache.spark.api.plugin.DriverPlugin;
import org.apache.spark.api.plugin.ExecutorPlugin;
import org.apache.spark.api.plugin.SparkPlugin;

/**
 * What {@code spark.plugins} names: gives each executor its worker processes, and ends them with
 * it.
 */
public final class UdfRunnerPlugin implements SparkPlugin {
  /** For Spark. */
  public UdfRunnerPlugin() {}

  @Override
  public DriverPlugin driverPlugin() {
    return null;
  }

  @Override
  public ExecutorPlugin executorPlugin() {
    return new ExecutorEnv();
  }
}
