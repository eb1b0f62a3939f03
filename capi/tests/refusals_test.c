/* Licensed under the Apache License, Version 2.0. See LICENSE. */
/* Each kind of bad input: the right call refuses it with the right code and names what is wrong, within
 * a second, the input is released, and the next task of the same env works. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "broken.h"
#include "check.h"
#include "folder.h"
#include "host.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
/* Seconds within which an error has to come, the configured limits aside. */
#define LIMIT 1.0
/* Bytes of a message that can still be read: what is longer belongs into details. */
#define MESSAGE_LIMIT 500
#define START_TIMEOUT "300ms"
#define START_LIMIT 0.3

static udfrunner_env *env;

/* Which call refuses. */
enum call { CREATE = 1, SET, ADD_FUNCTION, NEXT };

/* A runner with one fault, and how it is refused. What is zero is good. */
struct refusal {
  const char *name;
  /* The runner: eval type, else 200; reference, else one that works; return type, else "long". */
  int32_t eval_type;
  const char *reference;
  const char *return_type;
  int32_t offset;
  /* Its configuration, one pair; start_timeout is the value of udfrunner.worker.startTimeout. */
  const char *key;
  const char *value;
  const char *start_timeout;
  /* The refusal: code, and what the message has to hold. */
  enum call at;
  int32_t code;
  const char *parts[3];
};

static int32_t set(udfrunner_runner *runner, const char *key, const char *value,
                   udfrunner_error **err) {
  return lib.runner_set(runner, key, UDFRUNNER_NUL, value, UDFRUNNER_NUL, err);
}

static int32_t add_function(udfrunner_runner *runner, const struct refusal *r, int32_t eval_type,
                            udfrunner_error **err) {
  udfrunner_function f = {
      .size = sizeof f,
      .reference = r->reference == NULL ? "capi_functions:plus_one" : r->reference,
      .reference_size = UDFRUNNER_NUL,
      .return_type = r->return_type == NULL ? "long" : r->return_type,
      .return_type_size = UDFRUNNER_NUL};
  udfrunner_argument argument = {r->offset, NULL, 0};
  size_t n_arguments = eval_type == UDFRUNNER_SQL_MAP_ARROW_ITER_UDF ? 0 : 1;
  return lib.runner_add_function(runner, &f, 1, &argument, n_arguments, err);
}

/* Reads the results up to the error. Results of Arrow come as arrays, pickled ones as chunks. */
static int32_t read_until_error(udfrunner_iterator *it, int32_t eval_type, udfrunner_error **err) {
  int32_t code;
  do {
    if (eval_type == UDFRUNNER_SQL_BATCHED_UDF) {
      udfrunner_chunk chunk;
      code = lib.iterator_next(it, -1, &chunk, err);
      lib.udfrunner_chunk_release(&chunk);
    } else {
      struct ArrowArray array;
      code = lib.iterator_next_arrow(it, -1, &array, NULL, err);
      if (array.release != NULL) array.release(&array);
    }
  } while (code == UDFRUNNER_OK);
  return code;
}

/* Makes the runner and runs a task over the input, up to the call that refuses. */
static int32_t attempt(const struct refusal *r, const udfrunner_input *input, enum call *at,
                       udfrunner_error **err) {
  int32_t eval_type = r->eval_type == 0 ? UDFRUNNER_SQL_SCALAR_PANDAS_UDF : r->eval_type;
  udfrunner_runner *runner;
  *at = CREATE;
  int32_t code = lib.runner_create(env, eval_type, &runner, err);
  if (code == UDFRUNNER_OK && r->key != NULL) {
    *at = SET;
    code = set(runner, r->key, r->value, err);
  }
  if (code == UDFRUNNER_OK && r->start_timeout != NULL) {
    code = set(runner, "udfrunner.worker.startTimeout", r->start_timeout, err);
  }
  if (code == UDFRUNNER_OK) {
    *at = ADD_FUNCTION;
    code = add_function(runner, r, eval_type, err);
  }
  if (code == UDFRUNNER_OK) {
    include_functions(runner);
    udfrunner_iterator *it;
    CHECK_OK(lib.runner_compute(runner, input, NULL, &it, err), *err);
    *at = NEXT;
    code = read_until_error(it, eval_type, err);
    CHECK_INT(UDFRUNNER_OK, lib.iterator_close(&it));
  }
  CHECK_INT(UDFRUNNER_OK, lib.runner_destroy(&runner));
  return code;
}

static void healthy(void) {
  udfrunner_runner *runner = test_runner(env, UDFRUNNER_SQL_SCALAR_PANDAS_UDF, "plus_one", "long");
  numbers source = {.batches = 1, .rows = 5};
  udfrunner_iterator *it = test_compute(runner, &source, NULL);
  CHECK_INT(5, read_all(it, 1, 1));
  CHECK_INT(UDFRUNNER_OK, lib.iterator_close(&it));
  CHECK_INT(UDFRUNNER_OK, lib.runner_destroy(&runner));
}

/* An env whose workers start at once. */
static void setup(void) {
  env = test_env();
  healthy();
}

static void teardown(void) {
  check_case(NULL);
  CHECK_INT(UDFRUNNER_OK, lib.udfrunner_env_destroy(&env));
}

/* Checks an error and destroys it. */
static void check_parts(int32_t code, const char *const *parts, size_t n, udfrunner_error *err) {
  for (size_t i = 0; i < n && parts[i] != NULL; i++) {
    CHECK_HOLDS(parts[i], lib.udfrunner_error_message(err));
  }
  CHECK(strlen(lib.udfrunner_error_message(err)) < MESSAGE_LIMIT);
  CHECK_ERROR(code, err);
}

static void refused(const struct refusal *r, const udfrunner_input *input) {
  check_case(r->name);
  enum call at;
  udfrunner_error *err;
  double begin = now();
  int32_t code = attempt(r, input, &at, &err);
  double took = now() - begin;
  CHECK_INT(r->code, code);
  check_parts(r->code, r->parts, COUNT(r->parts), err);
  CHECK_INT(r->at, at);
  CHECK(took < LIMIT + (r->start_timeout == NULL ? 0 : START_LIMIT));
  healthy();
}

static void all_refused(const struct refusal *refusals, size_t n) {
  for (size_t i = 0; i < n; i++) {
    numbers source = {.batches = 3, .rows = 10};
    struct ArrowArrayStream stream;
    udfrunner_input input = numbers_input(&source, &stream);
    refused(&refusals[i], &input);
    if (refusals[i].at != NEXT) stream.release(&stream); /* not moved */
    CHECK_INT(1, source.released);
    CHECK_INT(source.given, source.arrays_released);
  }
}

/* -------------------------------------------------------- Runners and functions */

static void runners(void) {
  static const struct refusal refusals[] = {
      {.name = "eval type of none",
       .eval_type = 31,
       .at = CREATE,
       .code = UDFRUNNER_INVALID_ARGUMENT,
       .parts = {"eval type 31"}},
      {.name = "negative eval type",
       .eval_type = -1,
       .at = CREATE,
       .code = UDFRUNNER_INVALID_ARGUMENT,
       .parts = {"eval type -1"}},
      {.name = "rows of no columns",
       .eval_type = UDFRUNNER_SQL_GROUPED_MAP_PANDAS_UDF,
       .return_type = "long",
       .at = ADD_FUNCTION,
       .code = UDFRUNNER_INVALID_ARGUMENT,
       .parts = {"chain 0", "201", "expected for each side"}},
      {.name = "table function of no columns",
       .eval_type = UDFRUNNER_SQL_TABLE_UDF,
       .return_type = "long",
       .at = ADD_FUNCTION,
       .code = UDFRUNNER_INVALID_ARGUMENT,
       .parts = {"chain 0", "must be a struct"}},
      {.name = "unknown type",
       .return_type = "lnog",
       .at = ADD_FUNCTION,
       .code = UDFRUNNER_INVALID_ARGUMENT,
       .parts = {"chain 0", "type \"lnog\""}},
      {.name = "type that does not end",
       .return_type = "array<int",
       .at = ADD_FUNCTION,
       .code = UDFRUNNER_INVALID_ARGUMENT,
       .parts = {"chain 0", "type \"array<int\""}},
      {.name = "unknown key",
       .key = "udfrunner.worker.startTimout",
       .value = "1s",
       .at = SET,
       .code = UDFRUNNER_INVALID_ARGUMENT,
       .parts = {"udfrunner.worker.startTimout", "did you mean udfrunner.worker.startTimeout?"}},
      {.name = "malformed value",
       .key = "spark.buffer.size",
       .value = "abc",
       .at = SET,
       .code = UDFRUNNER_INVALID_ARGUMENT,
       .parts = {"spark.buffer.size", "\"abc\"", "expected a size"}},
      {.name = "key of envs",
       .key = "spark.executor.cores",
       .value = "2",
       .at = SET,
       .code = UDFRUNNER_INVALID_ARGUMENT,
       .parts = {"spark.executor.cores", "for envs only"}}};
  setup();
  all_refused(refusals, COUNT(refusals));
  teardown();
}

static void functions(void) {
  static const struct refusal refusals[] = {{.name = "missing module",
                                             .reference = "no_such_module:f",
                                             .at = NEXT,
                                             .code = UDFRUNNER_PYTHON_EXCEPTION,
                                             .parts = {"No module named", "no_such_module"}},
                                            {.name = "missing attribute",
                                             .reference = "capi_functions:no_such_function",
                                             .at = NEXT,
                                             .code = UDFRUNNER_PYTHON_EXCEPTION,
                                             .parts = {"capi_functions", "no_such_function"}},
                                            {.name = "not callable",
                                             .reference = "capi_functions:not_callable",
                                             .at = NEXT,
                                             .code = UDFRUNNER_PYTHON_EXCEPTION,
                                             .parts = {"capi_functions:not_callable", "callable"}},
                                            {.name = "offset beyond the input",
                                             .offset = 1,
                                             .at = NEXT,
                                             .code = UDFRUNNER_INVALID_ARGUMENT,
                                             .parts = {"argument offset 1", "1 column"}},
                                            {.name = "offset far beyond the input",
                                             .offset = INT32_MAX,
                                             .at = NEXT,
                                             .code = UDFRUNNER_INVALID_ARGUMENT,
                                             .parts = {"argument offset 2147483647", "1 column"}},
                                            {.name = "more columns declared than yielded",
                                             .eval_type = UDFRUNNER_SQL_MAP_ARROW_ITER_UDF,
                                             .reference = "capi_functions:doubled",
                                             .return_type = "n long, m long",
                                             .at = NEXT,
                                             .code = UDFRUNNER_PYTHON_EXCEPTION,
                                             .parts = {"1 columns", "declared 2"}}};
  setup();
  all_refused(refusals, COUNT(refusals));
  teardown();
}

static void configuration_of_an_env(void) {
  static const struct {
    const char *key, *value, *parts[3];
  } refusals[] = {
      {"udfrunner.zygot.enabled",
       "true",
       {"udfrunner.zygot.enabled", "did you mean udfrunner.zygote.enabled?"}},
      {"udfrunner.nothing.like.it", "1", {"udfrunner.nothing.like.it", "docs/configuration.md"}},
      {"spark.buffer.size", "abc", {"spark.buffer.size", "\"abc\"", "expected a size"}},
      {"spark.python.worker.reuse", "perhaps", {"spark.python.worker.reuse", "true or false"}},
      {"udfrunner.eval.input_type", "{}", {"udfrunner.eval.input_type", "for runners only"}}};
  for (size_t i = 0; i < COUNT(refusals); i++) {
    check_case(refusals[i].key);
    const udfrunner_pair pairs[] = {
        {"spark.pyspark.python", UDFRUNNER_NUL, test_python(), UDFRUNNER_NUL},
        {refusals[i].key, UDFRUNNER_NUL, refusals[i].value, UDFRUNNER_NUL}};
    udfrunner_error *err;
    CHECK_INT(UDFRUNNER_INVALID_ARGUMENT, lib.udfrunner_env_create(pairs, 2, &env, &err));
    CHECK(env == NULL);
    check_parts(UDFRUNNER_INVALID_ARGUMENT, refusals[i].parts, COUNT(refusals[i].parts), err);
  }
  setup();
  teardown();
}

/* ----------------------------------------------------------------- Interpreters */

/* Programs that stand for interpreters. */
static void write_interpreters(void) {
  make_folder();
  write_file("text", 0755, "no program\n");
  write_file("silent", 0755, "#!/bin/sh\nexec sleep 1000\n");
  write_file("bare", 0755, "#!/bin/sh\nexec '%s' -S \"$@\"\n", test_python());
  write_file("old", 0755, "#!/bin/sh\nPYTHONPATH='%s/packages' exec '%s' -S \"$@\"\n", folder,
             test_python());
  write_file("packages/pyspark/__init__.py", 0644, "__version__ = '3.4.1'\n");
  write_file("packages/pyspark/version.py", 0644, "__version__: str = '3.4.1'\n");
  write_file("packages/pyspark-3.4.1.dist-info/METADATA", 0644,
             "Metadata-Version: 2.1\nName: pyspark\nVersion: 3.4.1\n");
}

static void interpreters(void) {
  static const struct {
    const char *path;
    bool in_folder;
    const char *part;
    const char *start_timeout;
  } bad[] = {{"/no/such/python", false, "no such file", NULL},
             {"no-such-python", false, "not found on PATH", NULL},
             {"/bin/ls", false, "before it could start", NULL},
             {"text", true, "exec format error", NULL},
             {"silent", true, "300ms (udfrunner.worker.startTimeout)", START_TIMEOUT},
             {"bare", true, "has no PySpark", NULL},
             {"old", true, "PySpark 3.4.1", NULL}};
  write_interpreters();
  setup();
  for (size_t i = 0; i < COUNT(bad); i++) {
    char path[PATH_SIZE];
    snprintf(path, sizeof path, "%s%s%s", bad[i].in_folder ? folder : "",
             bad[i].in_folder ? "/" : "", bad[i].path);
    struct refusal r = {.name = bad[i].path,
                        .key = "spark.pyspark.python",
                        .value = path,
                        .start_timeout = bad[i].start_timeout,
                        .at = NEXT,
                        .code = UDFRUNNER_SPAWN,
                        .parts = {path, bad[i].part}};
    all_refused(&r, 1);
  }
  teardown();
  remove_folder();
}

/* ------------------------------------------------------------------------ Input */

static void negative_length(struct ArrowArray *batch) { batch->length = -1; }

static void too_few_columns(struct ArrowArray *batch) { batch->n_children = 1; }

static void too_many_columns(struct ArrowArray *batch) { batch->n_children = 3; }

static void no_column(struct ArrowArray *batch) { batch->children[1] = NULL; }

static void no_columns(struct ArrowArray *batch) { batch->children = NULL; }

static void no_data(struct ArrowArray *batch) { batch->children[0]->buffers[1] = NULL; }

static void no_text(struct ArrowArray *batch) { batch->children[1]->buffers[2] = NULL; }

static void short_column(struct ArrowArray *batch) { batch->children[0]->length--; }

static void falling_offsets(struct ArrowArray *batch) {
  ((int32_t *)batch->children[1]->buffers[1])[2] = 0;
}

static void released_column(struct ArrowArray *batch) { batch->children[1]->release = NULL; }

static void schema_of_no_struct(struct ArrowSchema *schema) {
  schema->format = "l";
  schema->n_children = 0;
}

static void no_format(struct ArrowSchema *schema) { schema->children[1]->format = NULL; }

static void released_schema(struct ArrowSchema *schema) { schema->children[1]->release = NULL; }

static void streams(void) {
  static const struct {
    const char *name;
    broken source;
    const char *parts[3];
  } bad[] = {
      {"get_schema fails", {.schema_answer = EIO}, {"get_schema", "out of ink"}},
      {"get_next fails", {.batch_answer = EIO}, {"get_next", "out of ink"}},
      {"negative length", {.spoil = negative_length}, {"input array", "length -1"}},
      {"too few columns", {.spoil = too_few_columns}, {"n_children is 1, must be 2"}},
      {"too many columns", {.spoil = too_many_columns}, {"n_children is 3, must be 2"}},
      {"no columns", {.spoil = no_columns}, {"children is NULL"}},
      {"no column", {.spoil = no_column}, {"column \"s\"", "NULL"}},
      {"no data", {.spoil = no_data}, {"column \"n\"", "buffer 1", "NULL"}},
      {"no text", {.spoil = no_text}, {"column \"s\"", "buffer 2", "NULL"}},
      {"short column", {.spoil = short_column}, {"column \"n\"", "length is 2", "needs 3"}},
      {"falling offsets", {.spoil = falling_offsets}, {"column \"s\"", "offset"}},
      {"released column", {.spoil = released_column}, {"column \"s\"", "released"}},
      {"schema of no struct", {.spoil_schema = schema_of_no_struct}, {"schema is int64", "struct"}},
      {"column without format", {.spoil_schema = no_format}, {"column \"s\"", "format is NULL"}},
      {"released schema", {.spoil_schema = released_schema}, {"column \"s\"", "released"}}};
  setup();
  for (size_t i = 0; i < COUNT(bad); i++) {
    broken source = bad[i].source;
    struct ArrowArrayStream stream;
    udfrunner_input input = broken_input(&source, &stream);
    struct refusal r = {.name = bad[i].name, .at = NEXT, .code = UDFRUNNER_HOST};
    memcpy(r.parts, bad[i].parts, sizeof r.parts);
    refused(&r, &input);
    CHECK_INT(source.schemas_given, source.schemas_released);
    CHECK_INT(source.spoil != NULL, source.arrays_given);
    CHECK_INT(source.arrays_given, source.arrays_released);
    CHECK_INT(1, source.released);
  }
  teardown();
}

/* pickle.dumps([(1,), (2,)], 2) */
static const uint8_t rows_1_2[] = {0x80, 2, ']', '(', 'K', 1, 0x85, 'K', 2, 0x85, 'e', '.'};

/* A records callback that first supplies a record, then does what the case says. */
struct records {
  udfrunner_record second;
  int32_t answer;
  int calls;
  int released;
};

static int32_t next_record(void *ctx, udfrunner_record *out) {
  struct records *records = ctx;
  if (records->calls++ > 0) {
    *out = records->second;
    return records->answer;
  }
  *out = (udfrunner_record){.data = rows_1_2, .size = sizeof rows_1_2, .n = 1};
  return UDFRUNNER_OK;
}

static void release_records(void *ctx) { ((struct records *)ctx)->released++; }

static void records_callbacks(void) {
  static const uint64_t falling[] = {0, 9, 3};
  static const uint64_t beyond[] = {0, 100};
  static const struct {
    const char *name;
    struct records source;
    const char *part;
  } bad[] = {
      {"OK with nothing", {.answer = UDFRUNNER_OK}, "OK with no data"},
      {"OK with no bytes", {.second = {.data = rows_1_2, .n = 1}}, "OK with no data"},
      {"fails", {.second = {.message = "out of ink"}, .answer = UDFRUNNER_HOST}, "out of ink"},
      {"unknown answer", {.answer = 77}, "answered 77"},
      {"falling offsets",
       {.second = {.data = rows_1_2, .size = sizeof rows_1_2, .n = 2, .offsets = falling}},
       "record 1 at bytes 9 to 3"},
      {"offsets beyond the data",
       {.second = {.data = rows_1_2, .size = sizeof rows_1_2, .n = 1, .offsets = beyond}},
       "record 0 at bytes 0 to 100"}};
  setup();
  for (size_t i = 0; i < COUNT(bad); i++) {
    struct records source = bad[i].source;
    udfrunner_input input = {.size = sizeof input,
                             .kind = UDFRUNNER_INPUT_RECORDS,
                             .next = next_record,
                             .release = release_records,
                             .ctx = &source};
    struct refusal r = {.name = bad[i].name,
                        .eval_type = UDFRUNNER_SQL_BATCHED_UDF,
                        .reference = "capi_functions:plus_one_row",
                        .at = NEXT,
                        .code = UDFRUNNER_HOST,
                        .parts = {"input callback", bad[i].part}};
    refused(&r, &input);
    CHECK_INT(2, source.calls); /* none after the failure */
    CHECK_INT(1, source.released);
  }
  teardown();
}

static void warm_up(void) {
  setup();
  teardown();
}

int main(int argc, char **argv) {
  library_open();
  static const test tests[] = {TEST(runners),      TEST(functions), TEST(configuration_of_an_env),
                               TEST(interpreters), TEST(streams),   TEST(records_callbacks)};
  return run_tests(tests, COUNT(tests), warm_up, argc, argv);
}
