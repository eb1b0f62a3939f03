/* Licensed under the Apache License, Version 2.0. See LICENSE. */
/* Inputs: the callbacks that the library calls, which call NativeInput.java. */
#ifndef UDFRUNNER_JNI_INPUT_H
#define UDFRUNNER_JNI_INPUT_H

#include <jni.h>
#include <stdbool.h>

#include "udfrunner.h"

/* Finds what is called of the class NativeInput; false with an exception pending. */
bool input_bind(JNIEnv *jni, jclass type);

/* The context of an input with callbacks. */
typedef struct source source;

/* Makes a context that refers to a NativeInput; NULL if out of memory. */
source *source_new(JNIEnv *jni, jobject input);
/* Frees a context that the library did not take. */
void source_free(JNIEnv *jni, source *self);
/* Fills the callbacks of a kind. */
void source_fill(source *self, udfrunner_input *input);

/* What NativeInput fills while a callback runs. Bytes of `data` are borrowed, those of copies the source's. False
 * if out of memory. */
bool source_set_data(source *self, const void *data, uint64_t size);
bool source_set_copy(source *self, JNIEnv *jni, jbyteArray data, jsize start, jsize size);
bool source_set_offsets(source *self, JNIEnv *jni, jlongArray offsets);
void source_set_message(source *self, JNIEnv *jni, jbyteArray text);

#endif
