/* Licensed under the Apache License, Version 2.0. See LICENSE. */
/* The input: values are of their task alone, so that those of another cannot pass for them. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../check.h"
#include "chaos.h"

enum { COLUMNS = 3 };

int64_t rows_of(const struct task *task) { return (int64_t)task->batches * task->rows; }

int64_t key_at(const struct task *task, int64_t row) {
  int64_t group = row / task->group;
  return task->deed != DEED_NOTHING && group == task->deed_group ? -task->deed : group;
}

/* 48 bits: three times it is exact as a double. */
int64_t number_at(const struct task *task, int64_t row) {
  return (int64_t)(mix(task->seed + (uint64_t)row) >> 16);
}

bool null_at(const struct task *task, int64_t row) {
  return task->nulls && number_at(task, row) % 7 == 0;
}

int text_at(const struct task *task, int64_t row, char *text) {
  uint64_t bits = (uint64_t)number_at(task, row);
  int size = (int)(bits % 13);
  for (int i = 0; i < size; i++) text[i] = "0123456789abcdef"[bits >> (4 * i) & 15];
  return size;
}

/* -------------------------------------------------------------------- Batch */

struct batch {
  struct task *task;
  struct ArrowArray columns[COLUMNS];
  struct ArrowArray *children[COLUMNS];
  const void *buffers[COLUMNS][3];
  const void *no_buffers[1];
  int64_t *keys, *numbers;
  uint8_t *validity;
  int32_t *offsets;
  char *texts;
};

static void release_column(struct ArrowArray *array) { array->release = NULL; }

static void release_batch(struct ArrowArray *array) {
  struct batch *batch = array->private_data;
  for (int c = 0; c < COLUMNS; c++)
    if (batch->columns[c].release != NULL) batch->columns[c].release(&batch->columns[c]);
  atomic_fetch_add(&batch->task->arrays_released, 1);
  free(batch->keys);
  free(batch->numbers);
  free(batch->validity);
  free(batch->offsets);
  free(batch->texts);
  free(batch);
  array->release = NULL;
}

static void fill(struct batch *batch, int64_t first, int64_t n) {
  struct task *task = batch->task;
  size_t size = (size_t)n;
  batch->keys = malloc(8 * size);
  batch->numbers = malloc(8 * size);
  batch->validity = calloc(1, size / 8 + 1);
  batch->offsets = malloc(4 * (size + 1));
  batch->texts = malloc(16 * size);
  int32_t end = 0;
  for (int64_t i = 0; i < n; i++) {
    batch->keys[i] = key_at(task, first + i);
    batch->numbers[i] = number_at(task, first + i);
    if (!null_at(task, first + i)) batch->validity[i / 8] |= (uint8_t)(1 << i % 8);
    batch->offsets[i] = end;
    end += text_at(task, first + i, batch->texts + end);
  }
  batch->offsets[n] = end;
}

/* Makes a batch of the rows from `first` on. */
static void make_batch(struct task *task, int64_t first, int64_t n, struct ArrowArray *out) {
  struct batch *batch = calloc(1, sizeof *batch);
  batch->task = task;
  fill(batch, first, n);
  batch->buffers[0][1] = batch->keys;
  batch->buffers[1][0] = task->nulls ? batch->validity : NULL;
  batch->buffers[1][1] = batch->numbers;
  batch->buffers[2][1] = batch->offsets;
  batch->buffers[2][2] = batch->texts;
  for (int c = 0; c < COLUMNS; c++) {
    batch->children[c] = &batch->columns[c];
    batch->columns[c] = (struct ArrowArray){.length = n,
                                            .null_count = c == 1 && task->nulls ? -1 : 0,
                                            .n_buffers = c == 2 ? 3 : 2,
                                            .buffers = batch->buffers[c],
                                            .release = release_column};
  }
  *out = (struct ArrowArray){.length = n,
                             .n_buffers = 1,
                             .n_children = COLUMNS,
                             .buffers = batch->no_buffers,
                             .children = batch->children,
                             .release = release_batch,
                             .private_data = batch};
  atomic_fetch_add(&task->given, 1);
}

/* ------------------------------------------------------------------- Schema */

static void release_child_schema(struct ArrowSchema *schema) { schema->release = NULL; }

static void release_schema(struct ArrowSchema *schema) {
  for (int c = 0; c < COLUMNS; c++)
    if (schema->children[c]->release != NULL) schema->children[c]->release(schema->children[c]);
  free(schema->children[0]);
  free(schema->children);
  schema->release = NULL;
}

static void make_schema(struct ArrowSchema *out) {
  struct ArrowSchema *columns = calloc(COLUMNS, sizeof *columns);
  *out = (struct ArrowSchema){.format = "+s",
                              .name = "",
                              .n_children = COLUMNS,
                              .children = malloc(sizeof(struct ArrowSchema *) * COLUMNS),
                              .release = release_schema};
  for (int c = 0; c < COLUMNS; c++) {
    columns[c] = (struct ArrowSchema){.format = c == 2 ? "u" : "l",
                                      .name = (const char *[]){"k", "n", "s"}[c],
                                      .flags = ARROW_FLAG_NULLABLE,
                                      .release = release_child_schema};
    out->children[c] = &columns[c];
  }
}

/* ------------------------------------------------------------------ Streams */

/* What the plan wants in the place of input number `at` of `all`: OK, AGAIN or an error. */
static int32_t answer(struct task *task, int at, int all) {
  if (at != (task->act_at < all ? task->act_at : all)) return UDFRUNNER_OK;
  if (task->act == CANCEL_INSIDE) lib.iterator_cancel(task->it, "reason inside");
  if (task->act == INPUT_FAILS) return UDFRUNNER_UNKNOWN;
  if (task->act == INPUT_AGAIN && task->answers > 0) {
    task->answers--;
    return UDFRUNNER_AGAIN;
  }
  return UDFRUNNER_OK;
}

static int get_schema(struct ArrowArrayStream *stream, struct ArrowSchema *out) {
  struct task *task = stream->private_data;
  if (task->act == SCHEMA_FAILS) return EIO;
  make_schema(out);
  return 0;
}

static const char *get_last_error(struct ArrowArrayStream *stream) {
  (void)stream;
  return "so it was planned";
}

static int get_batch(struct ArrowArrayStream *stream, struct ArrowArray *out) {
  struct task *task = stream->private_data;
  memset(out, 0, sizeof *out);
  int at = atomic_load(&task->given);
  int32_t said = answer(task, at, task->batches);
  if (said != UDFRUNNER_OK) return said == UDFRUNNER_AGAIN ? EAGAIN : EIO;
  if (at < task->batches) make_batch(task, (int64_t)at * task->rows, task->rows, out);
  return 0;
}

static void release_stream(struct ArrowArrayStream *stream) {
  atomic_fetch_add(&((struct task *)stream->private_data)->released, 1);
  stream->release = NULL;
}

/* ------------------------------------------------------------------- Groups */

/* The stream of one side of a group: one batch. */
struct side {
  struct task *task;
  int group;
  bool given;
};

static int get_side_schema(struct ArrowArrayStream *stream, struct ArrowSchema *out) {
  if (((struct side *)stream->private_data)->task->act == SCHEMA_FAILS) return EIO;
  make_schema(out);
  return 0;
}

static int get_side(struct ArrowArrayStream *stream, struct ArrowArray *out) {
  struct side *side = stream->private_data;
  memset(out, 0, sizeof *out);
  if (side->given) return 0;
  side->given = true;
  int64_t first = (int64_t)side->group * side->task->group, rows = rows_of(side->task);
  int64_t n = side->task->group < rows - first ? side->task->group : rows - first;
  make_batch(side->task, first, n, out);
  return 0;
}

static void release_side(struct ArrowArrayStream *stream) {
  free(stream->private_data);
  stream->release = NULL;
}

static int32_t next_group(void *ctx, struct ArrowArrayStream *out, int32_t n,
                          const char **message) {
  struct task *task = ctx;
  int all = (int)((rows_of(task) + task->group - 1) / task->group);
  int32_t said = answer(task, task->next_group, all);
  if (said < 0) *message = "so it was planned";
  if (said != UDFRUNNER_OK) return said;
  if (task->next_group == all) return UDFRUNNER_DONE;
  for (int32_t i = 0; i < n; i++) {
    struct side *side = malloc(sizeof *side);
    *side = (struct side){task, task->next_group, false};
    out[i] = (struct ArrowArrayStream){.get_schema = get_side_schema,
                                       .get_next = get_side,
                                       .get_last_error = get_last_error,
                                       .release = release_side,
                                       .private_data = side};
  }
  task->next_group++;
  return UDFRUNNER_OK;
}

/* ------------------------------------------------------------------ Records */

static int32_t next_record(void *ctx, udfrunner_record *out) {
  struct task *task = ctx;
  int at = atomic_load(&task->given);
  int32_t said = answer(task, at, task->batches);
  if (said < 0) out->message = "so it was planned";
  if (said != UDFRUNNER_OK) return said;
  if (at == task->batches) return UDFRUNNER_DONE;
  atomic_fetch_add(&task->given, 1);
  return pickle_rows(task, at, out);
}

static void release_context(void *ctx) {
  struct task *task = ctx;
  atomic_fetch_add(&task->released, 1);
  if (task->kind == PICKLED_ROWS) atomic_store(&task->arrays_released, task->given);
  free(task->record);
  task->record = NULL;
}

udfrunner_input task_input(struct task *task, struct ArrowArrayStream *stream) {
  udfrunner_input input = {.size = sizeof input, .keys = kinds[task->kind].grouped ? 1 : 0};
  task->answers = 2;
  if (task->kind == PICKLED_ROWS || task->kind == COGROUP_TABLES) {
    bool groups = task->kind == COGROUP_TABLES;
    input.kind = groups ? UDFRUNNER_INPUT_GROUPS : UDFRUNNER_INPUT_RECORDS;
    input.next = groups ? NULL : next_record;
    input.next_group = groups ? next_group : NULL;
    input.release = release_context;
    input.ctx = task;
    return input;
  }
  *stream = (struct ArrowArrayStream){.get_schema = get_schema,
                                      .get_next = get_batch,
                                      .get_last_error = get_last_error,
                                      .release = release_stream,
                                      .private_data = task};
  input.kind = UDFRUNNER_INPUT_STREAM;
  input.stream = stream;
  return input;
}
