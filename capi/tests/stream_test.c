/* Licensed under the Apache License, Version 2.0. See LICENSE. */
/* Iterators exported as Arrow C streams, and event descriptors. */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "host.h"

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

static void export_of(udfrunner_iterator *it, struct ArrowArrayStream *stream) {
  udfrunner_error *err;
  CHECK_OK(lib.iterator_export(it, stream, &err), err);
  CHECK(stream->release != NULL);
}

static int64_t read_stream(struct ArrowArrayStream *stream, int64_t a, int64_t b) {
  int64_t rows = 0;
  for (;;) {
    struct ArrowArray array;
    CHECK_INT(0, stream->get_next(stream, &array));
    if (array.release == NULL) return rows;
    check_batch(&array, rows, a, b);
    rows += array.length;
    array.release(&array);
  }
}

static void exported(void) {
  setup(UDFRUNNER_SQL_SCALAR_PANDAS_UDF, "plus_one", "long");
  numbers source = {.batches = 5, .rows = 100};
  udfrunner_iterator *it = test_compute(runner, &source, NULL);
  struct ArrowArrayStream stream;
  export_of(it, &stream);
  struct ArrowSchema schema;
  CHECK_INT(0, stream.get_schema(&stream, &schema));
  CHECK_TEXT("l", schema.children[0]->format);
  schema.release(&schema);
  CHECK_INT(500, read_stream(&stream, 1, 1));
  struct ArrowArray array;
  CHECK_INT(0, stream.get_next(&stream, &array));
  CHECK(array.release == NULL);
  CHECK(stream.get_last_error(&stream) == NULL);

  udfrunner_error *err;
  CHECK_FAILS(UDFRUNNER_INVALID_STATE, lib.iterator_next_arrow(it, 0, &array, NULL, &err), err);
  CHECK_OK(lib.iterator_error(it, &err), err);
  udfrunner_bytes bytes;
  CHECK_OK(lib.iterator_result(it, "metrics", &bytes, &err), err);
  lib.udfrunner_bytes_release(&bytes);

  stream.release(&stream);
  CHECK(stream.release == NULL);
  CHECK_INT(0, source.released); /* the handle holds the iterator still */
  lib.iterator_close(&it);
  CHECK_INT(1, source.released);
  teardown();
}

static void stream_outlives_the_handle(void) {
  setup(UDFRUNNER_SQL_SCALAR_PANDAS_UDF, "plus_one", "long");
  numbers source = {.batches = 5, .rows = 100};
  udfrunner_iterator *it = test_compute(runner, &source, NULL);
  struct ArrowArrayStream stream;
  export_of(it, &stream);
  lib.iterator_close(&it);
  CHECK_INT(0, source.released);
  CHECK_INT(500, read_stream(&stream, 1, 1));
  stream.release(&stream);
  CHECK_INT(1, source.released);
  teardown();
}

static void released_early(void) {
  setup(UDFRUNNER_SQL_MAP_ARROW_ITER_UDF, "blow_up", "n long");
  numbers source = {.batches = 100, .rows = 1000};
  udfrunner_iterator *it = test_compute(runner, &source, NULL);
  struct ArrowArrayStream stream;
  export_of(it, &stream);
  struct ArrowArray array;
  CHECK_INT(0, stream.get_next(&stream, &array));
  double begin = now();
  stream.release(&stream);
  CHECK(now() - begin < 1);
  udfrunner_error *err;
  CHECK_FAILS(UDFRUNNER_CANCELLED, lib.iterator_error(it, &err), err); /* the task ended */
  lib.iterator_close(&it);
  CHECK_INT(1, source.released);
  array.release(&array); /* outlives both */
  teardown();
}

static void errors_of_a_stream(int expected_errno, int32_t expected, const char *function,
                               int64_t deadline_ms, const char *text) {
  setup(UDFRUNNER_SQL_SCALAR_PANDAS_UDF, function, "long");
  numbers source = {.batches = 2, .rows = 10};
  udfrunner_task task = {.size = sizeof task, .deadline_ms = deadline_ms};
  udfrunner_iterator *it = test_compute(runner, &source, &task);
  struct ArrowArrayStream stream;
  export_of(it, &stream);
  struct ArrowArray array;
  CHECK_INT(expected_errno, stream.get_next(&stream, &array));
  CHECK(array.release == NULL);
  CHECK_HOLDS(text, stream.get_last_error(&stream));
  CHECK_INT(expected_errno, stream.get_next(&stream, &array));
  udfrunner_error *err;
  CHECK_FAILS(expected, lib.iterator_error(it, &err), err);
  CHECK_INT(EINVAL, stream.get_next(&stream, NULL));
  stream.release(&stream);
  lib.iterator_close(&it);
  CHECK_INT(1, source.released);
  teardown();
}

static void exception_of_a_stream(void) {
  errors_of_a_stream(EIO, UDFRUNNER_PYTHON_EXCEPTION, "told_to_fail", 0, "told to fail");
}

static void deadline_of_a_stream(void) {
  errors_of_a_stream(ETIMEDOUT, UDFRUNNER_DEADLINE, "sleeps", 1200, "deadline");
}

static void *cancel(void *it) {
  lib.iterator_cancel(it, "no longer needed");
  return NULL;
}

static void cancelled_stream(void) {
  setup(UDFRUNNER_SQL_SCALAR_PANDAS_UDF, "sleeps", "long");
  numbers source = {.batches = 2, .rows = 10};
  udfrunner_iterator *it = test_compute(runner, &source, NULL);
  struct ArrowArrayStream stream;
  export_of(it, &stream);
  pthread_t thread = start(cancel, it);
  struct ArrowArray array;
  CHECK_INT(ECANCELED, stream.get_next(&stream, &array));
  join(thread);
  CHECK_HOLDS("no longer needed", stream.get_last_error(&stream));
  stream.release(&stream);
  lib.iterator_close(&it);
  teardown();
}

/* ------------------------------------------------------------------- Events */

static int32_t fd_of(udfrunner_iterator *it) {
  udfrunner_error *err;
  int32_t fd;
  CHECK_OK(lib.iterator_event_fd(it, &fd, &err), err);
  CHECK(fd >= 0);
  return fd;
}

/* Reads with timeouts of 0 and poll in between; the input says EAGAIN some times. */
static void poll_loop(void) {
  setup(UDFRUNNER_SQL_MAP_ARROW_ITER_UDF, "doubled", "n long");
  numbers source = {.batches = 30, .rows = 10, .answer_at = 10, .answer = EAGAIN, .answers = 5};
  udfrunner_iterator *it = test_compute(runner, &source, NULL);
  struct pollfd poll_fd = {.fd = fd_of(it), .events = POLLIN};
  CHECK_INT(poll_fd.fd, fd_of(it));
  int64_t rows = 0;
  int waits = 0;
  int hungry = 0;
  for (;;) {
    struct ArrowArray array;
    udfrunner_error *err;
    int32_t code = lib.iterator_next_arrow(it, 0, &array, NULL, &err);
    if (code == UDFRUNNER_DONE) break;
    if (code == UDFRUNNER_NEED_INPUT) {
      hungry++; /* a real loop waits for its source here, and for the descriptor */
      continue;
    }
    if (code == UDFRUNNER_TIMED_OUT) {
      waits++;
      CHECK_INT(1, poll(&poll_fd, 1, 20000));
      continue;
    }
    CHECK_OK(code, err);
    check_batch(&array, rows, 2, 0);
    rows += array.length;
    array.release(&array);
  }
  CHECK_INT(300, rows);
  CHECK(hungry > 0);
  CHECK(waits > 0);
  CHECK_INT(1, poll(&poll_fd, 1, 0)); /* the end stays readable */
  lib.iterator_close(&it);
  teardown();
}

/* An iterator that waits for input is not readable until there is output. */
static void hungry_is_quiet(void) {
  setup(UDFRUNNER_SQL_MAP_ARROW_ITER_UDF, "doubled", "n long");
  numbers source = {.batches = 1, .rows = 10, .answer = EAGAIN, .answers = 1000000};
  udfrunner_iterator *it = test_compute(runner, &source, NULL);
  struct pollfd poll_fd = {.fd = fd_of(it), .events = POLLIN};
  struct ArrowArray array;
  udfrunner_error *err;
  CHECK_INT(UDFRUNNER_NEED_INPUT, lib.iterator_next_arrow(it, -1, &array, NULL, &err));
  CHECK(err == NULL);
  CHECK_INT(0, poll(&poll_fd, 1, 50));
  lib.iterator_cancel(it, NULL);
  CHECK_INT(1, poll(&poll_fd, 1, 20000));
  CHECK_FAILS(UDFRUNNER_CANCELLED, lib.iterator_next_arrow(it, 0, &array, NULL, &err), err);
  lib.iterator_close(&it);
  teardown();
}

int main(int argc, char **argv) {
  library_open();
  static const test tests[] = {TEST(exported),
                               TEST(stream_outlives_the_handle),
                               TEST(released_early),
                               TEST(exception_of_a_stream),
                               TEST(deadline_of_a_stream),
                               TEST(cancelled_stream),
                               TEST(poll_loop),
                               TEST(hungry_is_quiet)};
  return run_tests(tests, sizeof tests / sizeof tests[0], exported, argc, argv);
}
