/* Licensed under the Apache License, Version 2.0. See LICENSE. */
/*
 * The public functions. Each does three things, in this order: it zeroes what it is
 * to fill and nulls what it is to close, refuses to work in a forked child, looks for pointers that
 * must not be NULL. What remains is a call of Go's half with handles as numbers.
 */
#include <string.h>

#include "internal.h"
#include "version.h"

extern char **environ;

/* Go's exports know no const. */
static void *in(const void *pointer) { return (void *)(uintptr_t)pointer; }

static uint64_t id(const void *handle) { return (uint64_t)(uintptr_t)handle; }

static int32_t enter(udfrunner_error **err) {
  if (err != NULL) *err = NULL;
  return udfc_forked() ? udfc_fail_forked(err) : UDFRUNNER_OK;
}

static int32_t missing(udfrunner_error **err, const char *message) {
  return udfc_fail(err, UDFRUNNER_INVALID_ARGUMENT, message);
}

/* ----------------------------------------------------------------- Library */

uint32_t udfrunner_abi_version(void) { return UDFRUNNER_ABI_VERSION; }

const char *udfrunner_version(void) { return UDFRUNNER_VERSION; }

int32_t udfrunner_shutdown(int64_t timeout_ms) {
  int32_t code = enter(NULL);
  return code != UDFRUNNER_OK ? code : udfgo_shutdown(timeout_ms);
}

/* --------------------------------------------------------------------- Env */

int32_t udfrunner_env_create(const udfrunner_pair *pairs, size_t n, udfrunner_env **env,
                             udfrunner_error **err) {
  if (env != NULL) *env = NULL;
  int32_t code = enter(err);
  if (code != UDFRUNNER_OK) return code;
  if (env == NULL) return missing(err, "udfrunner_env_create: env is NULL");
  if (pairs == NULL && n != 0) return missing(err, "udfrunner_env_create: pairs is NULL");
  return udfgo_env_create(in(pairs), n, environ, env, err);
}

int32_t udfrunner_env_destroy(udfrunner_env **env) {
  uint64_t handle = env == NULL ? 0 : id(*env);
  if (env != NULL) *env = NULL;
  int32_t code = enter(NULL);
  return code != UDFRUNNER_OK || handle == 0 ? code : udfgo_env_destroy(handle);
}

int32_t udfrunner_env_stats(udfrunner_env *env, udfrunner_bytes *bytes, udfrunner_error **err) {
  if (bytes != NULL) memset(bytes, 0, sizeof *bytes);
  int32_t code = enter(err);
  if (code != UDFRUNNER_OK) return code;
  if (bytes == NULL) return missing(err, "udfrunner_env_stats: bytes is NULL");
  return udfgo_env_stats(id(env), environ, bytes, err);
}

int32_t udfrunner_log_next(udfrunner_env *env, int64_t timeout_ms, udfrunner_bytes *bytes,
                           udfrunner_error **err) {
  if (bytes != NULL) memset(bytes, 0, sizeof *bytes);
  int32_t code = enter(err);
  if (code != UDFRUNNER_OK) return code;
  if (bytes == NULL) return missing(err, "udfrunner_log_next: bytes is NULL");
  return udfgo_log_next(id(env), timeout_ms, environ, bytes, err);
}

int32_t udfrunner_buffer_alloc(udfrunner_env *env, uint64_t size, udfrunner_buffer *buffer,
                               udfrunner_error **err) {
  (void)size;
  if (buffer != NULL) memset(buffer, 0, sizeof *buffer);
  int32_t code = enter(err);
  if (code != UDFRUNNER_OK) return code;
  if (buffer == NULL) return missing(err, "udfrunner_buffer_alloc: buffer is NULL");
  return udfgo_env_lacks(id(env), in("udfrunner_buffer_alloc: memory that workers read in place"),
                         err);
}

/* ------------------------------------------------------------------ Runner */

int32_t runner_create(udfrunner_env *env, int32_t eval_type, udfrunner_runner **runner,
                      udfrunner_error **err) {
  if (runner != NULL) *runner = NULL;
  int32_t code = enter(err);
  if (code != UDFRUNNER_OK) return code;
  if (runner == NULL) return missing(err, "runner_create: runner is NULL");
  return udfgo_runner_create(id(env), eval_type, environ, runner, err);
}

int32_t runner_add_function(udfrunner_runner *runner, const udfrunner_function *chain, size_t n,
                            const udfrunner_argument *arguments, size_t m, udfrunner_error **err) {
  int32_t code = enter(err);
  if (code != UDFRUNNER_OK) return code;
  if (chain == NULL) return missing(err, "runner_add_function: chain is NULL");
  if (arguments == NULL && m != 0) return missing(err, "runner_add_function: arguments is NULL");
  return udfgo_runner_add_function(id(runner), in(chain), n, in(arguments), m, err);
}

int32_t runner_set(udfrunner_runner *runner, const char *key, size_t key_size, const char *value,
                   size_t value_size, udfrunner_error **err) {
  int32_t code = enter(err);
  if (code != UDFRUNNER_OK) return code;
  if (key == NULL) return missing(err, "runner_set: key is NULL");
  if (value == NULL) return missing(err, "runner_set: value is NULL");
  return udfgo_runner_set(id(runner), in(key), key_size, in(value), value_size, err);
}

int32_t runner_add_include(udfrunner_runner *runner, const char *path, size_t path_size,
                           udfrunner_error **err) {
  int32_t code = enter(err);
  if (code != UDFRUNNER_OK) return code;
  if (path == NULL) return missing(err, "runner_add_include: path is NULL");
  return udfgo_runner_add_include(id(runner), in(path), path_size, err);
}

int32_t runner_add_broadcast(udfrunner_runner *runner, int64_t broadcast, const char *path,
                             size_t path_size, udfrunner_error **err) {
  int32_t code = enter(err);
  if (code != UDFRUNNER_OK) return code;
  return udfgo_runner_add_broadcast(id(runner), broadcast, in(path), path == NULL ? 0 : path_size,
                                    err);
}

int32_t runner_compute(udfrunner_runner *runner, const udfrunner_input *input,
                       const udfrunner_task *task, udfrunner_iterator **it, udfrunner_error **err) {
  if (it != NULL) *it = NULL;
  int32_t code = enter(err);
  if (code != UDFRUNNER_OK) return code;
  if (it == NULL) return missing(err, "runner_compute: it is NULL");
  return udfgo_runner_compute(id(runner), in(input), in(task), it, err);
}

int32_t runner_cancel(udfrunner_runner *runner, const char *reason) {
  int32_t code = enter(NULL);
  return code != UDFRUNNER_OK ? code : udfgo_runner_cancel(id(runner), in(reason));
}

int32_t runner_destroy(udfrunner_runner **runner) {
  uint64_t handle = runner == NULL ? 0 : id(*runner);
  if (runner != NULL) *runner = NULL;
  int32_t code = enter(NULL);
  return code != UDFRUNNER_OK || handle == 0 ? code : udfgo_runner_destroy(handle);
}

/* ---------------------------------------------------------------- Iterator */

int32_t iterator_schema(udfrunner_iterator *it, struct ArrowSchema *schema, udfrunner_error **err) {
  if (schema != NULL) memset(schema, 0, sizeof *schema);
  int32_t code = enter(err);
  if (code != UDFRUNNER_OK) return code;
  if (schema == NULL) return missing(err, "iterator_schema: schema is NULL");
  return udfgo_iterator_schema(id(it), schema, err);
}

int32_t iterator_next(udfrunner_iterator *it, int64_t timeout_ms, udfrunner_chunk *chunk,
                      udfrunner_error **err) {
  if (chunk != NULL) memset(chunk, 0, sizeof *chunk);
  int32_t code = enter(err);
  if (code != UDFRUNNER_OK) return code;
  if (chunk == NULL) return missing(err, "iterator_next: chunk is NULL");
  return udfgo_iterator_next(id(it), timeout_ms, chunk, err);
}

int32_t iterator_next_arrow(udfrunner_iterator *it, int64_t timeout_ms, struct ArrowArray *array,
                            struct ArrowSchema *schema, udfrunner_error **err) {
  if (array != NULL) memset(array, 0, sizeof *array);
  if (schema != NULL) memset(schema, 0, sizeof *schema);
  int32_t code = enter(err);
  if (code != UDFRUNNER_OK) return code;
  if (array == NULL) return missing(err, "iterator_next_arrow: array is NULL");
  return udfgo_iterator_next_arrow(id(it), timeout_ms, array, schema, err);
}

int32_t iterator_export(udfrunner_iterator *it, struct ArrowArrayStream *stream,
                        udfrunner_error **err) {
  if (stream != NULL) memset(stream, 0, sizeof *stream);
  int32_t code = enter(err);
  if (code != UDFRUNNER_OK) return code;
  if (stream == NULL) return missing(err, "iterator_export: stream is NULL");
  return udfgo_iterator_export(id(it), stream, err);
}

int32_t iterator_error(udfrunner_iterator *it, udfrunner_error **err) {
  int32_t code = enter(err);
  return code != UDFRUNNER_OK ? code : udfgo_iterator_error(id(it), err);
}

int32_t iterator_event_fd(udfrunner_iterator *it, int32_t *fd, udfrunner_error **err) {
  if (fd != NULL) *fd = -1;
  int32_t code = enter(err);
  if (code != UDFRUNNER_OK) return code;
  if (fd == NULL) return missing(err, "iterator_event_fd: fd is NULL");
  return udfgo_iterator_event_fd(id(it), fd, err);
}

int32_t iterator_result(udfrunner_iterator *it, const char *key, udfrunner_bytes *bytes,
                        udfrunner_error **err) {
  if (bytes != NULL) memset(bytes, 0, sizeof *bytes);
  int32_t code = enter(err);
  if (code != UDFRUNNER_OK) return code;
  if (key == NULL) return missing(err, "iterator_result: key is NULL");
  if (bytes == NULL) return missing(err, "iterator_result: bytes is NULL");
  return udfgo_iterator_result(id(it), in(key), bytes, err);
}

int32_t iterator_stack(udfrunner_iterator *it, int64_t timeout_ms, udfrunner_bytes *bytes,
                       udfrunner_error **err) {
  if (bytes != NULL) memset(bytes, 0, sizeof *bytes);
  int32_t code = enter(err);
  if (code != UDFRUNNER_OK) return code;
  if (bytes == NULL) return missing(err, "iterator_stack: bytes is NULL");
  return udfgo_iterator_stack(id(it), timeout_ms, bytes, err);
}

int32_t iterator_cancel(udfrunner_iterator *it, const char *reason) {
  int32_t code = enter(NULL);
  return code != UDFRUNNER_OK ? code : udfgo_iterator_cancel(id(it), in(reason));
}

int32_t iterator_close(udfrunner_iterator **it) {
  uint64_t handle = it == NULL ? 0 : id(*it);
  if (it != NULL) *it = NULL;
  int32_t code = enter(NULL);
  return code != UDFRUNNER_OK || handle == 0 ? code : udfgo_iterator_close(handle);
}
