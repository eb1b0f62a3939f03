/* Licensed under the Apache License, Version 2.0. See LICENSE. */
#include "library.h"

#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

struct library lib;

static int find(void *library, const char *name, void *function, char *message, size_t size) {
  void *symbol = dlsym(library, name);
  if (symbol == NULL) {
    snprintf(message, size, "it has no function %s", name);
    return -1;
  }
  memcpy(function, &symbol, sizeof symbol);
  return 0;
}

/* Functions are bound after the version is known to fit: of another one some may be missing. */
static int bind(void *library, char *message, size_t size) {
  if (find(library, "udfrunner_abi_version", &lib.udfrunner_abi_version, message, size) != 0)
    return -1;
  uint32_t found = lib.udfrunner_abi_version();
  uint32_t needed = UDFRUNNER_ABI_VERSION;
  if (found >> 16 != needed >> 16 || (found & 0xffff) < (needed & 0xffff)) {
    snprintf(message, size, "its ABI version is %u.%u, %u.%u or a later minor version is needed",
             found >> 16, found & 0xffff, needed >> 16, needed & 0xffff);
    return -1;
  }
#define FIND(name) \
  if (find(library, #name, &lib.name, message, size) != 0) return -1;
  LIBRARY_FUNCTIONS(FIND)
#undef FIND
  return 0;
}

int library_open(const char *path, char *message, size_t size) {
  /* RTLD_LOCAL: runner_* and iterator_* are plain names. Never closed: its threads go on. */
  void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  if (library == NULL) {
    const char *why = dlerror();
    snprintf(message, size, "%s", why == NULL ? "dlopen failed" : why);
    return -1;
  }
  return bind(library, message, size);
}
