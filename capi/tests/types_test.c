/* Licensed under the Apache License, Version 2.0. See LICENSE. */
/* Data of types that Spark has no such type for: functions see what Spark would have sent. */
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "host.h"

#define ROWS 20

/* A stream of one batch with one column. */
typedef struct column {
  const char *format;
  int64_t n_buffers;
  const void **buffers;
  int given;
  int released; /* counted: of the batch and of the stream */
} column;

static void release_schema(struct ArrowSchema *schema) {
  for (int64_t i = 0; i < schema->n_children; i++) {
    if (schema->children[i]->release != NULL) schema->children[i]->release(schema->children[i]);
    free(schema->children[i]);
  }
  free(schema->children);
  schema->release = NULL;
}

static int get_schema(struct ArrowArrayStream *stream, struct ArrowSchema *out) {
  const column *source = stream->private_data;
  struct ArrowSchema *child = calloc(1, sizeof *child);
  *child = (struct ArrowSchema){.format = source->format,
                                .name = "c",
                                .flags = ARROW_FLAG_NULLABLE,
                                .release = release_schema};
  *out = (struct ArrowSchema){.format = "+s",
                              .name = "",
                              .n_children = 1,
                              .children = malloc(sizeof child),
                              .release = release_schema};
  out->children[0] = child;
  return 0;
}

static void release_array(struct ArrowArray *array) {
  for (int64_t i = 0; i < array->n_children; i++) {
    if (array->children[i]->release != NULL) array->children[i]->release(array->children[i]);
    free(array->children[i]);
  }
  free(array->children);
  if (array->private_data != NULL) ((column *)array->private_data)->released++;
  array->release = NULL;
}

static int get_next(struct ArrowArrayStream *stream, struct ArrowArray *out) {
  static const void *no_buffers[1] = {NULL};
  column *source = stream->private_data;
  memset(out, 0, sizeof *out);
  if (source->given++ > 0) return 0;
  struct ArrowArray *child = calloc(1, sizeof *child);
  *child = (struct ArrowArray){.length = ROWS,
                               .n_buffers = source->n_buffers,
                               .buffers = source->buffers,
                               .release = release_array};
  *out = (struct ArrowArray){.length = ROWS,
                             .n_buffers = 1,
                             .buffers = no_buffers,
                             .n_children = 1,
                             .children = malloc(sizeof child),
                             .release = release_array,
                             .private_data = source};
  out->children[0] = child;
  return 0;
}

static const char *get_last_error(struct ArrowArrayStream *stream) {
  (void)stream;
  return "no error";
}

static void release_stream(struct ArrowArrayStream *stream) {
  ((column *)stream->private_data)->released++;
  stream->release = NULL;
}

/* Runs a pandas function from the column to numbers; the iterator is to be closed. */
static udfrunner_iterator *compute(udfrunner_env *env, const char *function, const char *zone,
                                   column *source) {
  udfrunner_runner *runner = test_runner(env, UDFRUNNER_SQL_SCALAR_PANDAS_UDF, function, "long");
  udfrunner_error *err;
  CHECK_OK(lib.runner_set(runner, "spark.sql.session.timeZone", UDFRUNNER_NUL, zone, UDFRUNNER_NUL,
                          &err),
           err);
  struct ArrowArrayStream stream = {.get_schema = get_schema,
                                    .get_next = get_next,
                                    .get_last_error = get_last_error,
                                    .release = release_stream,
                                    .private_data = source};
  udfrunner_input input = {.size = sizeof input, .kind = UDFRUNNER_INPUT_STREAM, .stream = &stream};
  udfrunner_iterator *it;
  CHECK_OK(lib.runner_compute(runner, &input, NULL, &it, &err), err);
  return it;
}

/* Texts of 0 to 19 bytes as views, the long ones in a buffer of their own. */
static void string_views(void) {
  static const char data[] = "abcdefghijklmnopqrst";
  struct {
    int32_t size;
    char prefix[4];
    int32_t buffer;
    int32_t offset;
  } views[ROWS];
  memset(views, 0, sizeof views);
  for (int i = 0; i < ROWS; i++) {
    views[i].size = i;
    memcpy((char *)&views[i] + 4, data, (size_t)(i <= 12 ? i : 4));
  }
  const int64_t sizes[] = {sizeof data - 1};
  const void *buffers[] = {NULL, views, data, sizes};
  column source = {.format = "vu", .n_buffers = 4, .buffers = buffers};
  udfrunner_env *env = test_env();
  udfrunner_iterator *it = compute(env, "lengths", "UTC", &source);
  CHECK_INT(ROWS, read_all(it, 1, 0));
  CHECK_INT(UDFRUNNER_OK, lib.iterator_close(&it));
  CHECK_INT(2, source.released);
  lib.udfrunner_env_destroy(&env);
}

/* Instants of a day in New York, labelled with another zone. */
static void time_zones(void) {
  int64_t instants[ROWS];
  for (int i = 0; i < ROWS; i++) {
    /* 2024-07-01 04:00 UTC, midnight in New York, and each hour after it */
    instants[i] = 1719806400000000 + i * INT64_C(3600000000);
  }
  const void *buffers[] = {NULL, instants};
  column source = {.format = "tsu:Asia/Tokyo", .n_buffers = 2, .buffers = buffers};
  udfrunner_env *env = test_env();
  udfrunner_iterator *it = compute(env, "hours", "America/New_York", &source);
  CHECK_INT(ROWS, read_all(it, 1, 0));
  CHECK_INT(UDFRUNNER_OK, lib.iterator_close(&it));
  CHECK_INT(2, source.released);
  lib.udfrunner_env_destroy(&env);
}

/* An interval of months and days, which Spark has no type for. */
static void refused(void) {
  const int64_t values[ROWS] = {0};
  const void *buffers[] = {NULL, values};
  column source = {.format = "tiD", .n_buffers = 2, .buffers = buffers};
  udfrunner_env *env = test_env();
  udfrunner_iterator *it = compute(env, "lengths", "UTC", &source);
  struct ArrowArray array;
  udfrunner_error *err;
  CHECK_INT(UDFRUNNER_INVALID_ARGUMENT, lib.iterator_next_arrow(it, -1, &array, NULL, &err));
  CHECK_HOLDS("column \"c\": PySpark", lib.udfrunner_error_message(err));
  CHECK_HOLDS("has no type for day_time_interval", lib.udfrunner_error_message(err));
  CHECK_HOLDS("200 (SQL_SCALAR_PANDAS_UDF)", lib.udfrunner_error_message(err));
  lib.udfrunner_error_destroy(&err);
  CHECK_INT(UDFRUNNER_OK, lib.iterator_close(&it));
  CHECK_INT(1, source.released);
  lib.udfrunner_env_destroy(&env);
}

int main(int argc, char **argv) {
  library_open();
  static const test tests[] = {TEST(string_views), TEST(time_zones), TEST(refused)};
  return run_tests(tests, sizeof tests / sizeof tests[0], string_views, argc, argv);
}
