/* Licensed under the Apache License, Version 2.0. See LICENSE. */
/*
 * What the C and the Go half of this directory know of each other. The
 * header of the library, udfrunner.h, is another one.
 */
#ifndef UDFRUNNER_CAPI_INTERNAL_H
#define UDFRUNNER_CAPI_INTERNAL_H

#include <stdbool.h>

#include "udfrunner.h"

/* ----------------------------------------------------------------- fork.c */

/* True in a child made by fork or clone after the library was loaded: Go does not work there. */
bool udfc_forked(void);

/* True in such a child where libc's fork handlers did not run (clone, _Fork): malloc's locks may
 * be held forever there. */
bool udfc_forked_unprepared(void);

/* free(), that leaks where a lock might be held forever. */
void udfc_free(void *memory);

/* --------------------------------------------------------------- memory.c */

/* Blocks, as core/hostmem describes them: a header of 64 bytes, then the payload. */
void *udfc_block_alloc(size_t size);
void udfc_block_release(void *block);
/* Release callbacks for structs whose private_data is a block. */
void udfc_array_release(struct ArrowArray *array);
void udfc_schema_release(struct ArrowSchema *schema);

/* ---------------------------------------------------------------- error.c */

/* Makes an error of `size` bytes of text: the message, then `details` keys and values, each ended
 * by a NUL. Never NULL: if out of memory it is a static error that says so. */
udfrunner_error *udfc_error_new(int32_t code, const char *text, size_t size, uint32_t details);
/* Where err is not NULL, makes an error. Returns code. */
int32_t udfc_fail(udfrunner_error **err, int32_t code, const char *message);
/* The same of FORKED, with a static error: malloc may not be called in a forked child. */
int32_t udfc_fail_forked(udfrunner_error **err);

/* --------------------------------------------------------------- stream.c */

/* Fills an exported stream whose functions ask Go for the object `id`; NO_MEMORY or OK. */
int32_t udfc_stream_fill(struct ArrowArrayStream *stream, uint64_t id);

/* ------------------------------------------------------------------- Go's
 * Exports of exports.go and iterator.go. The shim has forked, zeroed and checked for NULL
 * before: each pointer here is one that it has just written or found to be not NULL. Handles are
 * numbers, so that Go's collector never takes one for a pointer. */

/* Declared without const: cgo has none. */
int32_t udfgo_shutdown(int64_t timeout_ms);
int32_t udfgo_env_create(void *pairs, uint64_t n, void *environment, void *out, void *err);
int32_t udfgo_env_destroy(uint64_t env);
int32_t udfgo_env_stats(uint64_t env, void *environment, void *bytes, void *err);
int32_t udfgo_env_lacks(uint64_t env, void *feature, void *err);
int32_t udfgo_log_next(uint64_t env, int64_t timeout_ms, void *environment, void *bytes, void *err);
int32_t udfgo_runner_create(uint64_t env, int32_t eval_type, void *environment, void *out,
                            void *err);
int32_t udfgo_runner_add_function(uint64_t runner, void *chain, uint64_t n, void *arguments,
                                  uint64_t m, void *err);
int32_t udfgo_runner_set(uint64_t runner, void *key, uint64_t key_size, void *value,
                         uint64_t value_size, void *err);
int32_t udfgo_runner_add_include(uint64_t runner, void *path, uint64_t path_size, void *err);
int32_t udfgo_runner_add_broadcast(uint64_t runner, int64_t id, void *path, uint64_t path_size,
                                   void *err);
int32_t udfgo_runner_compute(uint64_t runner, void *input, void *task, void *out, void *err);
int32_t udfgo_runner_cancel(uint64_t runner, void *reason);
int32_t udfgo_runner_destroy(uint64_t runner);
int32_t udfgo_iterator_schema(uint64_t it, void *schema, void *err);
int32_t udfgo_iterator_next(uint64_t it, int64_t timeout_ms, void *chunk, void *err);
int32_t udfgo_iterator_next_arrow(uint64_t it, int64_t timeout_ms, void *array, void *schema,
                                  void *err);
int32_t udfgo_iterator_export(uint64_t it, void *stream, void *err);
int32_t udfgo_iterator_error(uint64_t it, void *err);
int32_t udfgo_iterator_event_fd(uint64_t it, void *fd, void *err);
int32_t udfgo_iterator_result(uint64_t it, void *key, void *bytes, void *err);
int32_t udfgo_iterator_stack(uint64_t it, int64_t timeout_ms, void *bytes, void *err);
int32_t udfgo_iterator_cancel(uint64_t it, void *reason);
int32_t udfgo_iterator_close(uint64_t it);
int32_t udfgo_stream_schema(uint64_t stream, void *schema, void *err);
int32_t udfgo_stream_next(uint64_t stream, void *array, void *err);
int32_t udfgo_stream_release(uint64_t stream);

#endif
