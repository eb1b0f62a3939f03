/* Licensed under the Apache License, Version 2.0. See LICENSE. */
package org.udfrunner.example;

import java.util.HashMap;
import java.util.Map;
import org.apache.spark.SparkConf;
import org.apache.spark.api.plugin.ExecutorPlugin;
import org.apache.spark.api.plugin.PluginContext;
import org.udfrunner.Env;

/**
 * The one {@link Env} of an executor's JVM: its workers serve all tasks of the executor. Spark
 * makes it and shuts it down; the library is loaded when the first task asks.
 */
final class ExecutorEnv implements ExecutorPlugin {
  private static volatile ExecutorEnv instance;

  private SparkConf conf;
  private Env env;

  /**
   * This JVM's.
   *
   * @throws IllegalStateException where the application did not name the plugin
   */
  static Env get() {
    ExecutorEnv current = instance;
    if (current == null) {
      throw new IllegalStateException(
          "no executor plugin: set spark.plugins to " + UdfRunnerPlugin.class.getName());
    }
    return current.env();
  }

  @Override
  public void init(PluginContext context, Map<String, String> extraConf) {
    conf = context.conf();
    instance = this;
  }

  private synchronized Env env() {
    if (conf == null) {
      throw new IllegalStateException("the executor shuts down");
    }
    if (env == null) {
      env = Env.create(settings(conf));
    }
    return env;
  }

  /** All of {@code spark.*}; the library keeps to the keys that it knows. */
  static Map<String, String> settings(SparkConf conf) {
    Map<String, String> settings = new HashMap<>();
    for (scala.Tuple2<String, String> pair : conf.getAll()) {
      settings.put(pair._1(), pair._2());
    }
    return settings;
  }

  @Override
  public synchronized void shutdown() {
    conf = null;
    if (instance == this) {
      instance = null;
    }
    if (env != null) {
      env.close();
      env = null;
    }
  }
}
