/* Licensed under the Apache License, Version 2.0. See LICENSE. */
/* Panics inside the library: the host lives, the object is unusable, others go on. Runs
 * against a library built with the tag panichook. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "host.h"

static void (*panic_in)(const char *function);

#define RUNNER() test_runner(env, UDFRUNNER_SQL_SCALAR_PANDAS_UDF, "plus_one", "long")

static void works(udfrunner_env *env) {
  udfrunner_runner *runner = RUNNER();
  numbers source = {.batches = 2, .rows = 10};
  udfrunner_iterator *it = test_compute(runner, &source, NULL);
  CHECK_INT(20, read_all(it, 1, 1));
  lib.iterator_close(&it);
  lib.runner_destroy(&runner);
}

static void in_an_iterator(void) {
  udfrunner_env *env = test_env();
  udfrunner_runner *runner = RUNNER();
  numbers source = {.batches = 2, .rows = 10};
  numbers other_source = source;
  udfrunner_iterator *it = test_compute(runner, &source, NULL);
  udfrunner_iterator *other = test_compute(runner, &other_source, NULL);
  struct ArrowArray array;
  udfrunner_error *err;
  panic_in("iterator_next_arrow");
  CHECK_INT(UDFRUNNER_INTERNAL, lib.iterator_next_arrow(it, -1, &array, NULL, &err));
  CHECK(array.release == NULL);
  CHECK_HOLDS("nil pointer", lib.udfrunner_error_message(err));
  CHECK_HOLDS("goroutine", lib.udfrunner_error_detail(err, "go.panic"));
  const char *key;
  const char *stack = NULL;
  for (size_t i = 0; lib.udfrunner_error_detail_at(err, i, &key, NULL) == UDFRUNNER_OK; i++) {
    if (strcmp(key, "go.panic") == 0) lib.udfrunner_error_detail_at(err, i, NULL, &stack);
  }
  CHECK_HOLDS("goroutine", stack);
  CHECK_ERROR(UDFRUNNER_INTERNAL, err);

  /* It stays unusable, also after a good call of another function would have worked. */
  struct ArrowSchema schema;
  CHECK_INT(UDFRUNNER_INTERNAL, lib.iterator_schema(it, &schema, &err));
  CHECK_HOLDS("goroutine", lib.udfrunner_error_detail(err, "go.panic"));
  CHECK_ERROR(UDFRUNNER_INTERNAL, err);
  CHECK_FAILS(UDFRUNNER_INTERNAL, lib.iterator_next_arrow(it, -1, &array, NULL, &err), err);
  CHECK_INT(UDFRUNNER_INTERNAL, lib.iterator_cancel(it, NULL));

  /* The other task goes on, and so do runner and env. */
  CHECK_INT(20, read_all(other, 1, 1));
  works(env);
  CHECK_INT(UDFRUNNER_OK, lib.iterator_close(&it));
  CHECK_INT(1, source.released);
  lib.iterator_close(&other);
  lib.runner_destroy(&runner);
  lib.udfrunner_env_destroy(&env);
}

static void in_a_runner(void) {
  udfrunner_env *env = test_env();
  udfrunner_runner *runner = RUNNER();
  numbers source = {.batches = 2, .rows = 10};
  udfrunner_iterator *it = test_compute(runner, &source, NULL);
  udfrunner_iterator *none;
  udfrunner_error *err;
  struct ArrowArray array;
  panic_in("runner_compute");
  CHECK_FAILS(UDFRUNNER_INTERNAL, lib.runner_compute(runner, NULL, NULL, &none, &err), err);
  CHECK(none == NULL);
  CHECK_FAILS(UDFRUNNER_INTERNAL, lib.runner_compute(runner, NULL, NULL, &none, &err), err);
  CHECK_FAILS(UDFRUNNER_INTERNAL, lib.iterator_next_arrow(it, -1, &array, NULL, &err), err);
  works(env);
  lib.iterator_close(&it);
  CHECK_INT(UDFRUNNER_OK, lib.runner_destroy(&runner));
  lib.udfrunner_env_destroy(&env);
}

static void in_an_env(void) {
  udfrunner_env *env = test_env();
  udfrunner_env *other = test_env();
  udfrunner_runner *runner = RUNNER();
  udfrunner_bytes bytes;
  udfrunner_error *err;
  panic_in("udfrunner_env_stats");
  CHECK_FAILS(UDFRUNNER_INTERNAL, lib.udfrunner_env_stats(env, &bytes, &err), err);
  CHECK_FAILS(UDFRUNNER_INTERNAL, lib.runner_set(runner, "a", 1, "b", 1, &err), err);
  works(other);
  lib.runner_destroy(&runner);
  CHECK_INT(UDFRUNNER_OK, lib.udfrunner_env_destroy(&env));
  lib.udfrunner_env_destroy(&other);
}

static void in_no_object(void) {
  udfrunner_env *env;
  udfrunner_error *err;
  panic_in("udfrunner_env_create");
  CHECK_FAILS(UDFRUNNER_INTERNAL, lib.udfrunner_env_create(NULL, 0, &env, &err), err);
  CHECK(env == NULL);
  panic_in("udfrunner_shutdown");
  CHECK_INT(UDFRUNNER_INTERNAL, lib.udfrunner_shutdown(0));
  CHECK_INT(UDFRUNNER_OK, lib.udfrunner_shutdown(-1));
  env = test_env();
  works(env);
  lib.udfrunner_env_destroy(&env);
}

static void in_a_stream(void) {
  udfrunner_env *env = test_env();
  udfrunner_runner *runner = RUNNER();
  numbers source = {.batches = 2, .rows = 10};
  udfrunner_iterator *it = test_compute(runner, &source, NULL);
  struct ArrowArrayStream stream;
  struct ArrowArray array;
  udfrunner_error *err;
  CHECK_OK(lib.iterator_export(it, &stream, &err), err);
  panic_in("stream get_next");
  CHECK_INT(EIO, stream.get_next(&stream, &array));
  CHECK_HOLDS("nil pointer", stream.get_last_error(&stream));
  CHECK_FAILS(UDFRUNNER_INTERNAL, lib.iterator_error(it, &err), err);
  stream.release(&stream);
  lib.iterator_close(&it);
  CHECK_INT(1, source.released);
  works(env);
  lib.runner_destroy(&runner);
  lib.udfrunner_env_destroy(&env);
}

int main(int argc, char **argv) {
  library_open();
  void *symbol = library_symbol("udfrunner_test_panic");
  if (symbol == NULL) {
    fprintf(stderr, "the library was not built with the tag panichook\n");
    return 2;
  }
  memcpy(&panic_in, &symbol, sizeof symbol);
  static const test tests[] = {TEST(in_an_iterator), TEST(in_a_runner), TEST(in_an_env),
                               TEST(in_no_object), TEST(in_a_stream)};
  return run_tests(tests, sizeof tests / sizeof tests[0], in_an_iterator, argc, argv);
}
