/* Licensed under the Apache License, Version 2.0. See LICENSE. */
/* Arrow C streams between the host and the library, behind streams of this glue. */
#ifndef UDFRUNNER_JNI_STREAMS_H
#define UDFRUNNER_JNI_STREAMS_H

#include <jni.h>
#include <stdbool.h>

#include "udfrunner.h"

/* Puts a stream of the host's behind one whose releases can be left out (below); false if
 * out of memory. */
bool stream_wrap(struct ArrowArrayStream *stream);
/* Gives a stream back as it was, after a compute that did not take it. */
void stream_unwrap(struct ArrowArrayStream *stream);

/* Puts an exported stream behind one that keeps an object of Java's from being collected until it
 * is released; false if out of memory. */
bool stream_hold(JNIEnv *jni, struct ArrowArrayStream *stream, jobject held);

/* While true, on this thread, releases run no code of the host's: an iterator is closed that was
 * forgotten, and this is the Cleaner's thread. What only the host could free is leaked. */
void streams_forget(bool begin);
bool streams_forgetting(void);

/* The thread's JNIEnv, or NULL. Host code runs on the reading thread, which is Java's, unless
 * other native code reads an exported stream: that is attached, and to be detached. */
JNIEnv *jvm_enter(JavaVM *vm, bool *attached);

#endif
