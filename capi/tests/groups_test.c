/* Licensed under the Apache License, Version 2.0. See LICENSE. */
/* Input in groups: by a callback, and cut out of a sorted stream; table functions. */
#include <string.h>

#include "check.h"
#include "host.h"

enum { GROUPS = 3 };

/* A callback that supplies groups of numbers, a stream or two each. How it was used is counted. */
struct groups {
  numbers sources[GROUPS][2];
  int given;
  int released;
  /* From this group on the callback returns `answer`, once, if that is not OK. */
  int answer_at;
  int32_t answer;
  bool empty; /* it answers OK with nothing in it */
};

static int32_t next_group(void *ctx, struct ArrowArrayStream *out, int32_t n,
                          const char **message) {
  struct groups *groups = ctx;
  if (groups->empty) return UDFRUNNER_OK;
  if (groups->answer != UDFRUNNER_OK && groups->given == groups->answer_at) {
    int32_t answer = groups->answer;
    groups->answer = UDFRUNNER_OK;
    if (answer < 0) *message = "no more groups today";
    return answer;
  }
  if (groups->given == GROUPS) return UDFRUNNER_DONE;
  for (int32_t i = 0; i < n; i++) {
    numbers_input(&groups->sources[groups->given][i], &out[i]);
  }
  groups->given++;
  return UDFRUNNER_OK;
}

static void release_groups(void *ctx) { ((struct groups *)ctx)->released++; }

/* Groups of 1, 2 and 3 batches of 10 rows, from 0 on each. */
static struct groups make_groups(void) {
  struct groups groups = {.given = 0};
  for (int i = 0; i < GROUPS; i++) {
    for (int side = 0; side < 2; side++) {
      groups.sources[i][side] = (numbers){.batches = i + 1, .rows = 10};
    }
  }
  return groups;
}

static udfrunner_input groups_input(struct groups *groups, int32_t keys) {
  return (udfrunner_input){.size = sizeof(udfrunner_input),
                           .kind = UDFRUNNER_INPUT_GROUPS,
                           .keys = keys,
                           .next_group = next_group,
                           .release = release_groups,
                           .ctx = groups};
}

static udfrunner_env *env;

/* A runner without arguments: keys are the first columns. */
static udfrunner_runner *keyed_runner(int32_t eval_type, const char *reference,
                                      const char *return_type) {
  udfrunner_runner *runner;
  udfrunner_error *err;
  udfrunner_function f = {.size = sizeof f,
                          .reference = reference,
                          .reference_size = UDFRUNNER_NUL,
                          .return_type = return_type,
                          .return_type_size = UDFRUNNER_NUL};
  CHECK_OK(lib.runner_create(env, eval_type, &runner, &err), err);
  CHECK_OK(lib.runner_add_function(runner, &f, 1, NULL, 0, &err), err);
  include_functions(runner);
  return runner;
}

static udfrunner_iterator *compute(udfrunner_runner *runner, const udfrunner_input *input) {
  udfrunner_iterator *it;
  udfrunner_error *err;
  CHECK_OK(lib.runner_compute(runner, input, NULL, &it, &err), err);
  return it;
}

/* Reads int64 columns: value i of column c is want[i][c]. */
static void check_rows(udfrunner_iterator *it, const int64_t want[][2], int64_t rows, int columns) {
  int64_t n = 0;
  for (;;) {
    struct ArrowArray array;
    udfrunner_error *err;
    int32_t code = lib.iterator_next_arrow(it, -1, &array, NULL, &err);
    if (code == UDFRUNNER_NEED_INPUT) continue;
    if (code == UDFRUNNER_DONE) break;
    CHECK_OK(code, err);
    CHECK_INT(columns, array.n_children);
    for (int64_t i = 0; i < array.length; i++, n++) {
      CHECK(n < rows);
      for (int c = 0; c < columns; c++) {
        CHECK_INT(want[n][c], ((const int64_t *)array.children[c]->buffers[1])[i]);
      }
    }
    array.release(&array);
  }
  CHECK_INT(rows, n);
}

static void check_released(const struct groups *groups, int sides) {
  CHECK_INT(1, groups->released);
  for (int i = 0; i < groups->given; i++) {
    for (int side = 0; side < sides; side++) {
      CHECK_INT(1, groups->sources[i][side].released);
      CHECK_INT(groups->sources[i][side].given, groups->sources[i][side].arrays_released);
    }
  }
}

static void given_groups(void) {
  env = test_env();
  udfrunner_runner *runner =
      test_runner(env, UDFRUNNER_SQL_GROUPED_AGG_ARROW_UDF, "total_arrow", "long");
  static const int64_t sums[][2] = {{45}, {190}, {435}};
  struct groups groups = make_groups();
  groups.answer_at = 1;
  groups.answer = UDFRUNNER_AGAIN;
  udfrunner_input input = groups_input(&groups, 0);
  udfrunner_iterator *it = compute(runner, &input);
  check_rows(it, sums, GROUPS, 1);
  CHECK_INT(UDFRUNNER_OK, groups.answer); /* AGAIN was met */
  CHECK_INT(0, groups.released);
  lib.iterator_close(&it);
  check_released(&groups, 1);
  lib.runner_destroy(&runner);
  lib.udfrunner_env_destroy(&env);
}

static void cut_groups(void) {
  env = test_env();
  udfrunner_runner *runner = keyed_runner(UDFRUNNER_SQL_GROUPED_MAP_PANDAS_UDF,
                                          "capi_functions:rows_and_total", "rows long, total long");
  static const int64_t want[][2] = {{1, 0}, {1, 1}, {1, 2}, {1, 3}};
  numbers source = {.batches = 2, .rows = 2};
  struct ArrowArrayStream stream;
  udfrunner_input input = numbers_input(&source, &stream);
  input.keys = 1;
  udfrunner_iterator *it = compute(runner, &input);
  check_rows(it, want, 4, 2);
  lib.iterator_close(&it);

  /* Without keys all rows are one group. */
  static const int64_t all[][2] = {{4, 6}};
  source = (numbers){.batches = 2, .rows = 2};
  input = numbers_input(&source, &stream);
  it = compute(runner, &input);
  check_rows(it, all, 1, 2);
  lib.iterator_close(&it);
  CHECK_INT(1, source.released);
  lib.runner_destroy(&runner);
  lib.udfrunner_env_destroy(&env);
}

static void cogroups(void) {
  env = test_env();
  udfrunner_runner *runner = keyed_runner(UDFRUNNER_SQL_COGROUPED_MAP_PANDAS_UDF,
                                          "capi_functions:rows_of_both", "l long, r long");
  static const int64_t want[][2] = {{10, 10}, {20, 0}, {30, 30}};
  struct groups groups = make_groups();
  groups.sources[1][1].batches = 0;
  udfrunner_input input = groups_input(&groups, 1);
  udfrunner_iterator *it = compute(runner, &input);
  check_rows(it, want, GROUPS, 2);
  lib.iterator_close(&it);
  check_released(&groups, 2);
  lib.runner_destroy(&runner);
  lib.udfrunner_env_destroy(&env);
}

static void bad_groups(void) {
  static const struct {
    const char *name, *part;
    int32_t answer, keys, code;
    bool empty;
  } cases[] = {
      {"an error", "no more groups today", -100, 0, UDFRUNNER_HOST, false},
      {"a positive answer", "answered 77", 77, 0, UDFRUNNER_HOST, false},
      {"nothing filled", "stream 0 of 1 not filled", UDFRUNNER_OK, 0, UDFRUNNER_HOST, true},
      {"too many keys", "input keys 2, the input has 1 columns", UDFRUNNER_OK, 2,
       UDFRUNNER_INVALID_ARGUMENT, false}};
  env = test_env();
  udfrunner_runner *runner =
      test_runner(env, UDFRUNNER_SQL_GROUPED_AGG_ARROW_UDF, "total_arrow", "long");
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    check_case(cases[i].name);
    struct groups groups = make_groups();
    groups.answer_at = 1;
    groups.answer = cases[i].answer;
    groups.empty = cases[i].empty;
    udfrunner_input input = groups_input(&groups, cases[i].keys);
    udfrunner_iterator *it = compute(runner, &input);
    struct ArrowArray array;
    udfrunner_error *err;
    int32_t code;
    while ((code = lib.iterator_next_arrow(it, -1, &array, NULL, &err)) == UDFRUNNER_OK) {
      array.release(&array);
    }
    CHECK_INT(cases[i].code, code);
    CHECK_HOLDS(cases[i].part, lib.udfrunner_error_message(err));
    lib.udfrunner_error_destroy(&err);
    lib.iterator_close(&it);
    check_released(&groups, 1);
  }
  check_case(NULL);
  udfrunner_iterator *it;
  udfrunner_error *err;
  struct groups groups = make_groups();
  udfrunner_input input = groups_input(&groups, -1);
  CHECK_FAILS(UDFRUNNER_INVALID_ARGUMENT, lib.runner_compute(runner, &input, NULL, &it, &err), err);
  input = groups_input(&groups, 0);
  input.next_group = NULL;
  CHECK_FAILS(UDFRUNNER_INVALID_ARGUMENT, lib.runner_compute(runner, &input, NULL, &it, &err), err);
  CHECK_INT(0, groups.released);
  lib.runner_destroy(&runner);

  runner = test_runner(env, UDFRUNNER_SQL_SCALAR_PANDAS_UDF, "plus_one", "long");
  input = groups_input(&groups, 0);
  CHECK_FAILS(UDFRUNNER_NOT_SUPPORTED, lib.runner_compute(runner, &input, NULL, &it, &err), err);
  lib.runner_destroy(&runner);
  lib.udfrunner_env_destroy(&env);
}

static void table_function(void) {
  env = test_env();
  udfrunner_runner *runner;
  udfrunner_error *err;
  const udfrunner_argument argument = {0, NULL, 0};
  int32_t children[] = {-1};
  udfrunner_table_function table = {
      .size = sizeof table, .name = "twice", .name_size = UDFRUNNER_NUL};
  udfrunner_function f = {.size = sizeof f,
                          .reference = "capi_functions:Twice",
                          .reference_size = UDFRUNNER_NUL,
                          .return_type = "x long, y long",
                          .return_type_size = UDFRUNNER_NUL,
                          .table = &table};
  CHECK_OK(lib.runner_create(env, UDFRUNNER_SQL_ARROW_TABLE_UDF, &runner, &err), err);
  int32_t invalid = UDFRUNNER_INVALID_ARGUMENT;
  table.size = 8;
  CHECK_FAILS(invalid, lib.runner_add_function(runner, &f, 1, &argument, 1, &err), err);
  table.size = sizeof table;
  table.n_partition_children = 1;
  CHECK_FAILS(invalid, lib.runner_add_function(runner, &f, 1, &argument, 1, &err), err);
  table.partition_children = children;
  CHECK_FAILS(invalid, lib.runner_add_function(runner, &f, 1, &argument, 1, &err), err);
  table.n_partition_children = 0;
  CHECK_OK(lib.runner_add_function(runner, &f, 1, &argument, 1, &err), err);
  include_functions(runner);

  static const int64_t want[][2] = {{0, 1}, {0, 2}, {1, 1}, {1, 2}};
  numbers source = {.batches = 1, .rows = 2};
  udfrunner_iterator *it = test_compute(runner, &source, NULL);
  check_rows(it, want, 4, 2);
  lib.iterator_close(&it);
  lib.runner_destroy(&runner);
  lib.udfrunner_env_destroy(&env);
}

int main(int argc, char **argv) {
  library_open();
  static const test tests[] = {TEST(given_groups), TEST(cut_groups), TEST(cogroups),
                               TEST(bad_groups), TEST(table_function)};
  return run_tests(tests, sizeof tests / sizeof tests[0], given_groups, argc, argv);
}
