/* Licensed under the Apache License, Version 2.0. See LICENSE. */
/* Memory that the library hands out: released by other threads, after its iterator, env and the
 * whole library ended, and in forked children, where nothing else works. */
#define _GNU_SOURCE
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"
#include "host.h"

/* One of everything that can be handed out. */
struct handed_out {
  udfrunner_env *env;
  udfrunner_runner *runner;
  udfrunner_iterator *it;
  udfrunner_iterator *of_chunk;
  udfrunner_iterator *of_stream;
  numbers sources[3];
  struct ArrowArray array;
  struct ArrowArray child;
  struct ArrowSchema schema;
  struct ArrowArrayStream stream;
  udfrunner_chunk chunk;
  udfrunner_bytes bytes;
  udfrunner_error *error;
};

/* Results of more than a MiB lie in mappings of their own, smaller ones in malloc's memory. */
static void hand_out(struct handed_out *all, int rows) {
  memset(all, 0, sizeof *all);
  udfrunner_error *err;
  all->env = test_env();
  all->runner = test_runner(all->env, UDFRUNNER_SQL_SCALAR_ARROW_UDF, "plus_one_arrow", "long");
  for (int i = 0; i < 3; i++) all->sources[i] = (numbers){.batches = 2, .rows = rows};
  all->it = test_compute(all->runner, &all->sources[0], NULL);
  CHECK_OK(lib.iterator_next_arrow(all->it, -1, &all->array, &all->schema, &err), err);
  check_batch(&all->array, 0, 1, 1);
  all->child = *all->array.children[0]; /* moved out of its parent */
  all->array.children[0]->release = NULL;
  CHECK_OK(lib.iterator_result(all->it, "metrics", &all->bytes, &err), err);
  all->of_chunk = test_compute(all->runner, &all->sources[1], NULL);
  CHECK_OK(lib.iterator_next(all->of_chunk, -1, &all->chunk, &err), err);
  CHECK_INT(UDFRUNNER_INVALID_STATE,
            lib.iterator_next_arrow(all->of_chunk, 0, &(struct ArrowArray){0}, NULL, &all->error));
  all->of_stream = test_compute(all->runner, &all->sources[2], NULL);
  CHECK_OK(lib.iterator_export(all->of_stream, &all->stream, &err), err);
}

/* Releases what is plain C, all but the stream. */
static void release_memory(struct handed_out *all) {
  all->array.release(&all->array);
  CHECK(all->array.release == NULL);
  CHECK_INT(1, ((const int64_t *)all->child.buffers[1])[all->child.offset]);
  all->child.release(&all->child);
  all->schema.release(&all->schema);
  CHECK(all->schema.release == NULL);
  lib.udfrunner_chunk_release(&all->chunk);
  lib.udfrunner_chunk_release(&all->chunk);
  lib.udfrunner_bytes_release(&all->bytes);
  CHECK_INT(UDFRUNNER_INVALID_STATE, lib.udfrunner_error_code(all->error));
  CHECK(lib.udfrunner_error_message(all->error)[0] != '\0');
  lib.udfrunner_error_destroy(&all->error);
  lib.udfrunner_error_destroy(&all->error);
}

static void close_all(struct handed_out *all) {
  CHECK_INT(UDFRUNNER_OK, lib.iterator_close(&all->it));
  CHECK_INT(UDFRUNNER_OK, lib.iterator_close(&all->of_chunk));
  CHECK_INT(UDFRUNNER_OK, lib.iterator_close(&all->of_stream));
  CHECK_INT(UDFRUNNER_OK, lib.runner_destroy(&all->runner));
  CHECK_INT(UDFRUNNER_OK, lib.udfrunner_env_destroy(&all->env));
}

static void check_inputs(const struct handed_out *all) {
  for (int i = 0; i < 3; i++) {
    CHECK_INT(1, all->sources[i].released);
    CHECK_INT(all->sources[i].given, all->sources[i].arrays_released);
  }
}

static void *release_in_thread(void *all) {
  release_memory(all);
  return NULL;
}

static const int sizes[] = {10, 400000};

static void after_everything_on_another_thread(void) {
  for (int i = 0; i < 2; i++) {
    struct handed_out all;
    hand_out(&all, sizes[i]);
    close_all(&all);
    all.stream.release(&all.stream);
    check_inputs(&all);
    join(start(release_in_thread, &all));
  }
}

static void after_shutdown(void) {
  for (int i = 0; i < 2; i++) {
    struct handed_out all;
    hand_out(&all, sizes[i]);
    CHECK_INT(UDFRUNNER_OK, lib.udfrunner_shutdown(20000));
    CHECK_INT(0, count_workers());
    udfrunner_error *err;
    udfrunner_bytes bytes;
    udfrunner_runner *runner;
    CHECK_FAILS(UDFRUNNER_CANCELLED, lib.udfrunner_env_stats(all.env, &bytes, &err), err);
    CHECK_FAILS(UDFRUNNER_CANCELLED,
                lib.runner_create(all.env, UDFRUNNER_SQL_SCALAR_ARROW_UDF, &runner, &err), err);
    CHECK_FAILS(UDFRUNNER_CANCELLED, lib.runner_set(all.runner, "a", 1, "b", 1, &err), err);
    struct ArrowArray array;
    udfrunner_chunk chunk;
    CHECK_FAILS(UDFRUNNER_CANCELLED, lib.iterator_next_arrow(all.it, -1, &array, NULL, &err), err);
    CHECK_FAILS(UDFRUNNER_CANCELLED, lib.iterator_next(all.of_chunk, -1, &chunk, &err), err);
    CHECK_INT(125 /* ECANCELED */, all.stream.get_next(&all.stream, &array));
    release_memory(&all);
    close_all(&all);
    all.stream.release(&all.stream);
    check_inputs(&all);
    CHECK_INT(UDFRUNNER_OK, lib.udfrunner_shutdown(0)); /* nothing runs */
  }
}

/* The default env is created again after a shutdown. */
static void default_env(void) {
  for (int i = 0; i < 2; i++) {
    udfrunner_error *err;
    udfrunner_bytes bytes;
    CHECK_OK(lib.udfrunner_env_stats(NULL, &bytes, &err), err);
    lib.udfrunner_bytes_release(&bytes);
    udfrunner_runner *runner =
        test_runner(NULL, UDFRUNNER_SQL_SCALAR_PANDAS_UDF, "plus_one", "long");
    CHECK_INT(UDFRUNNER_OK, lib.udfrunner_shutdown(-1));
    CHECK_FAILS(UDFRUNNER_CANCELLED, lib.runner_set(runner, "a", 1, "b", 1, &err), err);
    lib.runner_destroy(&runner);
  }
}

/* ------------------------------------------------------------ Forked children */

static void every_function_says_forked(struct handed_out *all) {
  const int32_t forked = UDFRUNNER_FORKED;
  udfrunner_env *env = all->env;
  udfrunner_runner *runner = all->runner;
  udfrunner_iterator *it = all->it;
  udfrunner_error *err;
  udfrunner_bytes bytes;
  udfrunner_chunk chunk;
  udfrunner_buffer buffer;
  struct ArrowArray array;
  struct ArrowSchema schema;
  struct ArrowArrayStream stream;
  int32_t fd;
  CHECK_INT(UDFRUNNER_ABI_VERSION, lib.udfrunner_abi_version());
  CHECK(lib.udfrunner_version()[0] != '\0');
  CHECK_INT(forked, lib.udfrunner_shutdown(-1));
  CHECK_FAILS(forked, lib.udfrunner_env_create(NULL, 0, &env, &err), err);
  CHECK(env == NULL);
  env = all->env;
  CHECK_INT(forked, lib.udfrunner_env_destroy(&env));
  CHECK(env == NULL);
  CHECK_FAILS(forked, lib.udfrunner_env_stats(all->env, &bytes, &err), err);
  CHECK_FAILS(forked, lib.udfrunner_log_next(all->env, 0, &bytes, &err), err);
  CHECK_FAILS(forked, lib.udfrunner_buffer_alloc(all->env, 8, &buffer, &err), err);
  CHECK_FAILS(forked, lib.runner_create(all->env, 200, &runner, &err), err);
  CHECK_FAILS(forked, lib.runner_add_function(all->runner, NULL, 0, NULL, 0, &err), err);
  CHECK_FAILS(forked, lib.runner_set(all->runner, "a", 1, "b", 1, &err), err);
  CHECK_FAILS(forked, lib.runner_add_include(all->runner, "a", 1, &err), err);
  CHECK_FAILS(forked, lib.runner_add_broadcast(all->runner, 1, "a", 1, &err), err);
  CHECK_FAILS(forked, lib.runner_compute(all->runner, NULL, NULL, &it, &err), err);
  CHECK_INT(forked, lib.runner_cancel(all->runner, NULL));
  runner = all->runner;
  CHECK_INT(forked, lib.runner_destroy(&runner));
  CHECK(runner == NULL);
  CHECK_FAILS(forked, lib.iterator_schema(all->it, &schema, &err), err);
  CHECK_FAILS(forked, lib.iterator_next(all->it, -1, &chunk, &err), err);
  CHECK_FAILS(forked, lib.iterator_next_arrow(all->it, -1, &array, &schema, &err), err);
  CHECK_FAILS(forked, lib.iterator_export(all->it, &stream, &err), err);
  CHECK_FAILS(forked, lib.iterator_error(all->it, &err), err);
  CHECK_FAILS(forked, lib.iterator_event_fd(all->it, &fd, &err), err);
  CHECK_FAILS(forked, lib.iterator_result(all->it, "metrics", &bytes, &err), err);
  CHECK_FAILS(forked, lib.iterator_stack(all->it, 0, &bytes, &err), err);
  const char *key;
  const char *value;
  CHECK_INT(forked, lib.iterator_error(all->it, &err));
  CHECK_INT(UDFRUNNER_DONE, lib.udfrunner_error_detail_at(err, 0, &key, &value));
  CHECK_ERROR(forked, err);
  CHECK_INT(forked, lib.iterator_cancel(all->it, NULL));
  it = all->it;
  CHECK_INT(forked, lib.iterator_close(&it));
  CHECK(it == NULL);
  CHECK_INT(forked, lib.iterator_close(&it));
  CHECK_INT(5 /* EIO */, all->stream.get_next(&all->stream, &array));
  CHECK_HOLDS("forked child", all->stream.get_last_error(&all->stream));
  CHECK_INT(5, all->stream.get_schema(&all->stream, &schema));
}

typedef pid_t forker(void);

/* What multiprocessing and careless launchers do; the second runs no fork handlers. */
static pid_t by_clone(void) {
  return (pid_t)syscall(SYS_clone, 17 /* SIGCHLD */, NULL, NULL, NULL, 0L);
}

static void in_child(forker *make_child, int rows) {
  struct handed_out all;
  hand_out(&all, rows);
  pid_t child = make_child();
  CHECK(child >= 0);
  if (child == 0) {
    alarm(20); /* a hang is death by SIGALRM */
    every_function_says_forked(&all);
    release_memory(&all);
    all.stream.release(&all.stream);
    CHECK(all.stream.release == NULL);
    CHECK_INT(0, all.sources[2].released); /* runs no host code here */
    _exit(42);
  }
  int status;
  CHECK_INT(child, waitpid(child, &status, 0));
  CHECK(WIFEXITED(status));
  CHECK_INT(42, WEXITSTATUS(status));
  /* The parent's share is untouched. */
  int64_t read = all.array.length;
  release_memory(&all);
  CHECK_INT(2LL * rows, read_rest(all.it, read, 1, 1));
  close_all(&all);
  all.stream.release(&all.stream);
  check_inputs(&all);
}

static void forked_child(void) {
  in_child(fork, sizes[0]);
  in_child(fork, sizes[1]);
}

static void cloned_child(void) {
  in_child(by_clone, sizes[0]);
  in_child(by_clone, sizes[1]);
}

/* -------------------------------------------------------------------- Volume */

/* Many big blocks, released in another order and by several threads. */
static void *release_array(void *context) {
  struct ArrowArray *array = context;
  array->release(array);
  return NULL;
}

static void big_batches(void) {
  udfrunner_env *env = test_env();
  udfrunner_runner *runner =
      test_runner(env, UDFRUNNER_SQL_MAP_ARROW_ITER_UDF, "doubled", "n long");
  numbers source = {.batches = 24, .rows = 1 << 20};
  udfrunner_iterator *it = test_compute(runner, &source, NULL);
  struct ArrowArray held[6];
  int64_t rows = 0;
  int n = 0;
  for (;;) {
    udfrunner_error *err;
    int32_t code = lib.iterator_next_arrow(it, -1, &held[n], NULL, &err);
    if (code == UDFRUNNER_DONE) break;
    CHECK_OK(code, err);
    CHECK_INT(2 * rows,
              ((const int64_t *)held[n].children[0]->buffers[1])[held[n].children[0]->offset]);
    rows += held[n++].length;
    if (n == 6) {
      pthread_t threads[6];
      for (int i = 0; i < 6; i++) threads[i] = start(release_array, &held[i]);
      for (int i = 0; i < 6; i++) join(threads[i]);
      n = 0;
    }
  }
  for (int i = 0; i < n; i++) held[i].release(&held[i]);
  CHECK_INT(24LL << 20, rows);
  lib.iterator_close(&it);
  lib.runner_destroy(&runner);
  lib.udfrunner_env_destroy(&env);
}

int main(int argc, char **argv) {
  library_open();
  static const test tests[] = {TEST(after_everything_on_another_thread),
                               TEST(after_shutdown),
                               TEST(default_env),
                               TEST(forked_child),
                               TEST(cloned_child),
                               TEST(big_batches)};
  return run_tests(tests, sizeof tests / sizeof tests[0], after_everything_on_another_thread, argc,
                   argv);
}
