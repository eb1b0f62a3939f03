/* Licensed under the Apache License, Version 2.0. See LICENSE. */
#include "library.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"

struct library lib;
static void *opened;

void *library_symbol(const char *name) { return dlsym(opened, name); }

static void find(const char *name, void *function, size_t size) {
  void *symbol = library_symbol(name);
  if (symbol == NULL) {
    fprintf(stderr, "%s\n", dlerror());
    exit(2);
  }
  memcpy(function, &symbol, size);
}

void library_open(void) {
  const char *path = getenv("UDFRUNNER_LIBRARY");
  opened = dlopen(path == NULL ? "build/libudfrunner.so" : path, RTLD_NOW | RTLD_LOCAL);
  if (opened == NULL) {
    fprintf(stderr, "%s\n", dlerror());
    exit(2);
  }
#define FIND(name) find(#name, &lib.name, sizeof lib.name);
  LIBRARY_FUNCTIONS(FIND)
#undef FIND
}

static void print(udfrunner_error *err) {
  if (err == NULL) return;
  fprintf(stderr, "  error %d: %s\n", lib.udfrunner_error_code(err),
          lib.udfrunner_error_message(err));
  static const char *const keys[] = {"python.traceback", "worker.stderr_tail", "go.panic"};
  for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
    const char *detail = lib.udfrunner_error_detail(err, keys[i]);
    if (detail != NULL) fprintf(stderr, "  %s: %s\n", keys[i], detail);
  }
}

void check_error(int32_t expected, udfrunner_error **err, const char *file, int line) {
  if (lib.udfrunner_error_code(*err) != expected) print(*err);
  check_int(expected, lib.udfrunner_error_code(*err), file, line, "code of the error");
  check(strlen(lib.udfrunner_error_message(*err)) > 0, file, line, "the error has a message");
  check(strchr(lib.udfrunner_error_message(*err), '\n') == NULL, file, line,
        "the message is one line");
  lib.udfrunner_error_destroy(err);
  check(*err == NULL, file, line, "the error is nulled");
}

void check_status(int32_t expected, int32_t actual, udfrunner_error **err, const char *file,
                  int line, const char *call) {
  if (actual != expected) print(*err);
  check_int(expected, actual, file, line, call);
  if (expected < 0) {
    check_error(expected, err, file, line);
  } else {
    check(*err == NULL, file, line, "no error");
  }
}
