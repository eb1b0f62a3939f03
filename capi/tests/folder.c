/* Licensed under the Apache License, Version 2.0. See LICENSE. */
#define _GNU_SOURCE
#include "folder.h"

#include <errno.h>
#include <ftw.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "check.h"

char folder[PATH_SIZE / 2];

void make_folder(void) {
  const char *parent = getenv("TMPDIR");
  int size =
      snprintf(folder, sizeof folder, "%s/udfrunner-test-XXXXXX", parent == NULL ? "/tmp" : parent);
  CHECK(size < (int)sizeof folder);
  CHECK(mkdtemp(folder) != NULL);
}

void write_file(const char *name, mode_t mode, const char *format, ...) {
  char path[PATH_SIZE];
  CHECK(snprintf(path, sizeof path, "%s/%s", folder, name) < (int)sizeof path);
  for (char *slash = path + strlen(folder); (slash = strchr(slash + 1, '/')) != NULL;) {
    *slash = 0;
    CHECK(mkdir(path, 0700) == 0 || errno == EEXIST);
    *slash = '/';
  }
  FILE *file = fopen(path, "we");
  CHECK(file != NULL);
  va_list arguments;
  va_start(arguments, format);
  CHECK(vfprintf(file, format, arguments) > 0);
  va_end(arguments);
  CHECK_INT(0, fclose(file));
  CHECK_INT(0, chmod(path, mode));
}

static int remove_one(const char *path, const struct stat *s, int type, struct FTW *ftw) {
  (void)s, (void)type, (void)ftw;
  return remove(path);
}

void remove_folder(void) { CHECK_INT(0, nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS)); }
