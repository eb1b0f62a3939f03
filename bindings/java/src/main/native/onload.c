/* Licensed under the Apache License, Version 2.0. See LICENSE. */
/* Registers the natives with the class that loads this glue. Its name is not known here: a jar may relocate it. */
#include <stdlib.h>
#include <string.h>

#include "org_udfrunner_Native.h"

/* Loader.java sets this system property to the class's name while it loads. */
#define LOADING "udfrunner.glue.class"

static const struct native {
  const char *name;
  const char *signature;
  void (*function)(void);
} natives[] = {
/* NATIVE(method, signature) for each; the Makefile takes them from javac's header. */
#define NATIVE(method, types) {#method, types, (void (*)(void))Java_org_udfrunner_Native_##method},
#include "natives.inc"
#undef NATIVE
};

enum { COUNT = sizeof natives / sizeof natives[0] };

static jint register_all(JNIEnv *jni, jclass type) {
  JNINativeMethod methods[COUNT];
  for (size_t i = 0; i < COUNT; i++) {
    /* JNI's own types: no const, and functions as data. */
    memcpy(&methods[i].name, &natives[i].name, sizeof methods[i].name);
    memcpy(&methods[i].signature, &natives[i].signature, sizeof methods[i].signature);
    memcpy(&methods[i].fnPtr, &natives[i].function, sizeof methods[i].fnPtr);
  }
  return (*jni)->RegisterNatives(jni, type, methods, COUNT);
}

/* The class of a name as Class.getName gives it, by the class loader that loads this glue. */
static jclass find_class(JNIEnv *jni, jstring name) {
  const char *text = (*jni)->GetStringUTFChars(jni, name, NULL);
  if (text == NULL) return NULL;
  char *path = strdup(text);
  (*jni)->ReleaseStringUTFChars(jni, name, text);
  if (path == NULL) return NULL;
  for (char *c = path; *c != 0; c++)
    if (*c == '.') *c = '/';
  jclass type = (*jni)->FindClass(jni, path);
  free(path);
  return type;
}

static jclass loading_class(JNIEnv *jni) {
  jclass system = (*jni)->FindClass(jni, "java/lang/System");
  if (system == NULL) return NULL;
  jmethodID clear = (*jni)->GetStaticMethodID(jni, system, "clearProperty",
                                              "(Ljava/lang/String;)Ljava/lang/String;");
  jstring key = clear == NULL ? NULL : (*jni)->NewStringUTF(jni, LOADING);
  if (key == NULL) return NULL;
  jstring name = (*jni)->CallStaticObjectMethod(jni, system, clear, key);
  if ((*jni)->ExceptionCheck(jni) || name == NULL) return NULL;
  return find_class(jni, name);
}

JNIEXPORT jint JNICALL JNI_OnLoad(JavaVM *vm, void *reserved) {
  (void)reserved;
  void *env = NULL;
  if ((*vm)->GetEnv(vm, &env, JNI_VERSION_1_8) != JNI_OK) return JNI_ERR;
  JNIEnv *jni = env;
  jclass type = loading_class(jni);
  if (type == NULL || register_all(jni, type) != JNI_OK) return JNI_ERR;
  return JNI_VERSION_1_8;
}
