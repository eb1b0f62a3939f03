/* Licensed under the Apache License, Version 2.0. See LICENSE. */
/* The native methods of Native.java. Its header is made by javac from that class, so that the compiler holds
 * both to each other; from the header comes the table by which onload.c registers them. */
#include <dlfcn.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "input.h"
#include "library.h"
#include "org_udfrunner_Native.h"
#include "packed.h"
#include "streams.h"

#define NATIVE(result, name) JNIEXPORT result JNICALL Java_org_udfrunner_Native_##name
#define HANDLE(kind, bits) ((udfrunner_##kind *)(uintptr_t)(bits))
#define BITS(handle) ((jlong)(uintptr_t)(handle))

static jmethodID method_error;

/* -------------------------------------------------------------- Helpers */

static jbyteArray new_bytes(JNIEnv *jni, const char *data, size_t size) {
  if (size > INT32_MAX) size = INT32_MAX;
  jbyteArray array = (*jni)->NewByteArray(jni, (jsize)size);
  if (array != NULL && size > 0)
    (*jni)->SetByteArrayRegion(jni, array, 0, (jsize)size, (const jbyte *)data);
  return array;
}

static jbyteArray new_text(JNIEnv *jni, const char *text) {
  return text == NULL ? NULL : new_bytes(jni, text, strlen(text));
}

/* As a NUL-terminated copy, which free takes; NULL for null and if out of memory. */
static char *take_text(JNIEnv *jni, jbyteArray text) {
  if (text == NULL) return NULL;
  jsize size = (*jni)->GetArrayLength(jni, text);
  char *copy = malloc((size_t)size + 1);
  if (copy == NULL) return NULL;
  (*jni)->GetByteArrayRegion(jni, text, 0, size, (jbyte *)copy);
  copy[size] = 0;
  return copy;
}

/* Sets one element; false with an exception of the JVM's pending. */
static bool set_text(JNIEnv *jni, jobjectArray array, jsize index, const char *text) {
  jbyteArray bytes = new_text(jni, text);
  if (bytes == NULL) return false;
  (*jni)->SetObjectArrayElement(jni, array, index, bytes);
  (*jni)->DeleteLocalRef(jni, bytes);
  return true;
}

/* All details of an error, keys and values in turn. */
static jobjectArray new_details(JNIEnv *jni, const udfrunner_error *err) {
  jsize n = 0;
  while (lib.udfrunner_error_detail_at(err, (size_t)n, NULL, NULL) == UDFRUNNER_OK) n++;
  jclass type = (*jni)->FindClass(jni, "[B");
  if (type == NULL) return NULL;
  jobjectArray details = (*jni)->NewObjectArray(jni, 2 * n, type, NULL);
  (*jni)->DeleteLocalRef(jni, type);
  for (jsize i = 0; i < n && details != NULL; i++) {
    const char *key;
    const char *value;
    lib.udfrunner_error_detail_at(err, (size_t)i, &key, &value);
    if (!set_text(jni, details, 2 * i, key) || !set_text(jni, details, 2 * i + 1, value))
      return NULL;
  }
  return details;
}

/* The exception of an error, which is destroyed; NULL with an exception of the JVM's pending. */
static jobject new_exception(JNIEnv *jni, jclass native, int32_t code, const char *message,
                             udfrunner_error **err) {
  if (err != NULL && *err != NULL) message = lib.udfrunner_error_message(*err);
  jbyteArray text = new_text(jni, message);
  jobjectArray details = text == NULL ? NULL : new_details(jni, err == NULL ? NULL : *err);
  if (err != NULL) lib.udfrunner_error_destroy(err);
  if (details == NULL) return NULL;
  return (*jni)->CallStaticObjectMethod(jni, native, method_error, (jint)code, text, details);
}

static void throw_message(JNIEnv *jni, jclass native, int32_t code, const char *message) {
  if ((*jni)->ExceptionCheck(jni)) return;
  jobject exception = new_exception(jni, native, code, message, NULL);
  if (exception != NULL && !(*jni)->ExceptionCheck(jni)) (*jni)->Throw(jni, exception);
}

static void throw_no_memory(JNIEnv *jni, jclass native) {
  throw_message(jni, native, UDFRUNNER_NO_MEMORY, "no memory");
}

/* Gives a status that is not an error; throws the others. */
static int32_t check(JNIEnv *jni, jclass native, int32_t status, udfrunner_error **err) {
  if (status >= 0 || (*jni)->ExceptionCheck(jni)) {
    lib.udfrunner_error_destroy(err);
    return status;
  }
  char message[64];
  snprintf(message, sizeof message, "status %d without a message", (int)status);
  jobject exception = new_exception(jni, native, status, message, err);
  if (exception != NULL && !(*jni)->ExceptionCheck(jni)) (*jni)->Throw(jni, exception);
  return status;
}

/* Functions that have no error: cancel, destroy, close. Handles are the library's own, and gone ones harmless. */
static void check_plain(JNIEnv *jni, jclass native, const char *what, int32_t status) {
  if (status >= 0 || status == UDFRUNNER_INVALID_HANDLE || status == UDFRUNNER_CANCELLED) return;
  char message[96];
  snprintf(message, sizeof message, "%s: status %d", what, (int)status);
  throw_message(jni, native, status, message);
}

/* The bytes that a call returned, which are released; NULL unless OK. */
static jbyteArray take_bytes(JNIEnv *jni, jclass native, int32_t status, udfrunner_bytes *bytes,
                             udfrunner_error **err) {
  jbyteArray array = NULL;
  if (check(jni, native, status, err) == UDFRUNNER_OK)
    array = new_bytes(jni, bytes->data, bytes->size);
  lib.udfrunner_bytes_release(bytes);
  return array;
}

/* -------------------------------------------------------------- Library */

NATIVE(jbyteArray, open)(JNIEnv *jni, jclass native, jbyteArray path, jclass input) {
  method_error =
      (*jni)->GetStaticMethodID(jni, native, "error", "(I[B[[B)Ljava/lang/RuntimeException;");
  if (method_error == NULL || !input_bind(jni, input)) return NULL;
  char *text = take_text(jni, path);
  char message[1024];
  int failed = text == NULL ? -1 : library_open(text, message, sizeof message);
  if (text == NULL) snprintf(message, sizeof message, "no memory");
  free(text);
  return failed == 0 ? NULL : new_text(jni, message);
}

/* As HotSpot looks for it. */
NATIVE(jboolean, hasJsig)(JNIEnv *jni, jclass native) {
  (void)jni;
  (void)native;
  return dlsym(RTLD_DEFAULT, "JVM_begin_signal_setting") != NULL;
}

NATIVE(jbyteArray, version)(JNIEnv *jni, jclass native) {
  (void)native;
  return new_text(jni, lib.udfrunner_version());
}

NATIVE(jint, shutdown)(JNIEnv *jni, jclass native, jlong timeout) {
  int32_t status = lib.udfrunner_shutdown(timeout);
  check_plain(jni, native, "shutdown", status);
  return status;
}

/* ------------------------------------------------------------------ Env */

NATIVE(jlong, envCreate)(JNIEnv *jni, jclass native, jbyteArray pairs) {
  packed p;
  udfrunner_env *env = NULL;
  udfrunner_error *err = NULL;
  if (packed_open(&p, jni, pairs)) {
    size_t n;
    const udfrunner_pair *given = packed_pairs(&p, &n);
    if (p.failed)
      throw_no_memory(jni, native);
    else
      check(jni, native, lib.udfrunner_env_create(given, n, &env, &err), &err);
    packed_close(&p);
  } else {
    throw_no_memory(jni, native);
  }
  return BITS(env);
}

NATIVE(void, envDestroy)(JNIEnv *jni, jclass native, jlong env) {
  udfrunner_env *handle = HANDLE(env, env);
  check_plain(jni, native, "env destroy", lib.udfrunner_env_destroy(&handle));
}

NATIVE(jbyteArray, envStats)(JNIEnv *jni, jclass native, jlong env) {
  udfrunner_bytes bytes;
  udfrunner_error *err = NULL;
  int32_t status = lib.udfrunner_env_stats(HANDLE(env, env), &bytes, &err);
  return take_bytes(jni, native, status, &bytes, &err);
}

NATIVE(jbyteArray, logNext)(JNIEnv *jni, jclass native, jlong env, jlong timeout) {
  udfrunner_bytes bytes;
  udfrunner_error *err = NULL;
  int32_t status = lib.udfrunner_log_next(HANDLE(env, env), timeout, &bytes, &err);
  return take_bytes(jni, native, status, &bytes, &err);
}

/* --------------------------------------------------------------- Runner */

NATIVE(jlong, runnerCreate)(JNIEnv *jni, jclass native, jlong env, jint eval_type) {
  udfrunner_runner *runner = NULL;
  udfrunner_error *err = NULL;
  check(jni, native, lib.runner_create(HANDLE(env, env), eval_type, &runner, &err), &err);
  return BITS(runner);
}

NATIVE(void, runnerAddFunction)(JNIEnv *jni, jclass native, jlong runner, jbyteArray chain) {
  packed p;
  udfrunner_error *err = NULL;
  if (!packed_open(&p, jni, chain)) {
    throw_no_memory(jni, native);
    return;
  }
  size_t n;
  size_t m;
  const udfrunner_function *functions = packed_functions(&p, &n);
  const udfrunner_argument *arguments = packed_arguments(&p, &m);
  if (p.failed) {
    throw_no_memory(jni, native);
  } else {
    udfrunner_runner *handle = HANDLE(runner, runner);
    check(jni, native, lib.runner_add_function(handle, functions, n, arguments, m, &err), &err);
  }
  packed_close(&p);
}

NATIVE(void, runnerSet)(JNIEnv *jni, jclass native, jlong runner, jbyteArray pair) {
  packed p;
  udfrunner_error *err = NULL;
  if (!packed_open(&p, jni, pair)) {
    throw_no_memory(jni, native);
    return;
  }
  udfrunner_pair given = packed_pair(&p);
  int32_t status = lib.runner_set(HANDLE(runner, runner), given.key, given.key_size, given.value,
                                  given.value_size, &err);
  check(jni, native, status, &err);
  packed_close(&p);
}

NATIVE(void, runnerAddInclude)(JNIEnv *jni, jclass native, jlong runner, jbyteArray path) {
  udfrunner_error *err = NULL;
  char *text = take_text(jni, path);
  size_t size = text == NULL ? 0 : (size_t)(*jni)->GetArrayLength(jni, path);
  check(jni, native, lib.runner_add_include(HANDLE(runner, runner), text, size, &err), &err);
  free(text);
}

NATIVE(void, runnerAddBroadcast)
(JNIEnv *jni, jclass native, jlong runner, jlong id, jbyteArray path) {
  udfrunner_error *err = NULL;
  char *text = take_text(jni, path);
  size_t size = text == NULL ? 0 : (size_t)(*jni)->GetArrayLength(jni, path);
  check(jni, native, lib.runner_add_broadcast(HANDLE(runner, runner), id, text, size, &err), &err);
  free(text);
}

NATIVE(void, runnerCancel)(JNIEnv *jni, jclass native, jlong runner, jbyteArray reason) {
  char *text = take_text(jni, reason);
  check_plain(jni, native, "runner cancel", lib.runner_cancel(HANDLE(runner, runner), text));
  free(text);
}

NATIVE(void, runnerDestroy)(JNIEnv *jni, jclass native, jlong runner) {
  udfrunner_runner *handle = HANDLE(runner, runner);
  check_plain(jni, native, "runner destroy", lib.runner_destroy(&handle));
}

/* Starts the task; an input that was not taken is as it was. */
static udfrunner_iterator *start(JNIEnv *jni, jclass native, udfrunner_runner *runner,
                                 udfrunner_input *input, const udfrunner_task *task) {
  udfrunner_iterator *it = NULL;
  udfrunner_error *err = NULL;
  if (input->stream != NULL && (input->stream->release == NULL || !stream_wrap(input->stream))) {
    throw_message(jni, native, UDFRUNNER_INVALID_ARGUMENT, "input's stream is released");
    return NULL;
  }
  int32_t status = lib.runner_compute(runner, input, task, &it, &err);
  if (status != UDFRUNNER_OK && input->stream != NULL) stream_unwrap(input->stream);
  check(jni, native, status, &err);
  return it;
}

NATIVE(jlong, compute)
(JNIEnv *jni, jclass native, jlong runner, jint kind, jint keys, jlong stream, jobject input,
 jbyteArray task) {
  udfrunner_input given = {.size = sizeof given, .kind = kind, .keys = keys};
  given.stream = (struct ArrowArrayStream *)(uintptr_t)stream;
  source *callbacks = input == NULL ? NULL : source_new(jni, input);
  if (callbacks != NULL) source_fill(callbacks, &given);
  udfrunner_iterator *it = NULL;
  packed p;
  if ((callbacks == NULL) == (input == NULL) && packed_open(&p, jni, task)) {
    udfrunner_task made = packed_task(&p);
    if (p.failed)
      throw_no_memory(jni, native);
    else
      it = start(jni, native, HANDLE(runner, runner), &given, &made);
    packed_close(&p);
  } else {
    throw_no_memory(jni, native);
  }
  if (it == NULL) source_free(jni, callbacks);
  return BITS(it);
}

/* ------------------------------------------------------------- Iterator */

NATIVE(jint, iteratorNext)
(JNIEnv *jni, jclass native, jlong iterator, jlong timeout, jlongArray out) {
  udfrunner_chunk chunk;
  udfrunner_error *err = NULL;
  int32_t status = lib.iterator_next(HANDLE(iterator, iterator), timeout, &chunk, &err);
  if (check(jni, native, status, &err) != UDFRUNNER_OK) return status;
  udfrunner_chunk *kept = malloc(sizeof *kept);
  if (kept == NULL) {
    lib.udfrunner_chunk_release(&chunk);
    throw_no_memory(jni, native);
    return status;
  }
  *kept = chunk;
  jlong values[] = {(jlong)(uintptr_t)kept, (jlong)chunk.size, (jlong)chunk.n};
  (*jni)->SetLongArrayRegion(jni, out, 0, 3, values);
  return status;
}

NATIVE(jint, iteratorNextArrow)
(JNIEnv *jni, jclass native, jlong iterator, jlong timeout, jlong array, jlong schema) {
  udfrunner_error *err = NULL;
  int32_t status = lib.iterator_next_arrow(HANDLE(iterator, iterator), timeout,
                                           (struct ArrowArray *)(uintptr_t)array,
                                           (struct ArrowSchema *)(uintptr_t)schema, &err);
  return check(jni, native, status, &err);
}

NATIVE(void, iteratorSchema)(JNIEnv *jni, jclass native, jlong iterator, jlong schema) {
  udfrunner_error *err = NULL;
  struct ArrowSchema *out = (struct ArrowSchema *)(uintptr_t)schema;
  check(jni, native, lib.iterator_schema(HANDLE(iterator, iterator), out, &err), &err);
}

NATIVE(void, iteratorExport)
(JNIEnv *jni, jclass native, jlong iterator, jlong stream, jobject held) {
  udfrunner_error *err = NULL;
  struct ArrowArrayStream *out = (struct ArrowArrayStream *)(uintptr_t)stream;
  int32_t status = lib.iterator_export(HANDLE(iterator, iterator), out, &err);
  if (check(jni, native, status, &err) != UDFRUNNER_OK || stream_hold(jni, out, held)) return;
  out->release(out);
  throw_no_memory(jni, native);
}

NATIVE(jobject, iteratorError)(JNIEnv *jni, jclass native, jlong iterator) {
  udfrunner_error *err = NULL;
  int32_t status = lib.iterator_error(HANDLE(iterator, iterator), &err);
  if (status == UDFRUNNER_OK) return NULL;
  return new_exception(jni, native, status, "the iterator is gone", &err);
}

NATIVE(jint, iteratorEventFd)(JNIEnv *jni, jclass native, jlong iterator) {
  int32_t fd = -1;
  udfrunner_error *err = NULL;
  check(jni, native, lib.iterator_event_fd(HANDLE(iterator, iterator), &fd, &err), &err);
  return fd;
}

NATIVE(void, iteratorWait)(JNIEnv *jni, jclass native, jlong iterator, jint timeout) {
  int32_t fd = -1;
  udfrunner_error *err = NULL;
  int32_t status = lib.iterator_event_fd(HANDLE(iterator, iterator), &fd, &err);
  if (check(jni, native, status, &err) != UDFRUNNER_OK) return;
  struct pollfd wanted = {.fd = fd, .events = POLLIN};
  (void)poll(&wanted, 1, timeout);
}

/* ---------------------------------------------------------------- Epoll */

NATIVE(jint, epollOpen)(JNIEnv *jni, jclass native) {
  (void)jni;
  (void)native;
  return epoll_create1(EPOLL_CLOEXEC);
}

NATIVE(jboolean, epollAdd)(JNIEnv *jni, jclass native, jint epoll, jint fd, jlong id) {
  (void)jni;
  (void)native;
  struct epoll_event wanted = {.events = EPOLLIN | EPOLLONESHOT, .data.u64 = (uint64_t)id};
  return epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &wanted) == 0;
}

NATIVE(void, epollRemove)(JNIEnv *jni, jclass native, jint epoll, jint fd) {
  (void)jni;
  (void)native;
  (void)epoll_ctl(epoll, EPOLL_CTL_DEL, fd, NULL);
}

NATIVE(jint, epollWait)(JNIEnv *jni, jclass native, jint epoll, jlongArray ids, jint timeout) {
  (void)native;
  struct epoll_event ready[64];
  jsize most = (*jni)->GetArrayLength(jni, ids);
  int n = epoll_wait(epoll, ready, most < 64 ? most : 64, timeout);
  if (n < 0) return -1; /* EINTR */
  for (jsize i = 0; i < n; i++) {
    jlong id = (jlong)ready[i].data.u64;
    (*jni)->SetLongArrayRegion(jni, ids, i, 1, &id);
  }
  return n;
}

NATIVE(void, epollClose)(JNIEnv *jni, jclass native, jint epoll) {
  (void)jni;
  (void)native;
  close(epoll);
}

NATIVE(jbyteArray, iteratorResult)(JNIEnv *jni, jclass native, jlong iterator, jbyteArray key) {
  udfrunner_bytes bytes;
  udfrunner_error *err = NULL;
  char *name = take_text(jni, key);
  int32_t status = lib.iterator_result(HANDLE(iterator, iterator), name, &bytes, &err);
  free(name);
  return take_bytes(jni, native, status, &bytes, &err);
}

NATIVE(jbyteArray, iteratorStack)(JNIEnv *jni, jclass native, jlong iterator, jlong timeout) {
  udfrunner_bytes bytes;
  udfrunner_error *err = NULL;
  int32_t status = lib.iterator_stack(HANDLE(iterator, iterator), timeout, &bytes, &err);
  return take_bytes(jni, native, status, &bytes, &err);
}

NATIVE(void, iteratorCancel)(JNIEnv *jni, jclass native, jlong iterator, jbyteArray reason) {
  char *text = take_text(jni, reason);
  check_plain(jni, native, "cancel", lib.iterator_cancel(HANDLE(iterator, iterator), text));
  free(text);
}

NATIVE(void, iteratorClose)(JNIEnv *jni, jclass native, jlong iterator, jboolean forgotten) {
  udfrunner_iterator *handle = HANDLE(iterator, iterator);
  if (forgotten) streams_forget(true);
  int32_t status = lib.iterator_close(&handle);
  if (forgotten) streams_forget(false);
  check_plain(jni, native, "close", status);
}

/* ---------------------------------------------------------------- Chunk */

static const udfrunner_chunk *chunk_at(jlong chunk) {
  return (const udfrunner_chunk *)(uintptr_t)chunk;
}

NATIVE(jobject, chunkView)(JNIEnv *jni, jclass native, jlong chunk, jlong offset, jint size) {
  (void)native;
  /* Read-only for Java; an address is needed also of no bytes. */
  static uint8_t nothing[1];
  uint8_t *data = (uint8_t *)(uintptr_t)chunk_at(chunk)->data;
  return (*jni)->NewDirectByteBuffer(jni, data == NULL ? nothing : data + offset, size);
}

NATIVE(jlong, chunkAddress)(JNIEnv *jni, jclass native, jlong chunk) {
  (void)jni;
  (void)native;
  return (jlong)(uintptr_t)chunk_at(chunk)->data;
}

NATIVE(void, chunkOffsets)(JNIEnv *jni, jclass native, jlong chunk, jlongArray offsets) {
  (void)native;
  const udfrunner_chunk *self = chunk_at(chunk);
  if (self->n == 0) return;
  jsize n = (jsize)(self->n + 1);
  (*jni)->SetLongArrayRegion(jni, offsets, 0, n, (const jlong *)self->offsets);
}

NATIVE(void, chunkFree)(JNIEnv *jni, jclass native, jlong chunk) {
  (void)jni;
  (void)native;
  udfrunner_chunk *self = (udfrunner_chunk *)(uintptr_t)chunk;
  lib.udfrunner_chunk_release(self);
  free(self);
}

/* -------------------------------------------------------------- Records */

NATIVE(void, recordDirect)
(JNIEnv *jni, jclass native, jlong record, jobject data, jlong position, jlong size,
 jlongArray offsets) {
  source *self = (source *)(uintptr_t)record;
  const uint8_t *address = (*jni)->GetDirectBufferAddress(jni, data);
  if (!source_set_data(self, address + position, (uint64_t)size) ||
      !source_set_offsets(self, jni, offsets))
    throw_no_memory(jni, native);
}

NATIVE(void, recordArray)
(JNIEnv *jni, jclass native, jlong record, jbyteArray data, jint start, jint size,
 jlongArray offsets) {
  source *self = (source *)(uintptr_t)record;
  if (!source_set_copy(self, jni, data, start, size) || !source_set_offsets(self, jni, offsets))
    throw_no_memory(jni, native);
}

NATIVE(void, recordMessage)(JNIEnv *jni, jclass native, jlong record, jbyteArray text) {
  (void)native;
  source_set_message((source *)(uintptr_t)record, jni, text);
}
