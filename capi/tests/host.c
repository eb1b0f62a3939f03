/* Licensed under the Apache License, Version 2.0. See LICENSE. */
#include "host.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "check.h"

/* ------------------------------------------------------------------- Schema */

static void release_child_schema(struct ArrowSchema *schema) { schema->release = NULL; }

static void release_schema(struct ArrowSchema *schema) {
  if (schema->children[0]->release != NULL) schema->children[0]->release(schema->children[0]);
  free(schema->children[0]);
  free(schema->children);
  schema->release = NULL;
}

static int get_schema(struct ArrowArrayStream *stream, struct ArrowSchema *out) {
  (void)stream;
  struct ArrowSchema *child = calloc(1, sizeof *child);
  *child = (struct ArrowSchema){
      .format = "l", .name = "n", .flags = ARROW_FLAG_NULLABLE, .release = release_child_schema};
  *out = (struct ArrowSchema){.format = "+s",
                              .name = "",
                              .n_children = 1,
                              .children = malloc(sizeof child),
                              .release = release_schema};
  out->children[0] = child;
  return 0;
}

/* -------------------------------------------------------------------- Batch */

struct batch {
  numbers *source;
  struct ArrowArray child;
  struct ArrowArray *children[1];
  const void *no_buffers[1];
  const void *buffers[2];
  int64_t *values;
};

static void release_child(struct ArrowArray *array) { array->release = NULL; }

static void release_batch(struct ArrowArray *array) {
  struct batch *batch = array->private_data;
  if (batch->child.release != NULL) batch->child.release(&batch->child);
  batch->source->last_thread = pthread_self();
  atomic_fetch_add(&batch->source->arrays_released, 1);
  free(batch->values);
  free(batch);
  array->release = NULL;
}

static int get_next(struct ArrowArrayStream *stream, struct ArrowArray *out) {
  numbers *source = stream->private_data;
  source->last_thread = pthread_self();
  if (source->during != NULL) source->during(source->context);
  int given = atomic_load(&source->given);
  if (source->answer != 0 && given >= source->answer_at && source->answers > 0) {
    source->answers--;
    return source->answer;
  }
  memset(out, 0, sizeof *out);
  if (given == source->batches) return 0;
  struct batch *batch = calloc(1, sizeof *batch);
  batch->source = source;
  batch->values = malloc(sizeof(int64_t) * (size_t)source->rows);
  for (int i = 0; i < source->rows; i++) {
    batch->values[i] = (int64_t)given * source->rows + i;
  }
  batch->buffers[1] = batch->values;
  batch->children[0] = &batch->child;
  batch->child = (struct ArrowArray){
      .length = source->rows, .n_buffers = 2, .buffers = batch->buffers, .release = release_child};
  *out = (struct ArrowArray){.length = source->rows,
                             .n_buffers = 1,
                             .n_children = 1,
                             .buffers = batch->no_buffers,
                             .children = batch->children,
                             .release = release_batch,
                             .private_data = batch};
  atomic_fetch_add(&source->given, 1);
  return 0;
}

static const char *get_last_error(struct ArrowArrayStream *stream) {
  (void)stream;
  return "the numbers ran out of ink";
}

static void release_stream(struct ArrowArrayStream *stream) {
  numbers *source = stream->private_data;
  source->last_thread = pthread_self();
  atomic_fetch_add(&source->released, 1);
  stream->release = NULL;
}

udfrunner_input numbers_input(numbers *source, struct ArrowArrayStream *stream) {
  *stream = (struct ArrowArrayStream){.get_schema = get_schema,
                                      .get_next = get_next,
                                      .get_last_error = get_last_error,
                                      .release = release_stream,
                                      .private_data = source};
  return (udfrunner_input){
      .size = sizeof(udfrunner_input), .kind = UDFRUNNER_INPUT_STREAM, .stream = stream};
}

/* ------------------------------------------------------------------ Objects */

static udfrunner_pair pair(const char *key, const char *value) {
  return (udfrunner_pair){key, UDFRUNNER_NUL, value, UDFRUNNER_NUL};
}

const char *test_python(void) {
  const char *python = getenv("UDFRUNNER_TEST_PYTHON");
  return python == NULL ? "build/venv/4.2/bin/python" : python;
}

udfrunner_env *test_env(void) {
  const udfrunner_pair pairs[] = {pair("spark.pyspark.python", test_python())};
  udfrunner_env *env;
  udfrunner_error *err;
  CHECK_OK(lib.udfrunner_env_create(pairs, 1, &env, &err), err);
  CHECK(env != NULL);
  return env;
}

udfrunner_runner *test_runner(udfrunner_env *env, int32_t eval_type, const char *function,
                              const char *return_type) {
  udfrunner_runner *runner;
  udfrunner_error *err;
  CHECK_OK(lib.runner_create(env, eval_type, &runner, &err), err);
  char reference[128];
  snprintf(reference, sizeof reference, "capi_functions:%s", function);
  udfrunner_function f = {.size = sizeof f,
                          .reference = reference,
                          .reference_size = UDFRUNNER_NUL,
                          .return_type = return_type,
                          .return_type_size = UDFRUNNER_NUL};
  bool map = eval_type == UDFRUNNER_SQL_MAP_ARROW_ITER_UDF ||
             eval_type == UDFRUNNER_SQL_MAP_PANDAS_ITER_UDF;
  udfrunner_argument argument = {0, NULL, 0};
  CHECK_OK(lib.runner_add_function(runner, &f, 1, &argument, map ? 0 : 1, &err), err);
  include_functions(runner);
  return runner;
}

void include_functions(udfrunner_runner *runner) {
  const char *directory = getenv("UDFRUNNER_TEST_FUNCTIONS");
  char path[4096];
  if (directory == NULL) {
    CHECK(getcwd(path, sizeof path - 32) != NULL);
    strcat(path, "/capi/tests/python");
    directory = path;
  }
  udfrunner_error *err;
  CHECK_OK(lib.runner_add_include(runner, directory, UDFRUNNER_NUL, &err), err);
}

udfrunner_iterator *test_compute(udfrunner_runner *runner, numbers *source,
                                 const udfrunner_task *task) {
  struct ArrowArrayStream stream;
  udfrunner_input input = numbers_input(source, &stream);
  udfrunner_iterator *it;
  udfrunner_error *err;
  CHECK_OK(lib.runner_compute(runner, &input, task, &it, &err), err);
  CHECK(it != NULL);
  CHECK(stream.release == NULL); /* moved */
  return it;
}

void check_batch(const struct ArrowArray *array, int64_t first, int64_t a, int64_t b) {
  CHECK_INT(1, array->n_children);
  const struct ArrowArray *column = array->children[0];
  CHECK_INT(array->length, column->length);
  CHECK_INT(2, column->n_buffers);
  const int64_t *values = (const int64_t *)column->buffers[1] + column->offset;
  CHECK_INT(0, (uintptr_t)values % 8);
  for (int64_t i = 0; i < array->length; i++) CHECK_INT(a * (first + i) + b, values[i]);
}

int64_t read_all(udfrunner_iterator *it, int64_t a, int64_t b) { return read_rest(it, 0, a, b); }

int64_t read_rest(udfrunner_iterator *it, int64_t first, int64_t a, int64_t b) {
  int64_t rows = first;
  udfrunner_error *err;
  for (;;) {
    struct ArrowArray array;
    int32_t code = lib.iterator_next_arrow(it, -1, &array, NULL, &err);
    if (code == UDFRUNNER_DONE) return rows;
    CHECK_OK(code, err);
    check_batch(&array, rows, a, b);
    rows += array.length;
    array.release(&array);
  }
}

void *pull_log(void *puller) {
  log_puller *self = puller;
  udfrunner_bytes bytes;
  udfrunner_error *err;
  int32_t code;
  while ((code = lib.udfrunner_log_next(self->env, -1, &bytes, &err)) == UDFRUNNER_OK) {
    for (size_t i = 0; i < bytes.size; i++)
      if (bytes.data[i] == '\n') atomic_fetch_add(&self->lines, 1);
    lib.udfrunner_bytes_release(&bytes);
  }
  if (code < 0) lib.udfrunner_error_destroy(&err);
  CHECK(code == UDFRUNNER_DONE || code == UDFRUNNER_CANCELLED || code == UDFRUNNER_INVALID_HANDLE);
  return NULL;
}

void join(pthread_t thread) { CHECK_INT(0, pthread_join(thread, NULL)); }

pthread_t start(void *(*run)(void *), void *context) {
  pthread_t thread;
  CHECK_INT(0, pthread_create(&thread, NULL, run, context));
  return thread;
}
