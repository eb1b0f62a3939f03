/* Licensed under the Apache License, Version 2.0. See LICENSE. */
/* What a host can see of a worker: its Python stack, and the lines that it writes. */
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "host.h"

static void stack_of_a_stuck_worker(void) {
  udfrunner_env *env = test_env();
  udfrunner_runner *runner = test_runner(env, UDFRUNNER_SQL_SCALAR_PANDAS_UDF, "sleeps", "long");
  numbers source = {.batches = 1, .rows = 1};
  udfrunner_iterator *it = test_compute(runner, &source, NULL);
  udfrunner_error *err;
  udfrunner_bytes bytes;
  struct ArrowArray array;
  bool seen = false;
  for (int i = 0; i < 2000 && !seen; i++) { /* until the function is entered */
    CHECK_INT(UDFRUNNER_TIMED_OUT, lib.iterator_next_arrow(it, 10, &array, NULL, &err));
    int32_t code = lib.iterator_stack(it, 10, &bytes, &err);
    CHECK(code == UDFRUNNER_OK || code == UDFRUNNER_TIMED_OUT);
    CHECK((code == UDFRUNNER_OK) == (bytes.data != NULL));
    if (code == UDFRUNNER_OK) CHECK(bytes.size == strlen(bytes.data));
    seen = code == UDFRUNNER_OK && strstr(bytes.data, "in sleeps") != NULL;
    lib.udfrunner_bytes_release(&bytes);
  }
  CHECK(seen);

  CHECK_INT(UDFRUNNER_OK, lib.iterator_cancel(it, NULL));
  CHECK_FAILS(UDFRUNNER_CANCELLED, lib.iterator_next_arrow(it, -1, &array, NULL, &err), err);
  CHECK_FAILS(UDFRUNNER_INVALID_STATE, lib.iterator_stack(it, 0, &bytes, &err), err);
  lib.iterator_close(&it);
  lib.runner_destroy(&runner);
  lib.udfrunner_env_destroy(&env);
}

static void lines_of_a_task(void) {
  udfrunner_env *env = test_env();
  udfrunner_error *err;
  udfrunner_bytes bytes;
  CHECK_INT(UDFRUNNER_TIMED_OUT, lib.udfrunner_log_next(env, 0, &bytes, &err));
  CHECK(bytes.data == NULL);
  CHECK_INT(UDFRUNNER_TIMED_OUT, lib.udfrunner_log_next(NULL, 0, &bytes, &err));

  udfrunner_runner *runner = test_runner(env, UDFRUNNER_SQL_SCALAR_PANDAS_UDF, "says", "long");
  numbers source = {.batches = 1, .rows = 3};
  udfrunner_task task = {.size = sizeof task, .partition = 7, .task_attempt_id = 70};
  udfrunner_iterator *it = test_compute(runner, &source, &task);
  CHECK_INT(3, read_all(it, 1, 0));
  bool seen = false;
  while (!seen) {
    CHECK_OK(lib.udfrunner_log_next(env, 20000, &bytes, &err), err);
    CHECK(bytes.data[bytes.size - 1] == '\n');
    const char *line = strstr(bytes.data, "\"text\":\"rows: 3\"");
    seen = line != NULL;
    if (seen) {
      while (line > bytes.data && line[-1] != '\n') line--;
      CHECK(strstr(line, "\"partition\":7,") != NULL);
      CHECK(strstr(line, "\"task\":70,") != NULL);
      CHECK(strstr(line, "\"stream\":\"stdout\"") != NULL);
    }
    lib.udfrunner_bytes_release(&bytes);
  }
  lib.iterator_close(&it);
  lib.runner_destroy(&runner);

  log_puller puller = {.env = env};
  pthread_t pulling = start(pull_log, &puller);
  lib.udfrunner_env_destroy(&env);
  join(pulling);
}

int main(int argc, char **argv) {
  library_open();
  static const test tests[] = {TEST(stack_of_a_stuck_worker), TEST(lines_of_a_task)};
  return run_tests(tests, sizeof tests / sizeof tests[0], lines_of_a_task, argc, argv);
}
