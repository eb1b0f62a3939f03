/* Licensed under the Apache License, Version 2.0. See LICENSE. */
/* How long each call takes, against what the header promises of it, while something is stuck. */
#include <stdio.h>
#include <stdlib.h>

#include "check.h"
#include "host.h"

/* What a busy machine may add: far above what a call takes that waits for nothing, far below every
 * limit that one could wait for. */
#define BUSY_SECONDS 1.0

/* The header's bounds in seconds; those that wait for nothing have a hundredth of a second. */
#define AT_ONCE 0.01
#define CLOSING 0.05
#define POLLING 0.1

#define WITHIN(seconds, call)                   \
  do {                                          \
    double began = now();                       \
    call;                                       \
    check_bound(seconds, now() - began, #call); \
  } while (0)

static void check_bound(double promised, double took, const char *call) {
  if (took <= promised + BUSY_SECONDS) return;
  char what[512];
  snprintf(what, sizeof what, "%.400s: %.0f ms promised, %.0f ms taken", call, promised * 1e3,
           took * 1e3);
  check(false, __FILE__, __LINE__, what);
}

/* What is stuck, and the function of capi_functions.py that has brought it about. */
typedef struct trouble {
  const char *name;
  const char *function;
  /* A process has stopped. */
  bool stops;
  /* The task may end by itself while it is looked at. */
  bool ends;
} trouble;

static const trouble troubles[] = {
    {"a function that sleeps", "sleeps", false, false},
    {"a stopped worker", "stops_itself", true, false},
    {"a stopped daemon", "stops_its_daemon", true, false},
    {"a worker that sends what is no result without end", "floods", false, false},
    {"a worker that dies", "killed", false, true},
    {"an exception of 400 MB", "fails_at_length", false, true},
};

static bool has_stopped(void *ignored) {
  (void)ignored;
  return count_workers_in('T') > 0;
}

/* Calls that are safe at any time, of a task that runs or has just ended. */
static void look(const trouble *stuck, udfrunner_env *env, udfrunner_iterator *it) {
  udfrunner_error *err = NULL;
  udfrunner_bytes bytes;
  struct ArrowSchema schema;
  int32_t fd, code = UDFRUNNER_OK;

  WITHIN(AT_ONCE, code = lib.iterator_schema(it, &schema, &err));
  CHECK_OK(code, err);
  schema.release(&schema);
  WITHIN(AT_ONCE, code = lib.iterator_event_fd(it, &fd, &err));
  CHECK_OK(code, err);
  WITHIN(AT_ONCE, code = lib.iterator_result(it, "metrics", &bytes, &err));
  CHECK_OK(code, err);
  lib.udfrunner_bytes_release(&bytes);
  WITHIN(AT_ONCE, code = lib.iterator_error(it, &err));
  CHECK(code == UDFRUNNER_OK || stuck->ends);
  lib.udfrunner_error_destroy(&err);
  WITHIN(AT_ONCE, code = lib.udfrunner_env_stats(env, &bytes, &err));
  CHECK_OK(code, err);
  lib.udfrunner_bytes_release(&bytes);
  for (int i = 0; i < 2; i++) {
    int64_t timeout = i == 0 ? 0 : 100;
    double promised = i == 0 ? AT_ONCE : POLLING;
    WITHIN(promised, code = lib.iterator_stack(it, timeout, &bytes, &err));
    CHECK(code == UDFRUNNER_OK || code == UDFRUNNER_TIMED_OUT || stuck->ends);
    lib.udfrunner_bytes_release(&bytes);
    lib.udfrunner_error_destroy(&err);
    WITHIN(promised, code = lib.udfrunner_log_next(env, timeout, &bytes, &err));
    CHECK(code == UDFRUNNER_OK || code == UDFRUNNER_TIMED_OUT);
    lib.udfrunner_bytes_release(&bytes);
  }
}

/* Reads without waiting, and for a while; true where the task goes on. */
static bool read_on(const trouble *stuck, udfrunner_iterator *it) {
  udfrunner_error *err = NULL;
  struct ArrowArray array;
  int32_t code = UDFRUNNER_OK;
  for (int i = 0; i < 4 && code >= UDFRUNNER_OK; i++) {
    int64_t timeout = i % 2 == 0 ? 0 : 100;
    double promised = i % 2 == 0 ? AT_ONCE : POLLING;
    WITHIN(promised, code = lib.iterator_next_arrow(it, timeout, &array, NULL, &err));
    CHECK(code == UDFRUNNER_TIMED_OUT || (stuck->ends && code < 0));
  }
  lib.udfrunner_error_destroy(&err);
  return code >= UDFRUNNER_OK;
}

/* A task of another runner begins and is given up, while the first is stuck. */
static void begin_and_close(udfrunner_env *env) {
  udfrunner_runner *runner = test_runner(env, UDFRUNNER_SQL_SCALAR_PANDAS_UDF, "plus_one", "long");
  numbers source = {.batches = 1, .rows = 3};
  struct ArrowArrayStream stream;
  udfrunner_input input = numbers_input(&source, &stream);
  udfrunner_iterator *it = NULL;
  udfrunner_error *err = NULL;
  int32_t code = UDFRUNNER_OK;
  WITHIN(AT_ONCE, code = lib.runner_compute(runner, &input, NULL, &it, &err));
  CHECK_OK(code, err);
  WITHIN(CLOSING, code = lib.iterator_close(&it));
  CHECK_INT(UDFRUNNER_OK, code);
  CHECK_INT(1, atomic_load(&source.released));
  WITHIN(CLOSING, code = lib.runner_destroy(&runner));
  CHECK_INT(UDFRUNNER_OK, code);
}

/* The most memory that this process has had, in bytes. */
static int64_t peak(void) {
  FILE *file = fopen("/proc/self/status", "re");
  CHECK(file != NULL);
  long long kib = 0;
  for (char line[256]; kib == 0 && fgets(line, sizeof line, file) != NULL;)
    if (sscanf(line, "VmHWM: %lld kB", &kib) != 1) kib = 0;
  fclose(file);
  return (int64_t)kib << 10;
}

/* More than is kept of anything that is no result, with what is needed beside that. */
#define MOST_KEPT (64 << 20)

/* `ends` is called with the env, the runner and the iterator, which it closes. */
static void under(const trouble *stuck,
                  void (*ends)(udfrunner_env **, udfrunner_runner **, udfrunner_iterator **)) {
  check_case(stuck->name);
  int64_t before = peak();
  udfrunner_env *env = test_env();
  udfrunner_runner *runner =
      test_runner(env, UDFRUNNER_SQL_SCALAR_PANDAS_UDF, stuck->function, "long");
  numbers source = {.batches = 1, .rows = 3};
  udfrunner_iterator *it = test_compute(runner, &source, NULL);
  udfrunner_error *err = NULL;
  struct ArrowArray array;
  /* The function is entered, or has had its effect. */
  CHECK_INT(UDFRUNNER_TIMED_OUT, lib.iterator_next_arrow(it, 0, &array, NULL, &err));
  for (int i = 0; i < 200 && atomic_load(&source.given) == 0; i++) {
    int32_t code = lib.iterator_next_arrow(it, 100, &array, NULL, &err);
    CHECK(code == UDFRUNNER_TIMED_OUT || (stuck->ends && code < 0));
    lib.udfrunner_error_destroy(&err);
  }
  if (stuck->stops) CHECK(wait_until(has_stopped, NULL));

  bool goes_on = true;
  double until = now() + 0.3;
  while (goes_on && now() < until) {
    look(stuck, env, it);
    goes_on = read_on(stuck, it);
  }
  begin_and_close(env);
  ends(&env, &runner, &it);
  CHECK_INT(1, atomic_load(&source.released));
  if (env != NULL) {
    int32_t code = UDFRUNNER_OK;
    WITHIN(CLOSING, code = lib.runner_destroy(&runner));
    CHECK_INT(UDFRUNNER_OK, code);
    WITHIN(CLOSING, code = lib.udfrunner_env_destroy(&env));
    CHECK_INT(UDFRUNNER_OK, code);
  }
  CHECK(peak() - before < MOST_KEPT);
  check_case(NULL);
}

static void by_cancel(udfrunner_env **env, udfrunner_runner **runner, udfrunner_iterator **it) {
  (void)env, (void)runner;
  udfrunner_error *err = NULL;
  struct ArrowArray array;
  int32_t code = UDFRUNNER_OK;
  WITHIN(AT_ONCE, code = lib.iterator_cancel(*it, "enough"));
  CHECK_INT(UDFRUNNER_OK, code);
  WITHIN(CLOSING, code = lib.iterator_next_arrow(*it, -1, &array, NULL, &err));
  CHECK(code < 0);
  lib.udfrunner_error_destroy(&err);
  WITHIN(CLOSING, code = lib.iterator_close(it));
  CHECK_INT(UDFRUNNER_OK, code);
}

static void by_close(udfrunner_env **env, udfrunner_runner **runner, udfrunner_iterator **it) {
  (void)env, (void)runner;
  int32_t code = UDFRUNNER_OK;
  WITHIN(CLOSING, code = lib.iterator_close(it));
  CHECK_INT(UDFRUNNER_OK, code);
}

static void by_the_runner(udfrunner_env **env, udfrunner_runner **runner, udfrunner_iterator **it) {
  int32_t code = UDFRUNNER_OK;
  WITHIN(AT_ONCE, code = lib.runner_cancel(*runner, "enough"));
  CHECK_INT(UDFRUNNER_OK, code);
  by_close(env, runner, it);
}

static void by_the_env(udfrunner_env **env, udfrunner_runner **runner, udfrunner_iterator **it) {
  int32_t code = UDFRUNNER_OK;
  WITHIN(CLOSING, code = lib.udfrunner_env_destroy(env));
  CHECK_INT(UDFRUNNER_OK, code);
  by_close(env, runner, it);
  WITHIN(CLOSING, code = lib.runner_destroy(runner));
  CHECK_INT(UDFRUNNER_OK, code);
}

#define EACH_TROUBLE(end)                                             \
  for (size_t i = 0; i < sizeof troubles / sizeof troubles[0]; i++) { \
    under(&troubles[i], end);                                         \
  }

static void calls_up_to_a_cancel(void) { EACH_TROUBLE(by_cancel) }
static void calls_up_to_a_close(void) { EACH_TROUBLE(by_close) }
static void calls_up_to_a_cancel_of_the_runner(void) { EACH_TROUBLE(by_the_runner) }
static void calls_up_to_the_end_of_the_env(void) { EACH_TROUBLE(by_the_env) }

/* -------------------------------------------------------------- A thousand tasks */

enum { TASKS = 1000 };

static int by_value(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

/* All are begun before the first is read. */
static void compute_of_a_thousand_tasks(void) {
  udfrunner_env *env = test_env();
  udfrunner_runner *runner = test_runner(env, UDFRUNNER_SQL_SCALAR_PANDAS_UDF, "plus_one", "long");
  static numbers sources[TASKS];
  static udfrunner_iterator *tasks[TASKS];
  static double took[TASKS];
  for (int i = 0; i < TASKS; i++) {
    sources[i] = (numbers){.batches = 1, .rows = 3};
    struct ArrowArrayStream stream;
    udfrunner_input input = numbers_input(&sources[i], &stream);
    udfrunner_error *err = NULL;
    double began = now();
    int32_t code = lib.runner_compute(runner, &input, NULL, &tasks[i], &err);
    took[i] = now() - began;
    CHECK_OK(code, err);
    check_bound(AT_ONCE, took[i], "runner_compute of many tasks");
  }
  for (int i = 0; i < TASKS; i++) {
    CHECK_INT(3, read_all(tasks[i], 1, 1));
    CHECK_INT(UDFRUNNER_OK, lib.iterator_close(&tasks[i]));
  }
  qsort(took, TASKS, sizeof took[0], by_value);
  printf("runner_compute of %d tasks: median %.3f ms, p99 %.3f ms, longest %.3f ms\n", TASKS,
         took[TASKS / 2] * 1e3, took[TASKS * 99 / 100] * 1e3, took[TASKS - 1] * 1e3);
  CHECK(took[TASKS / 2] <= AT_ONCE);
  CHECK_INT(UDFRUNNER_OK, lib.runner_destroy(&runner));
  CHECK_INT(UDFRUNNER_OK, lib.udfrunner_env_destroy(&env));
}

static void warm_up(void) { under(&troubles[0], by_cancel); }

int main(int argc, char **argv) {
  library_open();
  static const test tests[] = {TEST(calls_up_to_a_cancel), TEST(calls_up_to_a_close),
                               TEST(calls_up_to_a_cancel_of_the_runner),
                               TEST(calls_up_to_the_end_of_the_env),
                               TEST(compute_of_a_thousand_tasks)};
  return run_tests(tests, sizeof tests / sizeof tests[0], warm_up, argc, argv);
}
