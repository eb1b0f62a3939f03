/* Licensed under the Apache License, Version 2.0. See LICENSE. */
/* Arguments as Packer.java packs them: the structs of udfrunner.h, in memory of their own. */
#ifndef UDFRUNNER_JNI_PACKED_H
#define UDFRUNNER_JNI_PACKED_H

#include <jni.h>
#include <stdbool.h>

#include "udfrunner.h"

/* A copy of the array, and all that is made of it: freed at once. */
typedef struct packed {
  uint8_t *bytes;
  const uint8_t *at;
  struct packed_block *blocks;
  bool failed; /* memory was short: pointers may be NULL */
} packed;

/* Copies the array; false if out of memory. */
bool packed_open(packed *p, JNIEnv *jni, jbyteArray array);
void packed_close(packed *p);

/* n pairs; NULL for none. */
const udfrunner_pair *packed_pairs(packed *p, size_t *n);
/* A pair alone. */
udfrunner_pair packed_pair(packed *p);
/* A chain of n functions, and then its m arguments. */
const udfrunner_function *packed_functions(packed *p, size_t *n);
const udfrunner_argument *packed_arguments(packed *p, size_t *m);
udfrunner_task packed_task(packed *p);

#endif
