/* Licensed under the Apache License, Version 2.0. See LICENSE. */
/* Tasks in real workers, read by one thread: results, errors, ends. */
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "host.h"

static udfrunner_env *env;

static void pandas_function(void) {
  env = test_env();
  udfrunner_runner *runner = test_runner(env, UDFRUNNER_SQL_SCALAR_PANDAS_UDF, "plus_one", "long");
  numbers source = {.batches = 7, .rows = 1000};
  udfrunner_iterator *it = test_compute(runner, &source, NULL);
  udfrunner_error *err;

  struct ArrowSchema schema;
  CHECK_OK(lib.iterator_schema(it, &schema, &err), err);
  CHECK_TEXT("+s", schema.format);
  CHECK_INT(1, schema.n_children);
  CHECK_TEXT("l", schema.children[0]->format);
  CHECK_TEXT("_0", schema.children[0]->name);
  schema.release(&schema);

  CHECK_INT(7000, read_all(it, 1, 1));
  CHECK_INT(7, source.arrays_released);
  CHECK(pthread_equal(pthread_self(), source.last_thread));
  struct ArrowArray array;
  CHECK_INT(UDFRUNNER_DONE, lib.iterator_next_arrow(it, 0, &array, NULL, &err));
  CHECK(array.release == NULL);
  CHECK_INT(UDFRUNNER_OK, lib.iterator_error(it, &err));
  CHECK_INT(UDFRUNNER_OK, lib.iterator_cancel(it, "too late")); /* changes nothing */
  CHECK_INT(UDFRUNNER_DONE, lib.iterator_next_arrow(it, 0, &array, NULL, &err));

  udfrunner_bytes bytes;
  CHECK_OK(lib.iterator_result(it, "metrics", &bytes, &err), err);
  CHECK(bytes.size == strlen(bytes.data) && bytes.data[0] == '{');
  lib.udfrunner_bytes_release(&bytes);
  CHECK(bytes.data == NULL && bytes.private_data == NULL);
  CHECK_OK(lib.iterator_result(it, "accumulators", &bytes, &err), err);
  lib.udfrunner_bytes_release(&bytes);

  CHECK_INT(0, source.released);
  CHECK_INT(UDFRUNNER_OK, lib.iterator_close(&it));
  CHECK_INT(1, source.released);
  lib.runner_destroy(&runner);
  lib.udfrunner_env_destroy(&env);
}

static void map_function(void) {
  env = test_env();
  udfrunner_runner *runner =
      test_runner(env, UDFRUNNER_SQL_MAP_ARROW_ITER_UDF, "doubled", "n long");
  numbers source = {.batches = 3, .rows = 10};
  udfrunner_iterator *it = test_compute(runner, &source, NULL);
  CHECK_INT(30, read_all(it, 2, 0));
  lib.iterator_close(&it);
  lib.runner_destroy(&runner);
  lib.udfrunner_env_destroy(&env);
}

static void no_rows(void) {
  env = test_env();
  udfrunner_runner *runner = test_runner(env, UDFRUNNER_SQL_SCALAR_PANDAS_UDF, "plus_one", "long");
  numbers source = {.batches = 0};
  udfrunner_iterator *it = test_compute(runner, &source, NULL);
  CHECK_INT(0, read_all(it, 1, 1));
  lib.iterator_close(&it);
  lib.runner_destroy(&runner);
  lib.udfrunner_env_destroy(&env);
}

/* Arrow results as bytes: IPC messages, the schema's first. */
static void messages(void) {
  env = test_env();
  udfrunner_runner *runner =
      test_runner(env, UDFRUNNER_SQL_SCALAR_ARROW_UDF, "plus_one_arrow", "long");
  numbers source = {.batches = 4, .rows = 100};
  udfrunner_iterator *it = test_compute(runner, &source, NULL);
  udfrunner_error *err;
  uint64_t n = 0;
  for (;;) {
    udfrunner_chunk chunk;
    int32_t code = lib.iterator_next(it, -1, &chunk, &err);
    if (code == UDFRUNNER_DONE) break;
    CHECK_OK(code, err);
    CHECK(chunk.n > 0);
    CHECK_INT(0, chunk.offsets[0]);
    CHECK_INT(chunk.size, chunk.offsets[chunk.n]);
    for (uint64_t i = 0; i < chunk.n; i++) {
      CHECK(chunk.offsets[i + 1] >= chunk.offsets[i] + 8);
      CHECK(memcmp(chunk.data + chunk.offsets[i], "\xff\xff\xff\xff", 4) == 0);
    }
    n += chunk.n;
    lib.udfrunner_chunk_release(&chunk);
    CHECK(chunk.data == NULL && chunk.private_data == NULL);
  }
  CHECK(n >= 2); /* the schema and a batch at least */

  struct ArrowArray array;
  CHECK_FAILS(UDFRUNNER_INVALID_STATE, lib.iterator_next_arrow(it, 0, &array, NULL, &err), err);
  struct ArrowArrayStream stream;
  CHECK_FAILS(UDFRUNNER_INVALID_STATE, lib.iterator_export(it, &stream, &err), err);
  lib.iterator_close(&it);
  lib.runner_destroy(&runner);
  lib.udfrunner_env_destroy(&env);
}

/* ---------------------------------------------------------- Pickled records */

/* pickle.dumps([(1,), (2,)], 2) */
static const uint8_t rows_1_2[] = {0x80, 2, ']', '(', 'K', 1, 0x85, 'K', 2, 0x85, 'e', '.'};

struct records {
  int given;
  int released;
};

static int32_t next_record(void *ctx, udfrunner_record *out) {
  struct records *records = ctx;
  if (records->given == 3) return UDFRUNNER_DONE;
  records->given++;
  out->data = rows_1_2;
  out->size = sizeof rows_1_2;
  out->n = 1;
  return UDFRUNNER_OK;
}

static void release_records(void *ctx) { ((struct records *)ctx)->released++; }

static void pickled_rows(void) {
  env = test_env();
  udfrunner_runner *runner = test_runner(env, UDFRUNNER_SQL_BATCHED_UDF, "plus_one_row", "long");
  struct records records = {0, 0};
  udfrunner_input input = {.size = sizeof input,
                           .kind = UDFRUNNER_INPUT_RECORDS,
                           .next = next_record,
                           .release = release_records,
                           .ctx = &records};
  udfrunner_iterator *it;
  udfrunner_error *err;
  CHECK_OK(lib.runner_compute(runner, &input, NULL, &it, &err), err);
  struct ArrowSchema schema;
  CHECK_FAILS(UDFRUNNER_NOT_SUPPORTED, lib.iterator_schema(it, &schema, &err), err);
  int rows = 0;
  for (;;) {
    udfrunner_chunk chunk;
    int32_t code = lib.iterator_next(it, -1, &chunk, &err);
    if (code == UDFRUNNER_DONE) break;
    CHECK_OK(code, err);
    for (uint64_t i = 0; i < chunk.n; i++) {
      const uint8_t *record = chunk.data + chunk.offsets[i];
      uint64_t size = chunk.offsets[i + 1] - chunk.offsets[i];
      CHECK_INT(0x80, record[0]); /* PROTO */
      CHECK_INT('.', record[size - 1]);
      /* BININT1 of the results 2 and 3: the worker batches rows as it likes. */
      for (uint64_t j = 0; j + 1 < size; j++) {
        rows += record[j] == 'K' && (record[j + 1] == 2 || record[j + 1] == 3);
      }
    }
    lib.udfrunner_chunk_release(&chunk);
  }
  CHECK_INT(6, rows);
  lib.iterator_close(&it);
  CHECK_INT(1, records.released);
  lib.runner_destroy(&runner);
  lib.udfrunner_env_destroy(&env);
}

/* A ctx is the host's business: bindings pass small numbers. */
static struct records numbered;

static int32_t next_numbered(void *ctx, udfrunner_record *out) {
  CHECK((uintptr_t)ctx == 1);
  return next_record(&numbered, out);
}

static void release_numbered(void *ctx) {
  CHECK((uintptr_t)ctx == 1);
  release_records(&numbered);
}

/* On a fresh thread Go's stack is small: it grows, and is copied, while the call has the ctx on it. */
static void *numbered_task(void *runner) {
  numbered = (struct records){0, 0};
  udfrunner_input input = {.size = sizeof input,
                           .kind = UDFRUNNER_INPUT_RECORDS,
                           .next = next_numbered,
                           .release = release_numbered,
                           .ctx = (void *)(uintptr_t)1};
  udfrunner_iterator *it;
  udfrunner_error *err;
  CHECK_OK(lib.runner_compute(runner, &input, NULL, &it, &err), err);
  udfrunner_chunk chunk;
  while (lib.iterator_next(it, -1, &chunk, &err) == UDFRUNNER_OK) {
    lib.udfrunner_chunk_release(&chunk);
  }
  CHECK(err == NULL);
  lib.iterator_close(&it);
  CHECK_INT(1, numbered.released);
  return NULL;
}

static void ctx_is_any_number(void) {
  env = test_env();
  udfrunner_runner *runner = test_runner(env, UDFRUNNER_SQL_BATCHED_UDF, "plus_one_row", "long");
  for (int i = 0; i < 20; i++) join(start(numbered_task, runner));
  lib.runner_destroy(&runner);
  lib.udfrunner_env_destroy(&env);
}

/* ------------------------------------------------------------------- Errors */

/* Runs a function that fails, and returns the error; it must be final. */
static udfrunner_error *failure_of(int32_t eval_type, const char *function,
                                   const udfrunner_task *task, int32_t expected) {
  env = test_env();
  udfrunner_runner *runner = test_runner(env, eval_type, function, "long");
  numbers source = {.batches = 3, .rows = 10};
  udfrunner_iterator *it = test_compute(runner, &source, task);
  struct ArrowArray array;
  udfrunner_error *err;
  int32_t code;
  while ((code = lib.iterator_next_arrow(it, -1, &array, NULL, &err)) == UDFRUNNER_OK) {
    array.release(&array);
  }
  CHECK_INT(expected, code);
  CHECK_INT(expected, lib.udfrunner_error_code(err));
  udfrunner_error *again;
  CHECK_FAILS(expected, lib.iterator_next_arrow(it, -1, &array, NULL, &again), again);
  CHECK(array.release == NULL);
  CHECK_FAILS(expected, lib.iterator_error(it, &again), again);
  CHECK_INT(0, source.released);
  lib.iterator_close(&it);
  CHECK_INT(1, source.released);
  CHECK_INT(source.given, source.arrays_released);
  lib.runner_destroy(&runner);
  lib.udfrunner_env_destroy(&env);
  return err;
}

static void python_exception(void) {
  udfrunner_task task = {.size = sizeof task, .partition = 4, .attempt = 2, .stage = 9};
  udfrunner_error *err = failure_of(UDFRUNNER_SQL_SCALAR_PANDAS_UDF, "told_to_fail", &task,
                                    UDFRUNNER_PYTHON_EXCEPTION);
  CHECK_HOLDS("ValueError: told to fail", lib.udfrunner_error_message(err));
  CHECK_HOLDS("in told_to_fail", lib.udfrunner_error_detail(err, "python.traceback"));
  CHECK_TEXT("4", lib.udfrunner_error_detail(err, "task.partition"));
  CHECK_TEXT("2", lib.udfrunner_error_detail(err, "task.attempt"));
  CHECK_TEXT("9", lib.udfrunner_error_detail(err, "task.stage"));
  CHECK_TEXT("200 (SQL_SCALAR_PANDAS_UDF)", lib.udfrunner_error_detail(err, "task.eval_type"));
  CHECK_HOLDS(".", lib.udfrunner_error_detail(err, "worker.pyspark"));
  CHECK(lib.udfrunner_error_detail(err, "no.such.detail") == NULL);
  CHECK(lib.udfrunner_error_detail(err, NULL) == NULL);
  lib.udfrunner_error_destroy(&err);
}

/* All details can be taken over without a list of their keys. */
static void details(void) {
  udfrunner_task task = {.size = sizeof task, .partition = 4};
  udfrunner_error *err = failure_of(UDFRUNNER_SQL_SCALAR_PANDAS_UDF, "told_to_fail", &task,
                                    UDFRUNNER_PYTHON_EXCEPTION);
  const char *key;
  const char *value;
  const char *before = "";
  bool partition = false;
  size_t n = 0;
  while (lib.udfrunner_error_detail_at(err, n, &key, &value) == UDFRUNNER_OK) {
    CHECK(strcmp(before, key) < 0);
    CHECK(value == lib.udfrunner_error_detail(err, key));
    CHECK_INT(UDFRUNNER_OK, lib.udfrunner_error_detail_at(err, n, NULL, NULL));
    partition = partition || (strcmp(key, "task.partition") == 0 && strcmp(value, "4") == 0);
    before = key;
    n++;
  }
  CHECK(partition && n >= 8);
  const size_t beyond[] = {n, n + 1, SIZE_MAX};
  for (size_t i = 0; i < sizeof beyond / sizeof beyond[0]; i++) {
    key = value = "dirty";
    CHECK_INT(UDFRUNNER_DONE, lib.udfrunner_error_detail_at(err, beyond[i], &key, &value));
    CHECK(key == NULL && value == NULL);
  }
  CHECK_INT(UDFRUNNER_DONE, lib.udfrunner_error_detail_at(NULL, 0, &key, &value));
  lib.udfrunner_error_destroy(&err);
}

static void missing_module(void) {
  udfrunner_error *err = failure_of(UDFRUNNER_SQL_SCALAR_PANDAS_UDF, "no_such_function", NULL,
                                    UDFRUNNER_PYTHON_EXCEPTION);
  CHECK_HOLDS("no_such_function", lib.udfrunner_error_message(err));
  lib.udfrunner_error_destroy(&err);
}

static void worker_exits(void) {
  udfrunner_error *err =
      failure_of(UDFRUNNER_SQL_SCALAR_PANDAS_UDF, "exits", NULL, UDFRUNNER_WORKER_EXITED);
  CHECK_TEXT("3", lib.udfrunner_error_detail(err, "worker.exit_status"));
  CHECK(atoi(lib.udfrunner_error_detail(err, "worker.pid")) > 1);
  CHECK_HOLDS("about to exit", lib.udfrunner_error_detail(err, "worker.stderr_tail"));
  lib.udfrunner_error_destroy(&err);
}

static void worker_killed(void) {
  udfrunner_error *err =
      failure_of(UDFRUNNER_SQL_SCALAR_PANDAS_UDF, "killed", NULL, UDFRUNNER_WORKER_EXITED);
  CHECK_TEXT("9", lib.udfrunner_error_detail(err, "worker.signal"));
  lib.udfrunner_error_destroy(&err);
}

static void protocol_garbage(void) {
  udfrunner_error *err =
      failure_of(UDFRUNNER_SQL_SCALAR_PANDAS_UDF, "writes_garbage", NULL, UDFRUNNER_PROTOCOL);
  CHECK_TEXT("protocol", lib.udfrunner_error_detail(err, "cause"));
  lib.udfrunner_error_destroy(&err);
}

static void deadline(void) {
  udfrunner_task task = {.size = sizeof task, .deadline_ms = 1500};
  double begin = now();
  udfrunner_error *err =
      failure_of(UDFRUNNER_SQL_SCALAR_PANDAS_UDF, "sleeps", &task, UDFRUNNER_DEADLINE);
  CHECK(now() - begin >= 1.5 && now() - begin < 10);
  lib.udfrunner_error_destroy(&err);
}

static void input_fails(void) {
  env = test_env();
  udfrunner_runner *runner = test_runner(env, UDFRUNNER_SQL_SCALAR_PANDAS_UDF, "plus_one", "long");
  numbers source = {.batches = 9, .rows = 10, .answer_at = 2, .answer = 5 /* EIO */, .answers = 1};
  udfrunner_iterator *it = test_compute(runner, &source, NULL);
  struct ArrowArray array;
  udfrunner_error *err;
  int32_t code;
  while ((code = lib.iterator_next_arrow(it, -1, &array, NULL, &err)) == UDFRUNNER_OK) {
    array.release(&array);
  }
  CHECK_INT(UDFRUNNER_HOST, code);
  CHECK_HOLDS("ran out of ink", lib.udfrunner_error_message(err));
  lib.udfrunner_error_destroy(&err);
  CHECK_INT(2, source.given); /* no further call after the failure */
  lib.iterator_close(&it);
  CHECK_INT(2, source.arrays_released);
  CHECK_INT(1, source.released);
  lib.runner_destroy(&runner);
  lib.udfrunner_env_destroy(&env);
}

static void bad_interpreter(void) {
  const udfrunner_pair pair = {"spark.pyspark.python", UDFRUNNER_NUL, "/nonexistent/python",
                               UDFRUNNER_NUL};
  udfrunner_error *err;
  CHECK_OK(lib.udfrunner_env_create(&pair, 1, &env, &err), err);
  udfrunner_runner *runner = test_runner(env, UDFRUNNER_SQL_SCALAR_PANDAS_UDF, "plus_one", "long");
  numbers source = {.batches = 1, .rows = 1};
  udfrunner_iterator *it = test_compute(runner, &source, NULL);
  struct ArrowArray array;
  CHECK_INT(UDFRUNNER_SPAWN, lib.iterator_next_arrow(it, -1, &array, NULL, &err));
  CHECK_HOLDS("/nonexistent/python", lib.udfrunner_error_message(err));
  CHECK_ERROR(UDFRUNNER_SPAWN, err);
  lib.iterator_close(&it);
  CHECK_INT(1, source.released);
  lib.runner_destroy(&runner);
  lib.udfrunner_env_destroy(&env);
}

/* ---------------------------------------------------------------- Early ends */

static void closed_early(void) {
  env = test_env();
  udfrunner_runner *runner =
      test_runner(env, UDFRUNNER_SQL_MAP_ARROW_ITER_UDF, "blow_up", "n long");
  for (int reads = 0; reads < 3; reads++) {
    numbers source = {.batches = 1000, .rows = 1000};
    udfrunner_iterator *it = test_compute(runner, &source, NULL);
    for (int i = 0; i < reads; i++) {
      struct ArrowArray array;
      udfrunner_error *err;
      CHECK_OK(lib.iterator_next_arrow(it, -1, &array, NULL, &err), err);
      array.release(&array);
    }
    double begin = now();
    CHECK_INT(UDFRUNNER_OK, lib.iterator_close(&it));
    CHECK(now() - begin < 1);
    CHECK_INT(1, source.released);
    CHECK_INT(source.given, source.arrays_released);
  }
  lib.runner_destroy(&runner);
  lib.udfrunner_env_destroy(&env);
}

static void parents_first(void) {
  env = test_env();
  udfrunner_runner *runner = test_runner(env, UDFRUNNER_SQL_SCALAR_PANDAS_UDF, "sleeps", "long");
  numbers source = {.batches = 2, .rows = 10};
  udfrunner_iterator *it = test_compute(runner, &source, NULL);
  struct ArrowArray array;
  udfrunner_error *err;
  CHECK_INT(UDFRUNNER_TIMED_OUT, lib.iterator_next_arrow(it, 10, &array, NULL, &err));
  CHECK(err == NULL);
  CHECK_INT(UDFRUNNER_OK, lib.udfrunner_env_destroy(&env));
  CHECK_FAILS(UDFRUNNER_CANCELLED, lib.iterator_next_arrow(it, -1, &array, NULL, &err), err);
  CHECK_FAILS(UDFRUNNER_CANCELLED, lib.runner_set(runner, "a", 1, "b", 1, &err), err);
  udfrunner_iterator *other;
  CHECK_FAILS(UDFRUNNER_CANCELLED, lib.runner_compute(runner, NULL, NULL, &other, &err), err);
  CHECK_INT(0, source.released); /* destroying runs no host code */
  CHECK_INT(UDFRUNNER_OK, lib.runner_destroy(&runner));
  CHECK_INT(UDFRUNNER_OK, lib.iterator_close(&it));
  CHECK_INT(1, source.released);
}

static void stats(void) {
  env = test_env();
  udfrunner_error *err;
  udfrunner_bytes bytes;
  CHECK_OK(lib.udfrunner_env_stats(env, &bytes, &err), err);
  CHECK_INT('{', bytes.data[0]);
  CHECK_INT(bytes.size, strlen(bytes.data));
  lib.udfrunner_env_destroy(&env);
  lib.udfrunner_bytes_release(&bytes); /* outlives the env */
}

static void environment_is_read_when_an_env_is_made(void) {
  setenv("UDFRUNNER_TEST_GREETING", "set after loading", 1);
  env = test_env();
  unsetenv("UDFRUNNER_TEST_GREETING");
  udfrunner_runner *runner =
      test_runner(env, UDFRUNNER_SQL_SCALAR_PANDAS_UDF, "fails_with_greeting", "long");
  numbers source = {.batches = 1, .rows = 1};
  udfrunner_iterator *it = test_compute(runner, &source, NULL);
  struct ArrowArray array;
  udfrunner_error *err;
  CHECK_INT(UDFRUNNER_PYTHON_EXCEPTION, lib.iterator_next_arrow(it, -1, &array, NULL, &err));
  CHECK_HOLDS("set after loading", lib.udfrunner_error_message(err));
  lib.udfrunner_error_destroy(&err);
  lib.iterator_close(&it);
  lib.runner_destroy(&runner);
  lib.udfrunner_env_destroy(&env);
}

int main(int argc, char **argv) {
  library_open();
  static const test tests[] = {TEST(pandas_function),
                               TEST(map_function),
                               TEST(no_rows),
                               TEST(messages),
                               TEST(pickled_rows),
                               TEST(ctx_is_any_number),
                               TEST(python_exception),
                               TEST(details),
                               TEST(missing_module),
                               TEST(worker_exits),
                               TEST(worker_killed),
                               TEST(protocol_garbage),
                               TEST(deadline),
                               TEST(input_fails),
                               TEST(bad_interpreter),
                               TEST(closed_early),
                               TEST(parents_first),
                               TEST(stats),
                               TEST(environment_is_read_when_an_env_is_made)};
  return run_tests(tests, sizeof tests / sizeof tests[0], pandas_function, argc, argv);
}
