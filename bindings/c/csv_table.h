/* Licensed under the Apache License, Version 2.0. See LICENSE. */
/* Numeric columns of a CSV file with a line of names at its head. */
#ifndef CSV_TABLE_H
#define CSV_TABLE_H

#include "columns.h"

typedef struct csv_table {
  int n;
  int64_t rows;
  column *columns;
} csv_table;

/* Reads the named columns; an empty field, or NA, is a null. Fields may be quoted and must not hold
 * line ends. Returns 0, or -1 after it wrote to stderr what is wrong and where. */
int csv_read(csv_table *table, const char *path, char *const *names, int n);

void csv_free(csv_table *table);

#endif
