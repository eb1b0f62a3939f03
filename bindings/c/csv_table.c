/* Licensed under the Apache License, Version 2.0. See LICENSE. */
#define _POSIX_C_SOURCE 200809L
#include "csv_table.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct reader {
  const char *path;
  FILE *file;
  char *line;
  size_t capacity;
  int64_t number;
  int64_t allocated; /* rows that the columns have room for */
  int *place;        /* place[i] is the field of column i */
  int fields;
};

static int wrong(const struct reader *reader, const char *what, const char *which) {
  fprintf(stderr, "%s:%lld: %s%s%s\n", reader->path, (long long)reader->number, what,
          which == NULL ? "" : " ", which == NULL ? "" : which);
  return -1;
}

/* Reads a line without its end; 1 for a line, 0 at the end of the file. */
static int next_line(struct reader *reader) {
  ssize_t size = getline(&reader->line, &reader->capacity, reader->file);
  if (size < 0) return 0;
  reader->number++;
  while (size > 0 && (reader->line[size - 1] == '\n' || reader->line[size - 1] == '\r')) {
    reader->line[--size] = '\0';
  }
  return 1;
}

/* Cuts the next field off *rest, unquotes it in place; NULL after the last. */
static char *next_field(char **rest) {
  char *field = *rest;
  if (field == NULL) return NULL;
  char *to = field;
  bool quoted = false;
  for (char *from = field;; from++) {
    if (*from == '"' && quoted && from[1] == '"') {
      *to++ = *from++;
    } else if (*from == '"') {
      quoted = !quoted;
    } else if (*from == '\0' || (*from == ',' && !quoted)) {
      *rest = *from == ',' ? from + 1 : NULL;
      *to = '\0';
      return field;
    } else {
      *to++ = *from;
    }
  }
}

static int read_names(struct reader *reader, const csv_table *table, char *const *names) {
  if (!next_line(reader)) return wrong(reader, "no line of column names", NULL);
  for (int i = 0; i < table->n; i++) reader->place[i] = -1;
  char *rest = reader->line;
  for (char *field; (field = next_field(&rest)) != NULL; reader->fields++) {
    for (int i = 0; i < table->n; i++) {
      if (strcmp(field, names[i]) == 0) reader->place[i] = reader->fields;
    }
  }
  for (int i = 0; i < table->n; i++) {
    if (reader->place[i] < 0) return wrong(reader, "there is no column", names[i]);
  }
  return 0;
}

static int grow(struct reader *reader, csv_table *table) {
  int64_t rows = reader->allocated == 0 ? 1024 : 2 * reader->allocated;
  for (int i = 0; i < table->n; i++) {
    double *values =
        realloc((void *)(uintptr_t)table->columns[i].values, (size_t)rows * sizeof *values);
    if (values == NULL) return wrong(reader, "no memory for a column", table->columns[i].name);
    table->columns[i].values = values;
    uint8_t *validity = realloc((void *)(uintptr_t)table->columns[i].validity, (size_t)rows / 8);
    if (validity == NULL) return wrong(reader, "no memory for a column", table->columns[i].name);
    memset(validity + reader->allocated / 8, 0, (size_t)(rows - reader->allocated) / 8);
    table->columns[i].validity = validity;
  }
  reader->allocated = rows;
  return 0;
}

static int put(const struct reader *reader, const csv_table *table, int i, const char *field) {
  const column *column = &table->columns[i];
  int64_t row = table->rows;
  double value = 0;
  if (*field != '\0' && strcmp(field, "NA") != 0) {
    char *end;
    value = strtod(field, &end);
    if (*end != '\0') return wrong(reader, "not a number:", field);
    ((uint8_t *)(uintptr_t)column->validity)[row / 8] |= (uint8_t)(1 << row % 8);
  }
  ((double *)(uintptr_t)column->values)[row] = value;
  return 0;
}

static int read_rows(struct reader *reader, csv_table *table) {
  while (next_line(reader)) {
    if (reader->line[0] == '\0') continue;
    if (table->rows == reader->allocated && grow(reader, table) != 0) return -1;
    char *rest = reader->line;
    int fields = 0;
    for (char *field; (field = next_field(&rest)) != NULL; fields++) {
      for (int i = 0; i < table->n; i++) {
        if (reader->place[i] == fields && put(reader, table, i, field) != 0) return -1;
      }
    }
    if (fields != reader->fields) return wrong(reader, "not as many fields as names", NULL);
    table->rows++;
  }
  if (ferror(reader->file)) return wrong(reader, strerror(errno), NULL);
  return 0;
}

int csv_read(csv_table *table, const char *path, char *const *names, int n) {
  struct reader reader = {.path = path, .file = fopen(path, "r")};
  *table = (csv_table){.n = n, .columns = calloc((size_t)n, sizeof(column))};
  reader.place = calloc((size_t)n, sizeof *reader.place);
  int result = -1;
  if (reader.file == NULL) {
    wrong(&reader, strerror(errno), NULL);
  } else if (table->columns == NULL || reader.place == NULL) {
    wrong(&reader, "no memory", NULL);
  } else {
    for (int i = 0; i < n; i++) table->columns[i].name = names[i];
    if (read_names(&reader, table, names) == 0) result = read_rows(&reader, table);
  }
  if (reader.file != NULL) fclose(reader.file);
  free(reader.line);
  free(reader.place);
  return result;
}

void csv_free(csv_table *table) {
  for (int i = 0; table->columns != NULL && i < table->n; i++) {
    free((void *)(uintptr_t)table->columns[i].values);
    free((void *)(uintptr_t)table->columns[i].validity);
  }
  free(table->columns);
}
