/* Licensed under the Apache License, Version 2.0. See LICENSE. */
/* Envs of different keys, and their runners. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../check.h"
#include "../host.h"
#include "chaos.h"

static struct {
  udfrunner_env *env;
  udfrunner_runner *runners[KINDS];
  log_puller puller;
  pthread_t pulling;
} places[PLACES];

static udfrunner_pair pair(const char *key, const char *value) {
  return (udfrunner_pair){key, UDFRUNNER_NUL, value, UDFRUNNER_NUL};
}

/* Up to a pair without a key. */
static const struct {
  const char *key, *value;
} keys[PLACES][10] = {
    [NARROW] = {{"udfrunner.worker.recycle.tasks", "20"},
                {"spark.python.factory.idleWorkerMaxPoolSize", "2"},
                {"udfrunner.worker.spares", "1"},
                {"udfrunner.exception.text", "1k"},
                {"udfrunner.exception.message", "40"},
                {"udfrunner.accumulators.count", "100"},
                {"udfrunner.log.buffer", "4096"},
                {"udfrunner.log.rate", "1k"},
                {"spark.sql.execution.arrow.maxRecordsPerBatch", "7"}},
    [STOCK] = {{"spark.python.daemon.module", "pyspark.daemon"}},
    [SIMPLE] = {{"spark.python.use.daemon", "false"}},
    [LIAR] = {{"spark.python.daemon.module", "chaos_liar"}},
};

static udfrunner_env *make_env(enum place place) {
  char functions[4096];
  CHECK(getcwd(functions, sizeof functions - 32) != NULL);
  strcat(functions, "/capi/tests/chaos/python");
  udfrunner_pair pairs[12] = {pair("spark.pyspark.python", test_python()),
                              pair("spark.executorEnv.PYTHONPATH", functions)};
  size_t n = 2;
  for (size_t i = 0; keys[place][i].key != NULL; i++)
    pairs[n++] = pair(keys[place][i].key, keys[place][i].value);
  udfrunner_env *env;
  udfrunner_error *err;
  CHECK_OK(lib.udfrunner_env_create(pairs, n, &env, &err), err);
  return env;
}

static udfrunner_runner *make_runner(udfrunner_env *env, enum kind kind) {
  udfrunner_runner *runner;
  udfrunner_error *err;
  char reference[128];
  snprintf(reference, sizeof reference, "chaos_functions:%s", kinds[kind].function);
  udfrunner_function f = {.size = sizeof f,
                          .reference = reference,
                          .reference_size = UDFRUNNER_NUL,
                          .return_type = kinds[kind].return_type,
                          .return_type_size = UDFRUNNER_NUL};
  const udfrunner_argument arguments[] = {{0, NULL, 0}, {1, NULL, 0}};
  CHECK_OK(lib.runner_create(env, kinds[kind].eval_type, &runner, &err), err);
  CHECK_OK(lib.runner_add_function(runner, &f, 1, arguments, kinds[kind].arguments ? 2 : 0, &err),
           err);
  return runner;
}

void open_places(void) {
  for (int place = 0; place < OWN; place++) {
    places[place].env = make_env((enum place)place);
    for (int kind = 0; kind < KINDS; kind++)
      places[place].runners[kind] = make_runner(places[place].env, (enum kind)kind);
    places[place].puller.env = places[place].env;
    places[place].pulling = start(pull_log, &places[place].puller);
  }
}

void take_place(struct task *task) {
  bool own = task->place == OWN;
  task->env = own ? make_env(OWN) : places[task->place].env;
  bool runner = own || task->act == DESTROY_MEANWHILE;
  task->runner =
      runner ? make_runner(task->env, task->kind) : places[task->place].runners[task->kind];
}

void give_place_back(struct task *task) {
  bool own = task->place == OWN;
  if (own || task->act == DESTROY_MEANWHILE) WATCHED(task, 50, lib.runner_destroy(&task->runner));
  if (own) WATCHED(task, 50, lib.udfrunner_env_destroy(&task->env));
}

/* What statistics say of tasks. */
static long long counter(const char *stats, const char *name) {
  const char *at = strstr(stats, name);
  CHECK(at != NULL);
  return atoll(at + strlen(name));
}

static bool no_task_runs(void *env) {
  udfrunner_bytes bytes;
  udfrunner_error *err;
  CHECK_OK(lib.udfrunner_env_stats(env, &bytes, &err), err);
  bool none = counter(bytes.data, "\"running\":") == 0;
  CHECK(!none || counter(bytes.data, "\"started\":") == counter(bytes.data, "\"done\":") +
                                                            counter(bytes.data, "\"failed\":") +
                                                            counter(bytes.data, "\"closed\":"));
  lib.udfrunner_bytes_release(&bytes);
  return none;
}

void close_places(void) {
  for (int place = 0; place < OWN; place++) {
    CHECK(wait_until(no_task_runs, places[place].env));
    for (int kind = 0; kind < KINDS; kind++)
      CHECK_INT(UDFRUNNER_OK, lib.runner_destroy(&places[place].runners[kind]));
    udfrunner_env *gone = places[place].env;
    CHECK_INT(UDFRUNNER_OK, WATCHED(NULL, 50, lib.udfrunner_env_destroy(&places[place].env)));
    join(places[place].pulling);
    udfrunner_bytes bytes;
    CHECK_INT(UDFRUNNER_INVALID_HANDLE, lib.udfrunner_env_stats(gone, &bytes, NULL));
  }
}
