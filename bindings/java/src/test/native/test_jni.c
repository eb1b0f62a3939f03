/* Licensed under the Apache License, Version 2.0. See LICENSE. */
/* The natives of TestNative.java. */
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "org_udfrunner_TestNative.h"
#include "udfrunner.h"

#define NATIVE(result, name) JNIEXPORT result JNICALL Java_org_udfrunner_TestNative_##name

static atomic_long alive;

/* ------------------------------------------------------------ The hook */

static void copy_text(JNIEnv *jni, jbyteArray from, char *to, size_t size) {
  jsize length = (*jni)->GetArrayLength(jni, from);
  if ((size_t)length >= size) length = (jsize)size - 1;
  (*jni)->GetByteArrayRegion(jni, from, 0, length, (jbyte *)to);
  to[length] = 0;
}

NATIVE(jboolean, panicIn)(JNIEnv *jni, jclass type, jbyteArray library, jbyteArray function) {
  (void)type;
  char path[4096];
  char name[128];
  copy_text(jni, library, path, sizeof path);
  copy_text(jni, function, name, sizeof name);
  void *opened = dlopen(path, RTLD_NOW | RTLD_LOCAL | RTLD_NOLOAD);
  void *symbol = opened == NULL ? NULL : dlsym(opened, "udfrunner_test_panic");
  if (symbol == NULL) return JNI_FALSE;
  void (*panic_in)(const char *);
  memcpy(&panic_in, &symbol, sizeof symbol);
  panic_in(name);
  return JNI_TRUE;
}

/* -------------------------------------------------------------- Memory */

NATIVE(jlong, allocate)(JNIEnv *jni, jclass type, jlong size) {
  (void)jni;
  (void)type;
  return (jlong)(uintptr_t)calloc(1, (size_t)size);
}

NATIVE(void, free)(JNIEnv *jni, jclass type, jlong address) {
  (void)jni;
  (void)type;
  free((void *)(uintptr_t)address);
}

NATIVE(jlong, alive)(JNIEnv *jni, jclass type) {
  (void)jni;
  (void)type;
  return atomic_load(&alive);
}

/* ------------------------------------------------------------- Numbers */

struct numbers {
  int64_t batches, rows, given;
};

struct batch {
  struct ArrowArray column;
  struct ArrowArray *children[1];
  const void *buffers[2];
  const void *no_validity[1];
  int64_t values[];
};

static void column_release(struct ArrowArray *array) { array->release = NULL; }
static void schema_column_release(struct ArrowSchema *schema) { schema->release = NULL; }

static void array_release(struct ArrowArray *array) {
  free(array->private_data);
  array->release = NULL;
  atomic_fetch_sub(&alive, 1);
}

static void schema_release(struct ArrowSchema *schema) {
  free(schema->private_data);
  schema->release = NULL;
}

struct schemas {
  struct ArrowSchema column;
  struct ArrowSchema *children[1];
};

static int get_schema(struct ArrowArrayStream *stream, struct ArrowSchema *out) {
  (void)stream;
  struct schemas *made = calloc(1, sizeof *made);
  if (made == NULL) return ENOMEM;
  made->column = (struct ArrowSchema){
      .format = "l", .name = "n", .flags = ARROW_FLAG_NULLABLE, .release = schema_column_release};
  made->children[0] = &made->column;
  *out = (struct ArrowSchema){.format = "+s",
                              .name = "",
                              .n_children = 1,
                              .children = made->children,
                              .release = schema_release,
                              .private_data = made};
  return 0;
}

static int get_next(struct ArrowArrayStream *stream, struct ArrowArray *out) {
  struct numbers *self = stream->private_data;
  memset(out, 0, sizeof *out);
  if (self->given == self->batches) return 0;
  struct batch *made = calloc(1, sizeof *made + (size_t)self->rows * sizeof(int64_t));
  if (made == NULL) return ENOMEM;
  for (int64_t i = 0; i < self->rows; i++) made->values[i] = self->given * self->rows + i;
  made->buffers[1] = made->values;
  made->column = (struct ArrowArray){
      .length = self->rows, .n_buffers = 2, .buffers = made->buffers, .release = column_release};
  made->children[0] = &made->column;
  *out = (struct ArrowArray){.length = self->rows,
                             .n_buffers = 1,
                             .n_children = 1,
                             .buffers = made->no_validity,
                             .children = made->children,
                             .release = array_release,
                             .private_data = made};
  self->given++;
  atomic_fetch_add(&alive, 1);
  return 0;
}

static const char *get_last_error(struct ArrowArrayStream *stream) {
  (void)stream;
  return "no memory";
}

static void stream_release(struct ArrowArrayStream *stream) {
  free(stream->private_data);
  stream->release = NULL;
  atomic_fetch_sub(&alive, 1);
}

NATIVE(void, numbers)(JNIEnv *jni, jclass type, jlong stream, jint batches, jint rows) {
  (void)jni;
  (void)type;
  struct numbers *self = calloc(1, sizeof *self);
  if (self == NULL) abort();
  *self = (struct numbers){batches, rows, 0};
  struct ArrowArrayStream *out = (struct ArrowArrayStream *)(uintptr_t)stream;
  *out = (struct ArrowArrayStream){get_schema, get_next, get_last_error, stream_release, self};
  atomic_fetch_add(&alive, 1);
}

/* --------------------------------------------------------------- Results */

static int64_t sum(const struct ArrowArray *array) {
  const struct ArrowArray *column = array->children[0];
  const int64_t *values = column->buffers[1];
  int64_t total = 0;
  for (int64_t i = 0; i < array->length; i++) total += values[column->offset + i];
  return total;
}

NATIVE(jlong, sum)(JNIEnv *jni, jclass type, jlong array) {
  (void)jni;
  (void)type;
  return sum((const struct ArrowArray *)(uintptr_t)array);
}

NATIVE(void, releaseArray)(JNIEnv *jni, jclass type, jlong array) {
  (void)jni;
  (void)type;
  struct ArrowArray *self = (struct ArrowArray *)(uintptr_t)array;
  if (self->release != NULL) self->release(self);
}

NATIVE(void, releaseSchema)(JNIEnv *jni, jclass type, jlong schema) {
  (void)jni;
  (void)type;
  struct ArrowSchema *self = (struct ArrowSchema *)(uintptr_t)schema;
  if (self->release != NULL) self->release(self);
}

NATIVE(void, releaseStream)(JNIEnv *jni, jclass type, jlong stream) {
  (void)jni;
  (void)type;
  struct ArrowArrayStream *self = (struct ArrowArrayStream *)(uintptr_t)stream;
  if (self->release != NULL) self->release(self);
}

struct foreign {
  struct ArrowArrayStream *stream;
  int64_t total;
};

static void *read_all(void *context) {
  struct foreign *self = context;
  while (self->total >= 0) {
    struct ArrowArray array;
    int failed = self->stream->get_next(self->stream, &array);
    if (failed != 0) self->total = -failed;
    if (failed != 0 || array.release == NULL) break;
    self->total += sum(&array);
    array.release(&array);
  }
  return NULL;
}

NATIVE(jlong, sumOnForeignThread)(JNIEnv *jni, jclass type, jlong stream) {
  (void)jni;
  (void)type;
  struct foreign context = {(struct ArrowArrayStream *)(uintptr_t)stream, 0};
  pthread_t thread;
  if (pthread_create(&thread, NULL, read_all, &context) != 0) return -EAGAIN;
  pthread_join(thread, NULL);
  return context.total;
}
