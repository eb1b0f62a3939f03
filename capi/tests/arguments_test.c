/* Licensed under the Apache License, Version 2.0. See LICENSE. */
/* What callers do wrong: NULL, handles of all bad sorts, sizes, texts. None of it may crash or
 * leave an out-parameter as it was. */
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "host.h"

/* A handle that no library made. */
static void *foreign(void) { return (void *)(uintptr_t)0x12345678; }

/* Each function that takes a handle, with good other arguments: how it answers to a handle. */
typedef int32_t call_with_handle(void *handle, udfrunner_error **err);

#define DIRTY(object) memset(&(object), 0x5a, sizeof(object))
#define CHECK_ZERO(object)                                 \
  do {                                                     \
    for (size_t i = 0; i < sizeof(object); i++) {          \
      CHECK_INT(0, ((const unsigned char *)&(object))[i]); \
    }                                                      \
  } while (0)

static int32_t env_stats(void *handle, udfrunner_error **err) {
  udfrunner_bytes bytes;
  DIRTY(bytes);
  int32_t code = lib.udfrunner_env_stats(handle, &bytes, err);
  CHECK_ZERO(bytes);
  return code;
}

static int32_t log_next(void *handle, udfrunner_error **err) {
  udfrunner_bytes bytes;
  DIRTY(bytes);
  int32_t code = lib.udfrunner_log_next(handle, 0, &bytes, err);
  CHECK_ZERO(bytes);
  return code;
}

static int32_t buffer_alloc(void *handle, udfrunner_error **err) {
  udfrunner_buffer buffer;
  DIRTY(buffer);
  int32_t code = lib.udfrunner_buffer_alloc(handle, 8, &buffer, err);
  CHECK_ZERO(buffer);
  lib.udfrunner_buffer_release(&buffer);
  return code;
}

static int32_t create(void *handle, udfrunner_error **err) {
  udfrunner_runner *runner;
  DIRTY(runner);
  int32_t code = lib.runner_create(handle, UDFRUNNER_SQL_SCALAR_PANDAS_UDF, &runner, err);
  CHECK(runner == NULL);
  return code;
}

static int32_t add_function(void *handle, udfrunner_error **err) {
  udfrunner_function f = {.size = sizeof f,
                          .reference = "a:b",
                          .reference_size = UDFRUNNER_NUL,
                          .return_type = "long",
                          .return_type_size = UDFRUNNER_NUL};
  return lib.runner_add_function(handle, &f, 1, NULL, 0, err);
}

static int32_t set(void *handle, udfrunner_error **err) {
  return lib.runner_set(handle, "a", 1, "b", 1, err);
}

static int32_t add_include(void *handle, udfrunner_error **err) {
  return lib.runner_add_include(handle, "/tmp", 4, err);
}

static int32_t add_broadcast(void *handle, udfrunner_error **err) {
  return lib.runner_add_broadcast(handle, 1, "/dev/null", UDFRUNNER_NUL, err);
}

static int32_t compute(void *handle, udfrunner_error **err) {
  udfrunner_iterator *it;
  DIRTY(it);
  numbers source = {0};
  struct ArrowArrayStream stream;
  udfrunner_input input = numbers_input(&source, &stream);
  int32_t code = lib.runner_compute(handle, &input, NULL, &it, err);
  CHECK(it == NULL);
  CHECK(stream.release != NULL); /* not moved */
  return code;
}

static int32_t cancel_runner(void *handle, udfrunner_error **err) {
  *err = NULL;
  return lib.runner_cancel(handle, NULL);
}

static int32_t schema(void *handle, udfrunner_error **err) {
  struct ArrowSchema out;
  DIRTY(out);
  int32_t code = lib.iterator_schema(handle, &out, err);
  CHECK_ZERO(out);
  return code;
}

static int32_t next(void *handle, udfrunner_error **err) {
  udfrunner_chunk chunk;
  DIRTY(chunk);
  int32_t code = lib.iterator_next(handle, 0, &chunk, err);
  CHECK_ZERO(chunk);
  return code;
}

static int32_t next_arrow(void *handle, udfrunner_error **err) {
  struct ArrowArray array;
  struct ArrowSchema out;
  DIRTY(array);
  DIRTY(out);
  int32_t code = lib.iterator_next_arrow(handle, 0, &array, &out, err);
  CHECK_ZERO(array);
  CHECK_ZERO(out);
  return code;
}

static int32_t export_stream(void *handle, udfrunner_error **err) {
  struct ArrowArrayStream stream;
  DIRTY(stream);
  int32_t code = lib.iterator_export(handle, &stream, err);
  CHECK_ZERO(stream);
  return code;
}

static int32_t error(void *handle, udfrunner_error **err) {
  return lib.iterator_error(handle, err);
}

static int32_t event_fd(void *handle, udfrunner_error **err) {
  int32_t fd = 77;
  int32_t code = lib.iterator_event_fd(handle, &fd, err);
  CHECK_INT(-1, fd);
  return code;
}

static int32_t result(void *handle, udfrunner_error **err) {
  udfrunner_bytes bytes;
  DIRTY(bytes);
  int32_t code = lib.iterator_result(handle, "metrics", &bytes, err);
  CHECK_ZERO(bytes);
  return code;
}

static int32_t stack(void *handle, udfrunner_error **err) {
  udfrunner_bytes bytes;
  DIRTY(bytes);
  int32_t code = lib.iterator_stack(handle, 0, &bytes, err);
  CHECK_ZERO(bytes);
  return code;
}

static int32_t cancel_iterator(void *handle, udfrunner_error **err) {
  *err = NULL;
  return lib.iterator_cancel(handle, "enough");
}

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static call_with_handle *const of_env[] = {env_stats, log_next, buffer_alloc, create};
static call_with_handle *const of_runner[] = {add_function,  set,     add_include,
                                              add_broadcast, compute, cancel_runner};
static call_with_handle *const of_iterator[] = {schema,   next,   next_arrow, export_stream,  error,
                                                event_fd, result, stack,      cancel_iterator};

static void refused(call_with_handle *const *calls, size_t n, void *handle) {
  for (size_t i = 0; i < n; i++) {
    udfrunner_error *err;
    DIRTY(err);
    CHECK_INT(UDFRUNNER_INVALID_HANDLE, calls[i](handle, &err));
    if (err != NULL) CHECK_ERROR(UDFRUNNER_INVALID_HANDLE, err); /* cancel has none */
  }
}

static void handles_that_are_none(void) {
  udfrunner_env *env = test_env();
  udfrunner_runner *runner = test_runner(env, UDFRUNNER_SQL_SCALAR_PANDAS_UDF, "plus_one", "long");
  numbers source = {.batches = 1, .rows = 1};
  udfrunner_iterator *it = test_compute(runner, &source, NULL);

  /* NULL is the default env, but no runner and no iterator. */
  refused(of_runner, COUNT(of_runner), NULL);
  refused(of_iterator, COUNT(of_iterator), NULL);

  void *const bad[] = {foreign(), &source, (void *)UINTPTR_MAX, (void *)(uintptr_t)1};
  for (size_t i = 0; i < COUNT(bad); i++) {
    refused(of_env, COUNT(of_env), bad[i]);
    refused(of_runner, COUNT(of_runner), bad[i]);
    refused(of_iterator, COUNT(of_iterator), bad[i]);
    void *copy = bad[i];
    CHECK_INT(UDFRUNNER_INVALID_HANDLE, lib.udfrunner_env_destroy((udfrunner_env **)&copy));
    CHECK(copy == NULL);
    copy = bad[i];
    CHECK_INT(UDFRUNNER_INVALID_HANDLE, lib.runner_destroy((udfrunner_runner **)&copy));
    CHECK(copy == NULL);
    copy = bad[i];
    CHECK_INT(UDFRUNNER_INVALID_HANDLE, lib.iterator_close((udfrunner_iterator **)&copy));
    CHECK(copy == NULL);
  }

  /* Handles of another kind. */
  refused(of_env, COUNT(of_env), runner);
  refused(of_env, COUNT(of_env), it);
  refused(of_runner, COUNT(of_runner), env);
  refused(of_runner, COUNT(of_runner), it);
  refused(of_iterator, COUNT(of_iterator), env);
  refused(of_iterator, COUNT(of_iterator), runner);
  void *wrong = it;
  CHECK_INT(UDFRUNNER_INVALID_HANDLE, lib.udfrunner_env_destroy((udfrunner_env **)&wrong));
  wrong = env;
  CHECK_INT(UDFRUNNER_INVALID_HANDLE, lib.iterator_close((udfrunner_iterator **)&wrong));
  wrong = env;
  CHECK_INT(UDFRUNNER_INVALID_HANDLE, lib.runner_destroy((udfrunner_runner **)&wrong));

  /* Stale ones: closed before, through another copy of the handle. */
  udfrunner_iterator *old_it = it;
  udfrunner_runner *old_runner = runner;
  udfrunner_env *old_env = env;
  CHECK_INT(UDFRUNNER_OK, lib.iterator_close(&it));
  CHECK(it == NULL);
  CHECK_INT(UDFRUNNER_OK, lib.iterator_close(&it)); /* the address of NULL */
  CHECK_INT(UDFRUNNER_OK, lib.runner_destroy(&runner));
  CHECK_INT(UDFRUNNER_OK, lib.udfrunner_env_destroy(&env));
  refused(of_iterator, COUNT(of_iterator), old_it);
  refused(of_runner, COUNT(of_runner), old_runner);
  refused(of_env, COUNT(of_env), old_env);
  CHECK_INT(UDFRUNNER_INVALID_HANDLE, lib.iterator_close(&old_it));
  CHECK_INT(UDFRUNNER_INVALID_HANDLE, lib.runner_destroy(&old_runner));
  CHECK_INT(UDFRUNNER_INVALID_HANDLE, lib.udfrunner_env_destroy(&old_env));
  CHECK(old_it == NULL && old_runner == NULL && old_env == NULL);
  CHECK_INT(1, source.released);
}

static void null_is_named(void) {
  udfrunner_env *env = test_env();
  udfrunner_runner *runner = test_runner(env, UDFRUNNER_SQL_SCALAR_PANDAS_UDF, "plus_one", "long");
  numbers source = {.batches = 1, .rows = 1};
  udfrunner_error *err;
  udfrunner_bytes bytes;
  udfrunner_env *none;
  const int32_t invalid = UDFRUNNER_INVALID_ARGUMENT;

  CHECK_FAILS(invalid, lib.udfrunner_env_create(NULL, 0, NULL, &err), err);
  CHECK_FAILS(invalid, lib.udfrunner_env_create(NULL, 1, &none, &err), err);
  CHECK(none == NULL);
  CHECK_FAILS(invalid, lib.udfrunner_env_stats(env, NULL, &err), err);
  CHECK_FAILS(invalid, lib.udfrunner_log_next(env, 0, NULL, &err), err);
  CHECK_FAILS(invalid, lib.udfrunner_buffer_alloc(env, 1, NULL, &err), err);
  CHECK_FAILS(invalid, lib.runner_create(env, UDFRUNNER_SQL_SCALAR_PANDAS_UDF, NULL, &err), err);
  CHECK_FAILS(invalid, lib.runner_add_function(runner, NULL, 1, NULL, 0, &err), err);
  udfrunner_function f = {.size = sizeof f};
  CHECK_FAILS(invalid, lib.runner_add_function(runner, &f, 1, NULL, 1, &err), err);
  CHECK_FAILS(invalid, lib.runner_add_function(runner, &f, 1, NULL, 0, &err), err);
  CHECK_FAILS(invalid, lib.runner_set(runner, NULL, 0, "", 0, &err), err);
  CHECK_FAILS(invalid, lib.runner_set(runner, "a", 1, NULL, 0, &err), err);
  CHECK_FAILS(invalid, lib.runner_add_include(runner, NULL, 0, &err), err);
  CHECK_FAILS(invalid, lib.runner_add_broadcast(runner, 0, "", 0, &err), err);
  CHECK_FAILS(invalid, lib.runner_compute(runner, NULL, NULL, NULL, &err), err);

  udfrunner_iterator *it = test_compute(runner, &source, NULL);
  CHECK_FAILS(invalid, lib.iterator_schema(it, NULL, &err), err);
  CHECK_FAILS(invalid, lib.iterator_next(it, 0, NULL, &err), err);
  CHECK_FAILS(invalid, lib.iterator_next_arrow(it, 0, NULL, NULL, &err), err);
  CHECK_FAILS(invalid, lib.iterator_export(it, NULL, &err), err);
  CHECK_FAILS(invalid, lib.iterator_event_fd(it, NULL, &err), err);
  CHECK_FAILS(invalid, lib.iterator_result(it, NULL, &bytes, &err), err);
  CHECK_FAILS(invalid, lib.iterator_result(it, "metrics", NULL, &err), err);
  CHECK_FAILS(invalid, lib.iterator_result(it, "no such key", &bytes, &err), err);
  CHECK_FAILS(invalid, lib.iterator_stack(it, 0, NULL, &err), err);
  CHECK_INT(invalid, lib.iterator_next(it, 0, NULL, NULL)); /* err NULL, too */

  CHECK_INT(UDFRUNNER_OK, lib.udfrunner_env_destroy(NULL));
  CHECK_INT(UDFRUNNER_OK, lib.runner_destroy(NULL));
  CHECK_INT(UDFRUNNER_OK, lib.iterator_close(NULL));
  lib.udfrunner_chunk_release(NULL);
  lib.udfrunner_bytes_release(NULL);
  lib.udfrunner_buffer_release(NULL);
  lib.udfrunner_error_destroy(NULL);
  CHECK_INT(UDFRUNNER_OK, lib.udfrunner_error_code(NULL));
  CHECK_TEXT("", lib.udfrunner_error_message(NULL));
  CHECK(lib.udfrunner_error_detail(NULL, "go.panic") == NULL);

  lib.iterator_close(&it);
  lib.runner_destroy(&runner);
  lib.udfrunner_env_destroy(&env);
}

static void sizes_and_texts(void) {
  udfrunner_env *env = test_env();
  udfrunner_runner *runner = test_runner(env, UDFRUNNER_SQL_SCALAR_PANDAS_UDF, "plus_one", "long");
  udfrunner_error *err;
  const int32_t invalid = UDFRUNNER_INVALID_ARGUMENT;
  CHECK_FAILS(invalid, lib.runner_set(runner, "a\xff", 2, "b", 1, &err), err);
  CHECK_FAILS(invalid, lib.runner_set(runner, "a", (size_t)1 << 62, "b", 1, &err), err);
  CHECK_FAILS(invalid, lib.runner_set(runner, "udfrunner.no.such.key", UDFRUNNER_NUL, "b", 1, &err),
              err);
  CHECK_FAILS(invalid, lib.runner_add_include(runner, "", 0, &err), err);
  CHECK_FAILS(invalid, lib.runner_add_broadcast(runner, -1, "/dev/null", UDFRUNNER_NUL, &err), err);

  udfrunner_pair nameless = {NULL, 0, "x", 1};
  udfrunner_env *none;
  CHECK_FAILS(invalid, lib.udfrunner_env_create(&nameless, 1, &none, &err), err);
  CHECK_FAILS(invalid, lib.udfrunner_env_create(&nameless, SIZE_MAX / 64, &none, &err), err);

  struct {
    udfrunner_function known;
    uint64_t later;
  } f = {.known = {.reference = "a:b",
                   .reference_size = UDFRUNNER_NUL,
                   .return_type = "long",
                   .return_type_size = UDFRUNNER_NUL}};
  const uint64_t bad[] = {0, 8, sizeof f.known - 1, 1 << 20, UINT64_MAX};
  for (size_t i = 0; i < COUNT(bad); i++) {
    f.known.size = bad[i];
    CHECK_FAILS(invalid, lib.runner_add_function(runner, &f.known, 1, NULL, 0, &err), err);
  }
  f.known.size = sizeof f; /* a later version's struct, its new field set, then not */
  f.later = 1;
  CHECK_FAILS(invalid, lib.runner_add_function(runner, &f.known, 1, NULL, 0, &err), err);
  f.later = 0;
  CHECK_OK(lib.runner_add_function(runner, &f.known, 1, NULL, 0, &err), err);
  CHECK_FAILS(invalid, lib.runner_add_function(runner, &f.known, 0, NULL, 0, &err), err);

  udfrunner_iterator *it;
  udfrunner_task task = {.size = sizeof task - 8};
  CHECK_FAILS(invalid, lib.runner_compute(runner, NULL, &task, &it, &err), err);
  task.size = sizeof task;
  task.n_properties = 1;
  CHECK_FAILS(invalid, lib.runner_compute(runner, NULL, &task, &it, &err), err);
  task.n_properties = 0;
  task.n_resources = 1;
  CHECK_FAILS(invalid, lib.runner_compute(runner, NULL, &task, &it, &err), err);
  udfrunner_input input = {.size = sizeof input, .kind = 9};
  CHECK_FAILS(invalid, lib.runner_compute(runner, &input, NULL, &it, &err), err);
  input.kind = UDFRUNNER_INPUT_STREAM;
  CHECK_FAILS(invalid, lib.runner_compute(runner, &input, NULL, &it, &err), err);
  input.size = 4;
  CHECK_FAILS(invalid, lib.runner_compute(runner, &input, NULL, &it, &err), err);

  lib.runner_destroy(&runner);
  lib.udfrunner_env_destroy(&env);
}

static void what_is_not_available(void) {
  udfrunner_env *env = test_env();
  udfrunner_runner *runner = test_runner(env, UDFRUNNER_SQL_SCALAR_PANDAS_UDF, "plus_one", "long");
  numbers source = {.batches = 1, .rows = 1};
  udfrunner_iterator *it = test_compute(runner, &source, NULL);
  udfrunner_error *err;
  udfrunner_buffer buffer;
  CHECK_FAILS(UDFRUNNER_NOT_SUPPORTED, lib.udfrunner_buffer_alloc(env, 8, &buffer, &err), err);
  CHECK_FAILS(UDFRUNNER_INVALID_ARGUMENT, lib.runner_create(env, 31, &runner, &err), err);
  CHECK(runner == NULL);
  lib.iterator_close(&it);
  lib.udfrunner_env_destroy(&env);
  /* The runner's handle was nulled above: destroying its env is all that is needed. */
}

static void versions(void) {
  CHECK_INT(UDFRUNNER_ABI_VERSION, lib.udfrunner_abi_version());
  int major;
  CHECK((major = atoi(lib.udfrunner_version())) >= 0);
  CHECK(strchr(lib.udfrunner_version(), '.') != NULL);
}

static void warm_up(void) { handles_that_are_none(); }

int main(int argc, char **argv) {
  library_open();
  static const test tests[] = {TEST(versions), TEST(handles_that_are_none), TEST(null_is_named),
                               TEST(sizes_and_texts), TEST(what_is_not_available)};
  return run_tests(tests, COUNT(tests), warm_up, argc, argv);
}
