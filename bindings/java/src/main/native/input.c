/* Licensed under the Apache License, Version 2.0. See LICENSE. */
#include "input.h"

#include <stdlib.h>
#include <string.h>

#include "streams.h"

struct source {
  JavaVM *vm;
  jobject input;         /* global */
  udfrunner_record *out; /* while next runs */
  uint8_t *copy;
  size_t copy_size;
  uint64_t *offsets;
  size_t offsets_size;
  char *message;
};

static jmethodID method_next;
static jmethodID method_next_group;
static jmethodID method_release;
static jmethodID method_thrown;

bool input_bind(JNIEnv *jni, jclass type) {
  method_next = (*jni)->GetMethodID(jni, type, "next", "(J)I");
  if (method_next == NULL) return false;
  method_next_group = (*jni)->GetMethodID(jni, type, "nextGroup", "([JJ)I");
  if (method_next_group == NULL) return false;
  method_release = (*jni)->GetMethodID(jni, type, "release", "()V");
  if (method_release == NULL) return false;
  method_thrown = (*jni)->GetMethodID(jni, type, "thrown", "(Ljava/lang/Throwable;)V");
  return method_thrown != NULL;
}

/* ------------------------------------------------------------- Upcalls */

/* Nothing is thrown through the library. What NativeInput's own handler could not catch (the stack was at its end) is
 * kept by it now. */
static bool leave(source *self, JNIEnv *jni, bool attached) {
  jthrowable thrown = (*jni)->ExceptionOccurred(jni);
  if (thrown != NULL) {
    (*jni)->ExceptionClear(jni);
    (*jni)->CallVoidMethod(jni, self->input, method_thrown, thrown);
    (*jni)->ExceptionClear(jni);
    (*jni)->DeleteLocalRef(jni, thrown);
  }
  if (attached) (*self->vm)->DetachCurrentThread(self->vm);
  return thrown == NULL;
}

static const char *message_of(const source *self) {
  return self->message == NULL ? "input threw" : self->message;
}

static int32_t next(void *ctx, udfrunner_record *out) {
  source *self = ctx;
  bool attached;
  JNIEnv *jni = jvm_enter(self->vm, &attached);
  if (jni == NULL) {
    out->message = "the thread could not be attached to the JVM";
    return UDFRUNNER_HOST;
  }
  self->out = out;
  int32_t status = (*jni)->CallIntMethod(jni, self->input, method_next, (jlong)(uintptr_t)self);
  self->out = NULL;
  if (!leave(self, jni, attached)) status = UDFRUNNER_HOST;
  if (status < 0) out->message = message_of(self);
  return status;
}

static void release_all(struct ArrowArrayStream *streams, int32_t n) {
  for (int32_t i = 0; i < n; i++)
    if (streams[i].release != NULL) streams[i].release(&streams[i]);
}

static bool wrap_all(struct ArrowArrayStream *streams, int32_t n) {
  for (int32_t i = 0; i < n; i++)
    if (streams[i].release == NULL || !stream_wrap(&streams[i])) return false;
  return true;
}

static int32_t call_next_group(source *self, JNIEnv *jni, struct ArrowArrayStream *out, int32_t n) {
  jlongArray addresses = (*jni)->NewLongArray(jni, n);
  if (addresses == NULL) return UDFRUNNER_HOST;
  for (int32_t i = 0; i < n; i++) {
    jlong address = (jlong)(uintptr_t)&out[i];
    (*jni)->SetLongArrayRegion(jni, addresses, i, 1, &address);
  }
  int32_t status =
      (*jni)->CallIntMethod(jni, self->input, method_next_group, addresses, (jlong)(uintptr_t)self);
  return (*jni)->ExceptionCheck(jni) ? UDFRUNNER_HOST : status;
}

static int32_t next_group(void *ctx, struct ArrowArrayStream *out, int32_t n,
                          const char **message) {
  source *self = ctx;
  bool attached;
  JNIEnv *jni = jvm_enter(self->vm, &attached);
  if (jni == NULL) {
    *message = "the thread could not be attached to the JVM";
    return UDFRUNNER_HOST;
  }
  if ((*jni)->PushLocalFrame(jni, 4) != 0) {
    leave(self, jni, attached);
    *message = "the JVM has no memory for a call";
    return UDFRUNNER_HOST;
  }
  int32_t status = call_next_group(self, jni, out, n);
  if (!leave(self, jni, false)) status = UDFRUNNER_HOST;
  (*jni)->PopLocalFrame(jni, NULL);
  if (attached) (*self->vm)->DetachCurrentThread(self->vm);
  if (status == UDFRUNNER_OK && !wrap_all(out, n)) {
    *message = "source gave OK, and did not fill a stream of each side";
    release_all(out, n);
    return UDFRUNNER_HOST;
  }
  if (status != UDFRUNNER_OK) release_all(out, n);
  if (status < 0) *message = message_of(self);
  return status;
}

static void release(void *ctx) {
  source *self = ctx;
  bool attached;
  JNIEnv *jni = jvm_enter(self->vm, &attached);
  if (jni == NULL) return; /* the JVM ends */
  if (!streams_forgetting()) {
    (*jni)->CallVoidMethod(jni, self->input, method_release);
    leave(self, jni, false);
  }
  JavaVM *vm = self->vm;
  source_free(jni, self);
  if (attached) (*vm)->DetachCurrentThread(vm);
}

/* ------------------------------------------------------------- Sources */

source *source_new(JNIEnv *jni, jobject input) {
  source *self = calloc(1, sizeof *self);
  if (self == NULL) return NULL;
  self->input = (*jni)->NewGlobalRef(jni, input);
  if (self->input == NULL || (*jni)->GetJavaVM(jni, &self->vm) != JNI_OK) {
    source_free(jni, self);
    return NULL;
  }
  return self;
}

void source_free(JNIEnv *jni, source *self) {
  if (self == NULL) return;
  if (self->input != NULL) (*jni)->DeleteGlobalRef(jni, self->input);
  free(self->copy);
  free(self->offsets);
  free(self->message);
  free(self);
}

void source_fill(source *self, udfrunner_input *input) {
  input->ctx = self;
  input->release = release;
  if (input->kind == UDFRUNNER_INPUT_RECORDS) input->next = next;
  if (input->kind == UDFRUNNER_INPUT_GROUPS) input->next_group = next_group;
}

bool source_set_data(source *self, const void *data, uint64_t size) {
  if (self->out == NULL) return false;
  self->out->data = data;
  self->out->size = size;
  self->out->n = 1;
  self->out->offsets = NULL;
  return true;
}

/* Grows to at least `wanted` bytes. */
static bool grow(void *memory, size_t *size, size_t wanted) {
  void **place = memory;
  if (*size >= wanted && *place != NULL) return true;
  free(*place);
  *place = malloc(wanted == 0 ? 1 : wanted);
  *size = *place == NULL ? 0 : wanted;
  return *place != NULL;
}

bool source_set_copy(source *self, JNIEnv *jni, jbyteArray data, jsize start, jsize size) {
  void *memory = self->copy;
  bool grown = grow(&memory, &self->copy_size, (size_t)size);
  self->copy = memory;
  if (!grown) return false;
  (*jni)->GetByteArrayRegion(jni, data, start, size, (jbyte *)self->copy);
  return !(*jni)->ExceptionCheck(jni) && source_set_data(self, self->copy, (uint64_t)size);
}

bool source_set_offsets(source *self, JNIEnv *jni, jlongArray offsets) {
  if (offsets == NULL) return true;
  jsize n = (*jni)->GetArrayLength(jni, offsets);
  void *memory = self->offsets;
  bool grown = grow(&memory, &self->offsets_size, (size_t)n * sizeof *self->offsets);
  self->offsets = memory;
  if (!grown) return false;
  (*jni)->GetLongArrayRegion(jni, offsets, 0, n, (jlong *)self->offsets);
  self->out->offsets = self->offsets;
  self->out->n = (uint64_t)n - 1;
  return true;
}

void source_set_message(source *self, JNIEnv *jni, jbyteArray text) {
  jsize size = (*jni)->GetArrayLength(jni, text);
  free(self->message);
  self->message = malloc((size_t)size + 1);
  if (self->message == NULL) return;
  (*jni)->GetByteArrayRegion(jni, text, 0, size, (jbyte *)self->message);
  self->message[size] = 0;
}
