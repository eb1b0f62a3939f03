/* Licensed under the Apache License, Version 2.0. See LICENSE. */
/* What results must be, to the value. */
#include <string.h>

#include "chaos.h"

/* A group of neighbours with one key, which rows of results of groups follow. */
static int64_t group_rows(const struct task *task, int64_t group) {
  int64_t left = rows_of(task) - group * task->group;
  return left < task->group ? left : task->group;
}

static int64_t group_sum(const struct task *task, int64_t group) {
  int64_t sum = 0, first = group * task->group, n = group_rows(task, group);
  for (int64_t i = first; i < first + n; i++)
    if (!null_at(task, i)) sum += number_at(task, i);
  return sum;
}

static int64_t expected_rows(const struct task *task) {
  int64_t rows = rows_of(task);
  if (kinds[task->kind].grouped) rows = (rows + task->group - 1) / task->group;
  return rows;
}

static int columns_of(enum shape shape) {
  return (int[]){[ONE] = 1, [PAIR] = 2, [TRIPLE] = 3, [SUM] = 1, [GROUPED] = 3}[shape];
}

/* The number that a row of results has in a column, or null; of a text nothing. */
static bool expected(const struct task *task, int64_t row, int column, int64_t *value) {
  enum shape shape = kinds[task->kind].shape;
  if (shape == SUM || (shape == GROUPED && column == 1)) return *value = group_sum(task, row), true;
  if (shape == GROUPED && column == 2) return *value = group_rows(task, row), true;
  if (shape == GROUPED) return *value = key_at(task, row * task->group), true;
  if ((shape == PAIR && column == 1) || (shape == TRIPLE && column == 0))
    return *value = key_at(task, row), true;
  *value = 3 * number_at(task, row) + 1;
  return !null_at(task, row);
}

/* Not known are the results of liars, which are read only, of tasks that another thread reads too,
 * and of functions that give less than is due, or garbage, until that is noticed. */
static bool known(const struct task *task) {
  return task->place != LIAR && task->act != READ_MEANWHILE && task->deed != DEED_GIVES_LESS &&
         task->deed != DEED_GARBLES;
}

void check_value(struct task *task, bool null, int64_t value) {
  int64_t want = 0;
  int64_t row = (int64_t)task->row++;
  if (!known(task)) return;
  if (row >= expected_rows(task)) {
    failed(task, "row %lld of results, %lld were due", (long long)row,
           (long long)expected_rows(task));
  } else if (expected(task, row, 0, &want) == null || (!null && want != value)) {
    failed(task, "row %lld is %lld, not %lld", (long long)row, (long long)value, (long long)want);
  }
}

static void check_number(struct task *task, const struct column *column, int at, int64_t i,
                         int64_t row) {
  int64_t want = 0, j = column->first + i;
  bool there = column->validity == NULL || (column->validity[j / 8] >> j % 8 & 1) != 0;
  bool due = expected(task, row, at, &want);
  if (!known(task) || (due == there && (!due || column->values[j] == want))) return;
  failed(task, "row %lld of column %d is %s%lld, not %s%lld", (long long)row, at,
         there ? "" : "null, or ", (long long)column->values[j], due ? "" : "null, or ",
         (long long)want);
}

static void check_text_of(struct task *task, const struct column *column, int64_t i, int64_t row) {
  char want[16];
  int size = text_at(task, row, want);
  int32_t from = column->offsets[column->first + i], to = column->offsets[column->first + i + 1];
  if (!known(task) || (to - from == size && memcmp(column->text + from, want, (size_t)size) == 0))
    return;
  failed(task, "text %lld is \"%.*s\", not \"%.*s\"", (long long)row, to - from,
         column->text + from, size, want);
}

void check_rows(struct task *task, const struct column *columns, int64_t n, int64_t rows) {
  if (n != columns_of(kinds[task->kind].shape)) {
    failed(task, "%lld columns", (long long)n);
    return;
  }
  for (int64_t i = 0; i < rows; i++) {
    int64_t row = (int64_t)task->row++;
    if (known(task) && row >= expected_rows(task)) {
      failed(task, "row %lld of results, %lld were due", (long long)row,
             (long long)expected_rows(task));
      return;
    }
    for (int c = 0; c < (int)n; c++) {
      if (columns[c].offsets != NULL)
        check_text_of(task, &columns[c], i, row);
      else
        check_number(task, &columns[c], c, i, row);
    }
  }
}

void check_array(struct task *task, const struct ArrowArray *array) {
  struct column columns[4];
  for (int64_t c = 0; c < array->n_children && c < 4; c++) {
    const struct ArrowArray *child = array->children[c];
    bool text = child->n_buffers == 3;
    columns[c] = (struct column){.validity = child->buffers[0],
                                 .values = text ? NULL : child->buffers[1],
                                 .offsets = text ? child->buffers[1] : NULL,
                                 .text = text ? child->buffers[2] : NULL,
                                 .first = array->offset + child->offset};
  }
  check_rows(task, columns, array->n_children, array->length);
}

void check_end(struct task *task) {
  if (known(task) && (int64_t)task->row != expected_rows(task))
    failed(task, "done after %llu rows, %lld were due", (unsigned long long)task->row,
           (long long)expected_rows(task));
}
