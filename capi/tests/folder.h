/* Licensed under the Apache License, Version 2.0. See LICENSE. */
/* A temporary folder of a test's own. */
#ifndef UDFRUNNER_TESTS_FOLDER_H
#define UDFRUNNER_TESTS_FOLDER_H

#include <sys/types.h>

#define PATH_SIZE 256

/* The folder's path, from make_folder until remove_folder. */
extern char folder[PATH_SIZE / 2];

/* Makes the folder: below TMPDIR, else /tmp. */
void make_folder(void);

/* Writes a file of the folder, and makes the folders in its name. */
void write_file(const char *name, mode_t mode, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Removes the folder and all that is in it. */
void remove_folder(void);

#endif
