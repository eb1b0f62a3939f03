/* Licensed under the Apache License, Version 2.0. See LICENSE. */
/* Several threads, and several iterators of one thread. */
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "host.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static udfrunner_env *env;
static udfrunner_runner *runner;

static void setup(int32_t eval_type, const char *function, const char *type) {
  env = test_env();
  runner = test_runner(env, eval_type, function, type);
}

static void teardown(void) {
  CHECK_INT(UDFRUNNER_OK, lib.runner_destroy(&runner));
  CHECK_INT(UDFRUNNER_OK, lib.udfrunner_env_destroy(&env));
}

static void warm_up(void) {
  setup(UDFRUNNER_SQL_SCALAR_PANDAS_UDF, "plus_one", "long");
  numbers source = {.batches = 1, .rows = 1};
  udfrunner_iterator *it = test_compute(runner, &source, NULL);
  CHECK_INT(1, read_all(it, 1, 1));
  lib.iterator_close(&it);
  teardown();
}

/* A thread that reads an iterator until something other than OK comes. */
struct reader {
  udfrunner_iterator *it;
  atomic_int calls;
  int32_t code;
  double ended;
};

static void *read_on(void *context) {
  struct reader *reader = context;
  do {
    struct ArrowArray array;
    atomic_fetch_add(&reader->calls, 1);
    reader->code = lib.iterator_next_arrow(reader->it, -1, &array, NULL, NULL);
    if (array.release != NULL) array.release(&array);
  } while (reader->code == UDFRUNNER_OK);
  reader->ended = now();
  return NULL;
}

/* True once the worker has the task: its input was pulled. */
static bool pulled(void *source) { return atomic_load(&((numbers *)source)->given) > 0; }

/* Starts a task whose function never returns, and a thread that waits for it. */
static pthread_t start_sleeper(struct reader *reader, numbers *source) {
  *source = (numbers){.batches = 1, .rows = 10};
  reader->it = test_compute(runner, source, NULL);
  pthread_t thread = start(read_on, reader);
  CHECK(wait_until(pulled, source));
  return thread;
}

static void cancel_from_another_thread(void) {
  setup(UDFRUNNER_SQL_SCALAR_PANDAS_UDF, "sleeps", "long");
  struct reader reader = {0};
  numbers source;
  pthread_t thread = start_sleeper(&reader, &source);
  double begin = now();
  CHECK_INT(UDFRUNNER_OK, lib.iterator_cancel(reader.it, "enough of this"));
  CHECK_INT(UDFRUNNER_OK, lib.iterator_cancel(reader.it, "again"));
  join(thread);
  CHECK(reader.ended - begin < 5);
  CHECK_INT(UDFRUNNER_CANCELLED, reader.code);
  CHECK_INT(0, source.released);
  udfrunner_error *err;
  CHECK_INT(UDFRUNNER_CANCELLED, lib.iterator_error(reader.it, &err));
  CHECK_HOLDS("enough of this", lib.udfrunner_error_message(err));
  lib.udfrunner_error_destroy(&err);
  lib.iterator_close(&reader.it);
  CHECK_INT(1, source.released);
  teardown();
}

static void runner_cancel_ends_all_its_tasks(void) {
  setup(UDFRUNNER_SQL_SCALAR_PANDAS_UDF, "sleeps", "long");
  struct reader readers[3] = {0};
  numbers sources[3];
  pthread_t threads[3];
  for (size_t i = 0; i < COUNT(readers); i++) threads[i] = start_sleeper(&readers[i], &sources[i]);
  CHECK_INT(UDFRUNNER_OK, lib.runner_cancel(runner, NULL));
  for (size_t i = 0; i < COUNT(readers); i++) {
    join(threads[i]);
    CHECK_INT(UDFRUNNER_CANCELLED, readers[i].code);
    lib.iterator_close(&readers[i].it);
    CHECK_INT(1, sources[i].released);
  }
  teardown();
}

static void close_during_a_call(void) {
  setup(UDFRUNNER_SQL_SCALAR_PANDAS_UDF, "sleeps", "long");
  struct reader reader = {0};
  numbers source;
  pthread_t thread = start_sleeper(&reader, &source);
  udfrunner_iterator *handle = reader.it;
  double begin = now();
  CHECK_INT(UDFRUNNER_OK, lib.iterator_close(&handle));
  CHECK(now() - begin < 1);
  join(thread);
  CHECK(reader.code == UDFRUNNER_CANCELLED || reader.code == UDFRUNNER_INVALID_HANDLE);
  CHECK_INT(1, source.released); /* by the call that was in flight, or by close */
  CHECK_INT(source.given, source.arrays_released);
  teardown();
}

static void env_destroyed_during_a_call(void) {
  setup(UDFRUNNER_SQL_SCALAR_PANDAS_UDF, "sleeps", "long");
  struct reader reader = {0};
  numbers source;
  pthread_t thread = start_sleeper(&reader, &source);
  CHECK_INT(UDFRUNNER_OK, lib.udfrunner_env_destroy(&env));
  join(thread);
  CHECK_INT(UDFRUNNER_CANCELLED, reader.code);
  CHECK_INT(0, source.released);
  lib.iterator_close(&reader.it);
  CHECK_INT(1, source.released);
  lib.runner_destroy(&runner);
}

static void concurrent_use_is_refused(void) {
  setup(UDFRUNNER_SQL_SCALAR_PANDAS_UDF, "sleeps", "long");
  struct reader reader = {0};
  numbers source;
  pthread_t thread = start_sleeper(&reader, &source);
  struct ArrowArray array;
  udfrunner_error *err;
  CHECK_FAILS(UDFRUNNER_INVALID_STATE, lib.iterator_next_arrow(reader.it, 0, &array, NULL, &err),
              err);
  udfrunner_bytes bytes; /* exempt */
  CHECK_OK(lib.iterator_result(reader.it, "metrics", &bytes, &err), err);
  lib.udfrunner_bytes_release(&bytes);
  CHECK_OK(lib.udfrunner_env_stats(env, &bytes, &err), err);
  lib.udfrunner_bytes_release(&bytes);
  int32_t fd;
  CHECK_OK(lib.iterator_event_fd(reader.it, &fd, &err), err);
  lib.iterator_cancel(reader.it, NULL);
  join(thread);
  CHECK_INT(UDFRUNNER_CANCELLED, reader.code); /* the refusal changed nothing */
  lib.iterator_close(&reader.it);
  teardown();
}

static void interleaved_on_one_thread(void) {
  setup(UDFRUNNER_SQL_SCALAR_PANDAS_UDF, "plus_one", "long");
  enum { TASKS = 6, BATCHES = 5, ROWS = 100 };
  numbers sources[TASKS];
  udfrunner_iterator *its[TASKS];
  int64_t rows[TASKS] = {0};
  for (int i = 0; i < TASKS; i++) {
    sources[i] = (numbers){.batches = BATCHES, .rows = ROWS};
    udfrunner_task task = {.size = sizeof task, .partition = i};
    its[i] = test_compute(runner, &sources[i], &task);
  }
  int open = TASKS;
  while (open > 0) {
    for (int i = 0; i < TASKS; i++) {
      if (its[i] == NULL) continue;
      struct ArrowArray array;
      udfrunner_error *err;
      int32_t code = lib.iterator_next_arrow(its[i], 20, &array, NULL, &err);
      if (code == UDFRUNNER_TIMED_OUT) continue;
      if (code == UDFRUNNER_DONE) {
        CHECK_INT(BATCHES * ROWS, rows[i]);
        lib.iterator_close(&its[i]);
        open--;
        continue;
      }
      CHECK_OK(code, err);
      check_batch(&array, rows[i], 1, 1);
      rows[i] += array.length;
      array.release(&array);
    }
  }
  teardown();
}

/* An input callback that runs a whole task of its own, and one that cancels its task. */
static atomic_int nested;

static void run_another(void *context) {
  (void)context;
  numbers source = {.batches = 2, .rows = 10};
  udfrunner_iterator *it = test_compute(runner, &source, NULL);
  CHECK_INT(20, read_all(it, 1, 1));
  lib.iterator_close(&it);
  CHECK_INT(1, source.released);
  atomic_fetch_add(&nested, 1);
}

static void callback_uses_another_iterator(void) {
  setup(UDFRUNNER_SQL_SCALAR_PANDAS_UDF, "plus_one", "long");
  nested = 0;
  numbers source = {.batches = 3, .rows = 10, .during = run_another};
  udfrunner_iterator *it = test_compute(runner, &source, NULL);
  CHECK_INT(30, read_all(it, 1, 1));
  CHECK_INT(4, nested); /* three batches and the end */
  lib.iterator_close(&it);
  teardown();
}

static void cancel_own(void *context) {
  lib.iterator_cancel(*(udfrunner_iterator **)context, NULL);
}

static void callback_cancels_its_own(void) {
  setup(UDFRUNNER_SQL_SCALAR_PANDAS_UDF, "plus_one", "long");
  udfrunner_iterator *it;
  numbers source = {.batches = 3, .rows = 10, .during = cancel_own, .context = &it};
  it = test_compute(runner, &source, NULL);
  struct ArrowArray array;
  udfrunner_error *err;
  CHECK_FAILS(UDFRUNNER_CANCELLED, lib.iterator_next_arrow(it, -1, &array, NULL, &err), err);
  lib.iterator_close(&it);
  CHECK_INT(1, source.released);
  CHECK_INT(source.given, source.arrays_released);
  teardown();
}

/* An iterator may move between threads. */
static void *read_one(void *context) {
  struct reader *reader = context;
  struct ArrowArray array;
  reader->code = lib.iterator_next_arrow(reader->it, -1, &array, NULL, NULL);
  if (array.release != NULL) array.release(&array);
  return NULL;
}

static void read_by_many_threads_in_turn(void) {
  setup(UDFRUNNER_SQL_MAP_ARROW_ITER_UDF, "doubled", "n long");
  numbers source = {.batches = 20, .rows = 10};
  struct reader reader = {.it = test_compute(runner, &source, NULL)};
  do {
    join(start(read_one, &reader));
  } while (reader.code == UDFRUNNER_OK);
  CHECK_INT(UDFRUNNER_DONE, reader.code);
  lib.iterator_close(&reader.it);
  teardown();
}

static void *whole_task(void *context) {
  numbers source = {.batches = 20, .rows = 1000};
  udfrunner_task task = {.size = sizeof task, .partition = (int32_t)(intptr_t)context};
  udfrunner_iterator *it = test_compute(runner, &source, &task);
  CHECK_INT(20000, read_all(it, 1, 1));
  CHECK_INT(UDFRUNNER_OK, lib.iterator_close(&it));
  CHECK_INT(1, source.released);
  return NULL;
}

static void a_task_in_each_thread(void) {
  setup(UDFRUNNER_SQL_SCALAR_PANDAS_UDF, "plus_one", "long");
  pthread_t threads[8];
  for (size_t i = 0; i < COUNT(threads); i++) threads[i] = start(whole_task, (void *)i);
  for (size_t i = 0; i < COUNT(threads); i++) join(threads[i]);
  teardown();
}

int main(int argc, char **argv) {
  library_open();
  static const test tests[] = {TEST(cancel_from_another_thread),
                               TEST(runner_cancel_ends_all_its_tasks),
                               TEST(close_during_a_call),
                               TEST(env_destroyed_during_a_call),
                               TEST(concurrent_use_is_refused),
                               TEST(interleaved_on_one_thread),
                               TEST(callback_uses_another_iterator),
                               TEST(callback_cancels_its_own),
                               TEST(read_by_many_threads_in_turn),
                               TEST(a_task_in_each_thread)};
  return run_tests(tests, COUNT(tests), warm_up, argc, argv);
}
