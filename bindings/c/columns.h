/* Licensed under the Apache License, Version 2.0. See LICENSE. */
/* Columns of doubles as an Arrow C stream: what a C program needs to hand its arrays to a task. */
#ifndef COLUMNS_H
#define COLUMNS_H

#include "udfrunner.h"

typedef struct column {
  const char *name;
  const double *values;
  const uint8_t *validity; /* Arrow's bitmap, bit 0 of byte 0 first, 1 = there; NULL = no nulls */
} column;

/* Fills `out` with a stream of the rows [first, last) of n columns, in batches of at most
 * batch_rows. Nothing is copied: names and values must live until the input is released. Returns 0,
 * or ENOMEM. */
int columns_stream(struct ArrowArrayStream *out, const column *columns, int n, int64_t first,
                   int64_t last, int64_t batch_rows);

/* The same as a task's input of all n columns and rows in one batch. `stream` must live until
 * runner_compute took the input; without memory the input is one that runner_compute refuses. */
udfrunner_input columns_input(struct ArrowArrayStream *stream, const column *columns, int n,
                              int64_t rows);

/* A function by reference ("module:qualname") with its return type in DDL. The texts are borrowed. */
udfrunner_function columns_function(const char *reference, const char *return_type);

#endif
