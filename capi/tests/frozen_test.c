/* Licensed under the Apache License, Version 2.0. See LICENSE. */
/* A host of version 1.0: compiled, with its helpers, against abi-1.0/udfrunner.h, which is the header of that version
 * and never changes, and run against today's library. */
#include <stddef.h>
#include <string.h>

#include "check.h"
#include "host.h"

_Static_assert(UDFRUNNER_ABI_VERSION == 0x00010000u, "the header of version 1.0");
_Static_assert(sizeof(udfrunner_function) == 72, "size in version 1.0");
_Static_assert(sizeof(udfrunner_table_function) == 72, "size in version 1.0");
_Static_assert(sizeof(udfrunner_input) == 56, "size in version 1.0");
_Static_assert(sizeof(udfrunner_task) == 112, "size in version 1.0");

/* A struct with memory behind it that is not its own: a later library must not take it for members that it knows. */
#define FOLLOWED(type, name, ...)  \
  struct {                         \
    type known;                    \
    unsigned char beyond[256];     \
  } name = {.known = __VA_ARGS__}; \
  memset(name.beyond, 0x5a, sizeof name.beyond)

static udfrunner_env *env;

static void versions(void) {
  uint32_t found = lib.udfrunner_abi_version();
  CHECK_INT(1, found >> 16);
}

static udfrunner_iterator *compute(udfrunner_runner *runner, numbers *source,
                                   const udfrunner_task *task) {
  struct ArrowArrayStream stream;
  FOLLOWED(udfrunner_input, input, numbers_input(source, &stream));
  udfrunner_iterator *it;
  udfrunner_error *err;
  CHECK_OK(lib.runner_compute(runner, &input.known, task, &it, &err), err);
  return it;
}

/* A chain of two functions, the second one's struct right behind the first one's. */
static void chain(void) {
  env = test_env();
  udfrunner_runner *runner;
  udfrunner_error *err;
  CHECK_OK(lib.runner_create(env, UDFRUNNER_SQL_SCALAR_PANDAS_UDF, &runner, &err), err);
  udfrunner_function one = {.size = sizeof one,
                            .reference = "capi_functions:plus_one",
                            .reference_size = UDFRUNNER_NUL,
                            .return_type = "long",
                            .return_type_size = UDFRUNNER_NUL};
  udfrunner_function functions[] = {one, one};
  udfrunner_argument argument = {0, NULL, 0};
  CHECK_OK(lib.runner_add_function(runner, functions, 2, &argument, 1, &err), err);
  include_functions(runner);
  FOLLOWED(udfrunner_task, task, {.size = sizeof task.known, .partition = 3});
  numbers source = {.batches = 2, .rows = 10};
  udfrunner_iterator *it = compute(runner, &source, &task.known);
  CHECK_INT(20, read_all(it, 1, 2));
  CHECK_INT(UDFRUNNER_OK, lib.iterator_close(&it));
  CHECK_INT(UDFRUNNER_OK, lib.runner_destroy(&runner));
  CHECK_INT(UDFRUNNER_OK, lib.udfrunner_env_destroy(&env));
}

static void table_function(void) {
  env = test_env();
  udfrunner_runner *runner;
  udfrunner_error *err;
  FOLLOWED(udfrunner_table_function, table,
           {.size = sizeof table.known, .name = "twice", .name_size = UDFRUNNER_NUL});
  FOLLOWED(udfrunner_function, f,
           {.size = sizeof f.known,
            .reference = "capi_functions:Twice",
            .reference_size = UDFRUNNER_NUL,
            .return_type = "x long, y long",
            .return_type_size = UDFRUNNER_NUL,
            .table = &table.known});
  CHECK_OK(lib.runner_create(env, UDFRUNNER_SQL_ARROW_TABLE_UDF, &runner, &err), err);
  udfrunner_argument argument = {0, NULL, 0};
  CHECK_OK(lib.runner_add_function(runner, &f.known, 1, &argument, 1, &err), err);
  include_functions(runner);
  numbers source = {.batches = 1, .rows = 3};
  udfrunner_iterator *it = compute(runner, &source, NULL);
  int64_t rows = 0;
  struct ArrowArray array;
  int32_t code;
  while ((code = lib.iterator_next_arrow(it, -1, &array, NULL, &err)) == UDFRUNNER_OK) {
    rows += array.length;
    array.release(&array);
  }
  CHECK_OK(code == UDFRUNNER_DONE ? UDFRUNNER_OK : code, err);
  CHECK_INT(6, rows);
  CHECK_INT(UDFRUNNER_OK, lib.iterator_close(&it));
  CHECK_INT(UDFRUNNER_OK, lib.runner_destroy(&runner));
  CHECK_INT(UDFRUNNER_OK, lib.udfrunner_env_destroy(&env));
}

/* Errors are read by the keys that this host knows. */
static void errors(void) {
  env = test_env();
  udfrunner_runner *runner =
      test_runner(env, UDFRUNNER_SQL_SCALAR_PANDAS_UDF, "told_to_fail", "long");
  numbers source = {.batches = 1, .rows = 1};
  FOLLOWED(udfrunner_task, task, {.size = sizeof task.known, .partition = 3});
  udfrunner_iterator *it = compute(runner, &source, &task.known);
  struct ArrowArray array;
  udfrunner_error *err;
  CHECK_INT(UDFRUNNER_PYTHON_EXCEPTION, lib.iterator_next_arrow(it, -1, &array, NULL, &err));
  CHECK_TEXT("exception", lib.udfrunner_error_detail(err, "cause"));
  CHECK_TEXT("3", lib.udfrunner_error_detail(err, "task.partition"));
  lib.udfrunner_error_destroy(&err);
  CHECK_INT(UDFRUNNER_OK, lib.iterator_close(&it));
  CHECK_INT(UDFRUNNER_OK, lib.runner_destroy(&runner));
  CHECK_INT(UDFRUNNER_OK, lib.udfrunner_env_destroy(&env));
}

int main(int argc, char **argv) {
  library_open();
  static const test tests[] = {TEST(versions), TEST(chain), TEST(table_function), TEST(errors)};
  return run_tests(tests, sizeof tests / sizeof tests[0], chain, argc, argv);
}
