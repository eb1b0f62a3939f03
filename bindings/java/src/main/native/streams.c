/* Licensed under the Apache License, Version 2.0. See LICENSE. */
#include "streams.h"

#include <errno.h>
#include <stdlib.h>

static _Thread_local bool forgetting;

void streams_forget(bool begin) { forgetting = begin; }
bool streams_forgetting(void) { return forgetting; }

JNIEnv *jvm_enter(JavaVM *vm, bool *attached) {
  void *jni = NULL;
  *attached = false;
  if ((*vm)->GetEnv(vm, &jni, JNI_VERSION_1_8) == JNI_OK) return jni;
  if ((*vm)->AttachCurrentThreadAsDaemon(vm, &jni, NULL) != JNI_OK) return NULL;
  *attached = true;
  return jni;
}

/* --------------------------------------------------- The host's streams */

struct wrapped_array {
  void (*release)(struct ArrowArray *);
  void *private_data;
};

static void wrapped_array_release(struct ArrowArray *array) {
  struct wrapped_array *self = array->private_data;
  if (!streams_forgetting()) {
    array->release = self->release;
    array->private_data = self->private_data;
    array->release(array);
  }
  array->release = NULL;
  free(self);
}

static int wrapped_get_schema(struct ArrowArrayStream *stream, struct ArrowSchema *out) {
  struct ArrowArrayStream *inner = stream->private_data;
  return inner->get_schema(inner, out);
}

static int wrapped_get_next(struct ArrowArrayStream *stream, struct ArrowArray *out) {
  struct ArrowArrayStream *inner = stream->private_data;
  struct wrapped_array *self = malloc(sizeof *self);
  if (self == NULL) return ENOMEM;
  int failed = inner->get_next(inner, out);
  if (failed != 0 || out->release == NULL) {
    free(self);
    return failed;
  }
  self->release = out->release;
  self->private_data = out->private_data;
  out->release = wrapped_array_release;
  out->private_data = self;
  return 0;
}

static const char *wrapped_get_last_error(struct ArrowArrayStream *stream) {
  struct ArrowArrayStream *inner = stream->private_data;
  return inner->get_last_error(inner);
}

static void wrapped_release(struct ArrowArrayStream *stream) {
  struct ArrowArrayStream *inner = stream->private_data;
  if (!streams_forgetting()) inner->release(inner);
  stream->release = NULL;
  free(inner);
}

bool stream_wrap(struct ArrowArrayStream *stream) {
  struct ArrowArrayStream *inner = malloc(sizeof *inner);
  if (inner == NULL) return false;
  *inner = *stream;
  *stream = (struct ArrowArrayStream){.get_schema = wrapped_get_schema,
                                      .get_next = wrapped_get_next,
                                      .get_last_error = wrapped_get_last_error,
                                      .release = wrapped_release,
                                      .private_data = inner};
  return true;
}

void stream_unwrap(struct ArrowArrayStream *stream) {
  struct ArrowArrayStream *inner = stream->private_data;
  *stream = *inner;
  free(inner);
}

/* ---------------------------------------------------- Exported streams */

struct held_stream {
  struct ArrowArrayStream inner;
  JavaVM *vm;
  jobject held; /* global */
};

static int held_get_schema(struct ArrowArrayStream *stream, struct ArrowSchema *out) {
  struct held_stream *self = stream->private_data;
  return self->inner.get_schema(&self->inner, out);
}

static int held_get_next(struct ArrowArrayStream *stream, struct ArrowArray *out) {
  struct held_stream *self = stream->private_data;
  return self->inner.get_next(&self->inner, out);
}

static const char *held_get_last_error(struct ArrowArrayStream *stream) {
  struct held_stream *self = stream->private_data;
  return self->inner.get_last_error(&self->inner);
}

static void held_release(struct ArrowArrayStream *stream) {
  struct held_stream *self = stream->private_data;
  self->inner.release(&self->inner);
  bool attached;
  JNIEnv *jni = jvm_enter(self->vm, &attached);
  if (jni != NULL) (*jni)->DeleteGlobalRef(jni, self->held);
  if (attached) (*self->vm)->DetachCurrentThread(self->vm);
  stream->release = NULL;
  free(self);
}

bool stream_hold(JNIEnv *jni, struct ArrowArrayStream *stream, jobject held) {
  struct held_stream *self = calloc(1, sizeof *self);
  if (self == NULL) return false;
  self->held = (*jni)->NewGlobalRef(jni, held);
  if (self->held == NULL || (*jni)->GetJavaVM(jni, &self->vm) != JNI_OK) {
    if (self->held != NULL) (*jni)->DeleteGlobalRef(jni, self->held);
    free(self);
    return false;
  }
  self->inner = *stream;
  *stream = (struct ArrowArrayStream){.get_schema = held_get_schema,
                                      .get_next = held_get_next,
                                      .get_last_error = held_get_last_error,
                                      .release = held_release,
                                      .private_data = self};
  return true;
}
